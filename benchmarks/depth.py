"""Mean absolute error of the depth, in frames, on rendered stacks with a true depth.

    python benchmarks/depth.py DATA/rendered --methods prism sesf select

The true position of a pixel is where its depth lies between the focus distances of the frames;
what lies before the first or behind the last is left out, and so are flat places, where no frame
shows more than another (`--flat`: where the largest difference of the frames from their mean, in a
window of 9 px, is below this many levels of 255).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

import hyperfocal


def truth(folder):
    """True position (height, width) in frames; NaN outside of the stack."""
    about = json.loads((folder / "focus.json").read_text())
    depth = cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED).astype(np.float64)
    depth *= about["depth_scale"]
    # Blur goes with the inverse of the distance, and so do positions between frames.
    focus = 1 / np.array(about["focus_distances"], np.float64)
    inverse = 1 / np.maximum(depth, 1e-9)
    order = np.argsort(focus)
    place = np.interp(inverse, focus[order], order.astype(np.float64))
    slack = 0.5 * np.abs(np.diff(focus)).mean()
    place[(inverse < focus.min() - slack) | (inverse > focus.max() + slack)] = np.nan
    return place


def telling(frames, flat):
    """Where frames differ enough for a focus to be told."""
    pictures = np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in frames])
    spread = np.ptp(pictures.astype(np.float32), axis=0)
    return cv2.dilate(spread, np.ones((9, 9), np.uint8)) > flat


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods", nargs="+", default=["prism", "sesf"])
    parser.add_argument("--flat", type=float, default=6)
    given = parser.parse_args()
    print("| scene | frames |", " | ".join(f"{m}: all | telling" for m in given.methods), "|")
    print("| --- | ---: |", " | ".join("---: | ---:" for _ in given.methods), "|")
    rows = []
    for folder in sorted(given.data.iterdir()):
        if not (folder / "focus.json").exists() or folder.name.endswith("_breath"):
            continue
        frames = sorted(folder.glob("frame_*.png"))
        place = truth(folder)
        seen = np.isfinite(place)
        told = seen & telling(frames, given.flat)
        row = []
        for method in given.methods:
            made = hyperfocal.fuse(frames, method=method, align="none", exposure="none")
            error = np.abs(made.depth - place)
            row += [error[seen].mean(), error[told].mean()]
        rows.append(row)
        print(f"| {folder.name} | {len(frames)} |", " | ".join(f"{e:.3f}" for e in row), "|")
    print("| mean | |", " | ".join(f"{e:.3f}" for e in np.mean(rows, 0)), "|")


if __name__ == "__main__":
    main()
