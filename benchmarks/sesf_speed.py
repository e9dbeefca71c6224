"""How much faster hyperfocal's SESF-Fuse is than plain PyTorch, and whether it decides alike.

    python benchmarks/sesf_speed.py FOLDER_OF_PAIRS… [--rounds 5]

Folders hold NAME-A and NAME-B. Baseline and hyperfocal take turns on every pair, in one process,
arrays in memory to fused array in memory; medians. Needs torch, safetensors and scikit-image.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
import sesf_baseline

import hyperfocal
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped

AS_GIVEN = {"align": "none", "exposure": "none"}  # the baseline takes frames as registered


def pairs(folders):
    """Name and two uint8 pictures of every pair."""
    for folder in folders:
        for first in sorted(folder.glob("*-A.*")):
            second = first.with_name(first.name.replace("-A.", "-B."))
            yield first.stem[:-2], read(first), read(second)


def read(path):
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return picture if picture.ndim == 2 else picture[:, :, 2::-1].copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--method", default="sesf")
    given = parser.parse_args()
    network = load_network(shipped("sesf", "sesf-cse").path)
    select = f"select:consistency=no,measure={given.method}"
    rows = []
    for name, first, second in pairs(given.folders):
        hyperfocal.fuse(
            [first, second], method=given.method, **AS_GIVEN
        )  # compiles the network once
        theirs, ours = [], []
        for _ in range(given.rounds):
            start = time.perf_counter()
            picture, raw, decision = sesf_baseline.fuse(network, first, second)
            theirs.append(time.perf_counter() - start)
            start = time.perf_counter()
            fusion = hyperfocal.fuse([first, second], method=given.method, **AS_GIVEN)
            ours.append(time.perf_counter() - start)
        raw_index = hyperfocal.fuse([first, second], method=select, **AS_GIVEN).decision
        rows.append(
            (
                statistics.median(theirs),
                statistics.median(ours),
                np.mean((raw_index == 0) == raw),
                np.mean((fusion.decision == 0) == decision),
                np.abs(fusion.picture.astype(int) - picture).max(),
            )
        )
        told = " ".join(f"{value:.5g}" for value in rows[-1])
        print(f"{name}: {told}", flush=True)
    table = np.array(rows)
    theirs, ours = np.median(table[:, 0]), np.median(table[:, 1])
    print("\n| | PyTorch, plainly | hyperfocal |\n| --- | --- | --- |")
    print(f"| seconds per pair (median of {len(rows)} pairs) | {theirs:.3f} | {ours:.3f} |")
    print(f"| times as fast | 1 | {np.median(table[:, 0] / table[:, 1]):.1f} |")
    print(
        f"| raw decisions equal (mean, worst pair) | | {table[:, 2].mean():.3%}, "
        f"{table[:, 2].min():.3%} |"
    )
    print(
        f"| verified decisions equal (mean, worst pair) | | {table[:, 3].mean():.3%}, "
        f"{table[:, 3].min():.3%} |"
    )


if __name__ == "__main__":
    main()
