"""Fused pictures against exact all-in-focus references: PSNR and SSIM of every method.

    python benchmarks/ground_truth.py DATA_FOLDER [--methods sesf ums …] [--scenes PATTERN]

DATA_FOLDER holds `rendered/SCENE`, `stacks_gt/SCENE` and `pairs_gt/SET` as in the development
data. Beside the methods stand the best single frame and the plain mean of all frames. Needs
scikit-image. Frames are taken as registered; benchmarks/alignment.py has
the scenes with focus breathing.
"""

from __future__ import annotations

import argparse
import fnmatch
import time
from pathlib import Path

import cv2
import numpy as np
from sesf_speed import read
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import hyperfocal


def scenes(data):
    """Name, frames and reference of every scene, as uint8 pictures."""
    for folder in sorted((data / "rendered").glob("*/")):
        if "_breath" not in folder.name:
            frames = [read(path) for path in sorted(folder.glob("frame_*.png"))]
            yield f"rendered/{folder.name}", frames, read(folder / "reference.png")
    for folder in sorted((data / "stacks_gt").glob("*/")):
        frames = [read(path) for path in sorted((folder / "frames").iterdir())]
        yield f"stacks_gt/{folder.name}", frames, read(folder / "gt.png")
    for path in sorted((data / "pairs_gt").glob("*/*-GT.*")):
        frames = [read(path.with_name(path.name.replace("-GT", side))) for side in ("-A", "-B")]
        yield f"pairs_gt/{path.parent.name}", frames, read(path)


def scores(picture, reference):
    """PSNR in dB and SSIM (7 × 7 window, channels averaged), of 8-bit pictures."""
    axis = None if reference.ndim == 2 else 2
    psnr = peak_signal_noise_ratio(reference, picture, data_range=255)
    return psnr, structural_similarity(reference, picture, data_range=255, channel_axis=axis)


def rows_of(frames, reference, methods):
    """Scores and seconds by row name for one scene."""
    singles = [scores(frame, reference) for frame in frames]
    mean = np.rint(np.mean(frames, 0, dtype=np.float64)).astype(np.uint8)
    rows = {"best frame": (*max(singles), 0.0), "mean": (*scores(mean, reference), 0.0)}
    for method in methods:
        start = time.perf_counter()
        picture = hyperfocal.fuse(frames, method=method, align="none", exposure="none").picture
        rows[method] = (*scores(picture, reference), time.perf_counter() - start)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods", nargs="+", default=["sesf", "ums", "select", "lp"])
    parser.add_argument("--scenes", default="*")
    given = parser.parse_args()
    cv2.setNumThreads(2)
    table = {}
    for name, frames, reference in scenes(given.data):
        if fnmatch.fnmatch(name, given.scenes):
            for row, values in rows_of(frames, reference, given.methods).items():
                table.setdefault(name, {}).setdefault(row, []).append(values)
    names = ["best frame", "mean", *given.methods]
    print("| scene (PSNR dB / SSIM) | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for scene, rows in table.items():
        means = [np.mean(rows[name], 0) for name in names]
        cells = " | ".join(f"{psnr:.2f} / {ssim:.4f}" for psnr, ssim, _ in means)
        count = len(rows["mean"])
        print(f"| {scene}{f' ({count} pairs)' if count > 1 else ''} | {cells} |")


if __name__ == "__main__":
    main()
