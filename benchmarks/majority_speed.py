"""How long the optimisation of UMS-Fusion's decision matrix takes, against its definition.

    python benchmarks/majority_speed.py [--height 4000] [--width 6000] [--frames 100] [--rounds 3]

A ramp of depth with noise and misjudged patches is the realistic matrix; a random one, in which no
index can be left out, is the worst. Fastest round; processor time is that of all threads. The
definition, a loop over entries, is timed on 1/2000 of them and extrapolated.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import tracemalloc
from datetime import date

import cv2
import numpy as np

from hyperfocal.compute.mode_filter import majority, median_index
from hyperfocal.decision.majority import published_window


def ramp(height, width, frames, rng):
    """Smooth depth over all frames, ±3 frames of noise, and 2 % of patches at random."""
    wave = 4 * np.sin(np.arange(height, dtype=np.float32) / 400)[:, None]
    depth = np.linspace(0, frames - 1, width, dtype=np.float32) + wave
    depth += 3 * rng.standard_normal((height, width), np.float32)
    index = np.clip(np.rint(depth), 0, frames - 1).astype(np.uint16)
    patches = rng.integers(0, frames, (height // 8, width // 8), dtype=np.uint16)
    wrong = rng.random(patches.shape) < 0.02
    size = (width, height)
    where = cv2.resize(wrong.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    np.copyto(index, cv2.resize(patches, size, interpolation=cv2.INTER_NEAREST), where=where)
    return index


def definition(index, window, fuzzy, entries):
    """Seconds for the literal loop over these entries."""
    radius = window // 2
    start = time.perf_counter()
    for row, column in entries:
        rows = slice(max(0, row - radius), row + radius + 1)
        square = index[rows, max(0, column - radius) : column + radius + 1].ravel()
        _ = np.sort(square)[(square.size - 1) // 2] if fuzzy else np.bincount(square).argmax()
    return time.perf_counter() - start


def measure(run, rounds):
    """Wall seconds and processor seconds of the fastest round."""
    times = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(times)


def peak(run):
    """The most bytes held at once, above what was held before."""
    tracemalloc.start()
    run()
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--window", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    window = given.window or published_window(given.height, given.width)
    rng = np.random.default_rng(0)
    shape = (given.height, given.width)
    matrices = {
        "ramp": ramp(*shape, given.frames, rng),
        "random": rng.integers(0, given.frames, shape, dtype=np.uint16),
    }
    print(
        f"{given.width} × {given.height} entries, {given.frames} indices, window {window}; "
        f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}, "
        f"OpenCV {cv2.__version__}, {date.today()}; load average {os.getloadavg()[0]:.1f}\n"
    )
    print(
        "| matrix | optimisation | s | processor s | bytes per entry with result | definition, s |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, index in matrices.items():
        entries = rng.integers(0, shape, (index.size // 2000, 2)).tolist()
        for optimise in (majority, median_index):

            def run(optimise=optimise, index=index):
                optimise(index, window=window, frame_count=given.frames)

            wall, processor = measure(run, given.rounds)
            literal = definition(index, window, optimise is median_index, entries) * 2000
            print(
                f"| {name} | {optimise.__name__} | {wall:.2f} | {processor:.2f} | "
                f"{peak(run) / index.size:.1f} | {literal:.0f} (extrapolated) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
