"""Table 1 of the SESF-Fuse paper, ours beside the published figures.

    python benchmarks/sesf_ablation.py FOLDER_OF_PAIRS… [--attention cse sse scse]

Folders hold NAME-A and NAME-B. Metrics in the convention of the paper's tables (colour as luma
on 0…1, grey on 0…255). The decoded modes need torch; the decision maps run without.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sesf_baseline import activity
from sesf_speed import pairs
from torch.nn import functional

import hyperfocal
from hyperfocal.frame import to_samples
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped
from hyperfocal.metrics import to_grey
from hyperfocal.metrics.qcb import qcb
from hyperfocal.metrics.qg import qg
from hyperfocal.metrics.qm import qm

PAPER = {
    "cse absmax": (0.5204, 2.4880, 0.6019),
    "cse average": (0.5033, 2.4835, 0.5963),
    "cse l1": (0.5124, 2.4961, 0.6020),
    "cse max": (0.5059, 2.4851, 0.5980),
    "cse sf": (0.6885, 2.7216, 0.7526),
    "cse sf dm": (0.7105, 2.8886, 0.7848),
    "sse sf dm": (0.7103, 2.8889, 0.7849),
    "scse sf dm": (0.7104, 2.8903, 0.7852),
}


def absmax(first, second):
    return torch.where(first.abs() >= second.abs(), first, second)


def average(first, second):
    return (first + second) / 2


def l1(first, second):
    """Weights from the l1 norm over channels, averaged over 3×3 (Li and Wu, DenseFuse, 2019)."""
    norms = [
        functional.avg_pool2d(part.abs().sum(1, keepdim=True), 3, 1, 1) for part in (first, second)
    ]
    share = norms[0] / (norms[0] + norms[1]).clamp_min(1e-12)
    return share * first + (1 - share) * second


RULES = {"absmax": absmax, "average": average, "l1": l1, "max": torch.maximum}


@torch.no_grad()
def decoded(network, rule, first, second):
    """Both pictures' features fused by a rule and decoded: (H, W) uint8."""
    pictures = [grey_pixels(picture) for picture in (first, second)]
    features = [network.features(torch.from_numpy(grey)[None, None]) for grey in pictures]
    if rule == "sf":
        chosen = activity(network, pictures[0]) > activity(network, pictures[1])
        fused = torch.where(torch.from_numpy(chosen), *features)
    else:
        fused = RULES[rule](*features)
    pixels = network.denormalise(network.decode(fused))[0, 0].numpy()
    return to_samples(pixels, np.dtype(np.uint8))


def grey_pixels(picture):
    scale = 1 if picture.ndim == 3 else 1 / 255
    return (to_grey(picture, "paper") * scale).astype(np.float32)


def scores(fused, first, second):
    """Qg, Qm, Qcb as the paper's evaluation computes them."""
    sources = [to_grey(picture, "paper") for picture in (first, second)]
    grey = to_grey(fused, "paper")
    if fused.ndim == 2 and first.ndim == 3:
        grey = grey / 255
    return qg(grey, sources), qm(grey, sources), qcb(grey, sources)


def as_given(frames, method):
    """The fused picture of frames that are taken as registered, as the published code does."""
    return hyperfocal.fuse(frames, method=method, align="none", exposure="none").picture


def modes(attentions, precision):
    """Name and fusing function of every row whose weights are there."""
    for attention in attentions:
        try:
            network = load_network(shipped("sesf", f"sesf-{attention}").path)
        except hyperfocal.MissingExtra:
            continue
        if attention == "cse":
            for rule in (*RULES, "sf"):
                yield f"cse {rule}", lambda a, b, rule=rule, net=network: decoded(net, rule, a, b)
        method = f"sesf:attention={attention},precision={precision}"
        yield f"{attention} sf dm", lambda a, b, m=method: as_given([a, b], m)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--attention", nargs="+", default=["cse", "sse", "scse"])
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--only", help="only rows whose name ends in this")
    given = parser.parse_args()
    stack = list(pairs(given.folders))
    print(f"{len(stack)} pairs\n")
    print("| mode | Qg ours | paper | Qm ours | paper | Qcb ours | paper |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, fuse in modes(given.attention, given.precision):
        if given.only and not name.endswith(given.only):
            continue
        means = np.mean([scores(fuse(a, b), a, b) for _, a, b in stack], 0)
        cells = [f"{own:.4f} | {paper:.4f}" for own, paper in zip(means, PAPER[name], strict=True)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
