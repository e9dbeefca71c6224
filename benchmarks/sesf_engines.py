"""Engines and tile sizes for SESF-Fuse's encoder: seconds per megapixel and peak memory.

    python benchmarks/sesf_engines.py [--megapixels 1 24] [--rounds 3]

First table: the whole focus measure (gates, gradient energy, window sum) of one frame, each row a
process of its own. Second: the network alone on square tiles, one tile a core at a time, per
megapixel of what the tile adds to the picture. Best of the rounds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hyperfocal import registry
from hyperfocal.measures.sesf import SesfMeasure

ROWS = [
    ("openvino", "fp32"),
    ("openvino", "bf16"),
    ("onnxruntime", "fp32"),
    ("torch", "fp32"),
    ("torch", "bf16"),
]
SIDES = [64, 96, 128, 192, 256, 384, 512, 1024]


def frame_of(megapixels):
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    return np.random.default_rng(0).random((height, height * 3 // 2), np.float32)


def best(action, rounds):
    """Fastest of the rounds; one unmeasured round first compiles and allocates."""
    action()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_once(engine, precision, megapixels, rounds):
    """Seconds per megapixel and MiB above what the process holds before."""
    frame = frame_of(megapixels)
    before = peak()
    if engine == "plain torch":
        import torch
        from sesf_baseline import activity

        from hyperfocal.inference.checkpoints import load_network
        from hyperfocal.inference.weights import shipped

        network = load_network(shipped("sesf", "sesf-cse").path)
        torch.set_num_threads(os.cpu_count())
        seconds = best(lambda: activity(network, frame), rounds)
    else:
        measure = SesfMeasure(engine=engine, precision=precision)
        seconds = best(lambda: measure(frame, measure.survey(frame)), rounds)
    print(seconds / (frame.size / 1e6), peak() - before)


def tiles_once(engine, precision, rounds):
    """Seconds per useful megapixel for every tile side."""
    workers = os.cpu_count()
    for side in SIDES:
        tile = np.random.default_rng(0).random((1, 1, side, side), np.float32)
        arrays = {"tile": tile, "gates": np.full((1, 64, 1, 1), 0.5, np.float32)}
        shapes = {name: array.shape for name, array in arrays.items()}
        network = SesfMeasure(engine=engine, precision=precision).opened("", shapes)
        count = max(workers, round(1e6 / side**2))

        def work(network=network, arrays=arrays, count=count):
            with ThreadPoolExecutor(workers) as threads:
                list(threads.map(lambda _: network(arrays), range(count)))

        print(best(work, rounds) / (count * (side - 9) ** 2 / 1e6), end=" ")


def child(*arguments):
    run = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True
    )
    return run.stdout.split() if run.returncode == 0 else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", nargs="+", type=float, default=[1, 24])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    heads = [f"{size:g} MP: s/MP | MiB" for size in given.megapixels]
    print("| engine | precision | " + " | ".join(heads) + " |")
    print("| --- | --- |" + " --- | --- |" * len(heads))
    for engine, precision in [*ROWS, ("plain torch", "fp32")]:
        if (
            engine in registry.names("engines")
            and not registry.module("engines", engine).is_installed()
        ):
            continue
        cells = []
        for size in given.megapixels:
            if engine == "plain torch" and size > 2:
                cells += ["-", "-"]  # whole frames would need 20 GB and more
                continue
            told = child("frame", engine, precision, size, given.rounds)
            cells += [f"{float(told[0]):.3f}", f"{float(told[1]):.0f}"] if told else ["failed"] * 2
        print(f"| {engine} | {precision} | " + " | ".join(cells) + " |", flush=True)
    print("\n| s/MP by tile side | " + " | ".join(f"{side} px" for side in SIDES) + " |")
    print("| --- |" + " --- |" * len(SIDES))
    for engine, precision in ROWS:
        told = child("tiles", engine, precision, given.rounds)
        cells = " | ".join(f"{float(value):.3f}" for value in told)
        print(f"| {engine} {precision} | {cells} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["frame"]:
        measure_once(sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
    elif sys.argv[1:2] == ["tiles"]:
        tiles_once(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
