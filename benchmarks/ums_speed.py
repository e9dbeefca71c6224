"""How much faster hyperfocal's UMS-Fusion is than plain PyTorch, and whether it decides alike.

    python benchmarks/ums_speed.py STACK_FOLDER_OR_FOLDER_OF_PAIRS… [--rounds 2]

A folder of pairs holds NAME-A and NAME-B. Both take turns on every stack, in one process, arrays
in memory to decision matrix. The initial decision matrix is the whole network's work; the
optimised one is made from both by the same majority filter (tests hold it to its definition).
Needs torch and safetensors.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import ums_baseline
from sesf_speed import AS_GIVEN, pairs, read

import hyperfocal
from hyperfocal import registry
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped


def stacks(folders):
    """Name and frames of every stack."""
    for folder in folders:
        if any(folder.glob("*-A.*")):
            for name, *frames in pairs([folder]):
                yield name, frames
        else:
            files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
            yield folder.name, [read(path) for path in files]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precision", default="fp32")
    given = parser.parse_args()
    network = load_network(shipped("ums").path)
    method = registry.make("methods", "ums", precision=given.precision)
    print("| stack | frames | size | PyTorch s | ours s | times | initial equal | final equal |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for name, frames in stacks(given.folders):
        hyperfocal.fuse(frames, method=method, **AS_GIVEN)  # compiles the network once
        theirs, ours = [], []
        for _ in range(given.rounds):
            start = time.perf_counter()
            plain = ums_baseline.decide(network, frames)
            theirs.append(time.perf_counter() - start)
            start = time.perf_counter()
            fusion = hyperfocal.fuse(frames, method=method, **AS_GIVEN)
            ours.append(time.perf_counter() - start)
        final = method.decision.verify(plain, frame_count=len(frames))
        seconds = statistics.median(theirs), statistics.median(ours)
        rows.append(
            (
                *seconds,
                seconds[0] / seconds[1],
                np.mean(fusion.initial_decision == plain),
                np.mean(fusion.decision == final),
            )
        )
        height, width = plain.shape
        print(f"| {name} | {len(frames)} | {width} × {height} | {told(rows[-1])} |", flush=True)
    summary = told([*np.median(rows, 0)[:3], *np.mean(rows, 0)[3:]])
    print(f"| median; decisions: mean | | | {summary} |")
    print(f"| worst | | | | | | {np.min(rows, 0)[3]:.3%} | {np.min(rows, 0)[4]:.3%} |")


def told(row):
    theirs, ours, times, initial, final = row
    return f"{theirs:.2f} | {ours:.2f} | {times:.1f} | {initial:.3%} | {final:.3%}"


if __name__ == "__main__":
    main()
