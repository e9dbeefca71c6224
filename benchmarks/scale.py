"""Peak memory and time of large stacks, each run as a whole process.

    python benchmarks/scale.py FOLDER --megapixels 12 --frames 8 64 256 [--memory 4GB]

Makes the frames in FOLDER (JPEG, four different ones under as many names as needed), fuses them
with the command line, and prints wall time, peak memory and MB per megapixel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np


def make_frames(folder, megapixels, count):
    """`count` JPEG files of this size; frame k is sharp in the k-th quarter of the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = height * 3 // 2
    if not (folder / "kind0.jpg").exists():
        rng = np.random.default_rng(0)
        coarse = rng.integers(40, 215, (height // 4, width // 4, 3), np.uint8)
        sharp = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
        soft = cv2.GaussianBlur(sharp, (0, 0), 4)
        for kind in range(4):
            frame = soft.copy()
            rows = slice(kind * height // 4, (kind + 1) * height // 4)
            frame[rows] = sharp[rows]
            cv2.imwrite(str(folder / f"kind{kind}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, 92])
    stack = folder / f"stack{count}"
    stack.mkdir(exist_ok=True)
    for number in range(count):
        target = stack / f"frame{number}.jpg"
        if not target.exists():
            os.link(folder / f"kind{number * 4 // count}.jpg", target)
    return stack, height * width / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--frames", nargs="+", type=int, default=[8, 64])
    parser.add_argument("--methods", nargs="+", default=["select"])
    parser.add_argument("--memory", default="16GB")
    given = parser.parse_args()
    print("| method | frames | wall s | peak MB | MB per megapixel | MP/s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for method in given.methods:
        for count in given.frames:
            stack, size = make_frames(given.folder, given.megapixels, count)
            command = [sys.executable, "-m", "hyperfocal", "fuse", str(stack)]
            out = given.folder / f"{method.partition(':')[0]}-{count}.tif"
            command += ["-o", str(out), "--method", method, "--memory", given.memory]
            start = time.perf_counter()
            done = subprocess.run(
                [*command, "--json", "--overwrite"], capture_output=True, text=True, check=True
            )
            wall = time.perf_counter() - start
            peak = json.loads(done.stdout)["peak_memory_bytes"] / 1e6
            print(
                f"| {method} | {count} × {size:.1f} MP | {wall:.0f} | {peak:.0f} | "
                f"{peak / size:.0f} | {count * size / wall:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
