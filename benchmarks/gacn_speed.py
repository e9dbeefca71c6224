"""How much faster hyperfocal's GACN is than plain PyTorch, and whether it decides alike.

    python benchmarks/gacn_speed.py FOLDER_OF_PAIRS… [--rounds 3] [--every 4]

Folders hold NAME-A and NAME-B. Baseline and hyperfocal take turns on every pair, in one process,
arrays in memory to fused array in memory; medians. Needs torch and safetensors.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import gacn_baseline
import numpy as np
from sesf_speed import AS_GIVEN, pairs

import hyperfocal
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped


def timed(work, rounds):
    """What work gives, and its median seconds of wall and processor."""
    walls, processors = [], []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        made = work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return made, statistics.median(walls), statistics.median(processors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--method", default="gacn")
    parser.add_argument("--every", type=int, default=1, help="only every so-manieth pair")
    given = parser.parse_args()
    network = load_network(shipped("gacn").path)
    rows = []
    for name, *frames in list(pairs(given.folders))[:: given.every]:

        def ours(frames=frames):
            return hyperfocal.fuse(frames, method=given.method, **AS_GIVEN)

        def theirs(frames=frames):
            return gacn_baseline.fuse(network, *frames)

        ours()  # opens the network
        (picture, weight), *slow = timed(theirs, given.rounds)
        fusion, *fast = timed(ours, given.rounds)
        equal = np.mean((fusion.decision == 0) == (weight >= 0.5))
        apart = np.abs(fusion.picture.astype(int) - picture).mean()
        rows.append((*slow, *fast, equal, apart))
        print(name, " ".join(f"{value:.5g}" for value in rows[-1]), flush=True)
    table = np.array(rows)
    wall, cpu, own_wall, own_cpu = np.median(table[:, :4], 0)
    print("\n| | PyTorch, plainly | hyperfocal | times as fast |\n| --- | --- | --- | --- |")
    print(f"| seconds a pair ({len(rows)} pairs) | {wall:.3f} | {own_wall:.3f} |", end="")
    print(f" {np.median(table[:, 0] / table[:, 2]):.1f} |")
    print(f"| processor seconds | {cpu:.3f} | {own_cpu:.3f} |", end="")
    print(f" {np.median(table[:, 1] / table[:, 3]):.1f} |")
    print(
        f"| decisions equal: mean, worst | | {table[:, 4].mean():.3%}, {table[:, 4].min():.3%} | |"
    )


if __name__ == "__main__":
    main()
