"""What parts the learned methods from the paper's runs, each difference put back alone.

    python benchmarks/learned_differences.py FOLDER_OF_PAIRS… [--every 4]

Grey pairs, Qg, Qm and Qcb on 0…1. "stretched" is a result stretched to the full range; "at 256"
are frames shrunk to 256×256 px and the result enlarged again. Then, for CNN-Fuse, the share of
decisions before verification on which both orders of the frames agree. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from table2 import pairs, read
from torch.nn import functional

import hyperfocal
from hyperfocal.baselines.cnn_fuse.graphs import focus_map
from hyperfocal.frame import to_grey, to_pixels
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped
from hyperfocal.metrics.qcb import qcb
from hyperfocal.metrics.qg import qg
from hyperfocal.metrics.qm import qm


def stretched(picture):
    return (picture - picture.min()) / (picture.max() - picture.min())


def results(frames):
    """Name and picture of every variant."""
    height, width = frames[0].shape
    decoded = {"mean": np.mean(frames, 0)}
    for mode in ("add", "l1"):
        method = f"dense_fuse:mode={mode}"
        decoded[method] = hyperfocal.fuse(frames, method=method).picture
    for name, picture in decoded.items():
        yield name, np.clip(picture, 0, 1)
        yield f"{name} stretched", stretched(picture)
    yield "deep_fuse", hyperfocal.fuse(frames, method="deep_fuse").picture
    small = [cv2.resize(frame, (256, 256)) for frame in frames]
    fused = hyperfocal.fuse(small, method="deep_fuse").picture
    yield "deep_fuse at 256", cv2.resize(fused, (width, height))


def scores(picture, frames):
    rounded = np.rint(np.clip(picture, 0, 1) * 255) / 255
    return [metric(rounded, frames) for metric in (qg, qm, qcb)]


@torch.no_grad()
def agreement(network, frames):
    """Shares of decisions alike: one order and both; one order and the other."""
    height, width = (length // 2 * 2 for length in frames[0].shape)
    first, second = (
        network.features(torch.from_numpy(frame[:height, :width].copy())[None, None])
        for frame in frames
    )
    kernels = network.kernels()

    def scored(features, kernel):
        return functional.conv2d(features, kernel[None])

    forth = scored(first, kernels[0]), -scored(second, kernels[1])
    back = -scored(first, kernels[1]), scored(second, kernels[0])
    both = (forth[0] + back[0]) / 2, (forth[1] + back[1]) / 2
    one, other, mean = (focus_map(*pair) > 0.5 for pair in (forth, back, both))
    return [float((one == mean).float().mean()), float((one == other).float().mean())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=4, help="only every so-manieth pair")
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(shipped("cnn_fuse").path)
    rows, alike = {}, []
    for pair in list(pairs(given.folders))[:: given.every]:
        pictures = [read(path) for path in pair]
        frames = [to_grey(to_pixels(p if p.ndim == 3 else p[:, :, None])) for p in pictures]
        for name, picture in results(frames):
            rows.setdefault(name, []).append(scores(picture, frames))
        alike.append(agreement(network, frames))
    print("| variant | Qg | Qm | Qcb |\n| --- | --- | --- | --- |")
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{mean:.4f}" for mean in np.mean(values, 0)) + " |")
    for what, mean, worst in zip(
        ("mean of both", "other"), np.mean(alike, 0), np.min(alike, 0), strict=True
    ):
        print(f"\ncnn_fuse, one order and the {what}: {mean:.2%} alike, worst pair {worst:.2%}")


if __name__ == "__main__":
    main()
