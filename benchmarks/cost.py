"""Processor seconds and peak memory of fusing large stacks, ours and others', as whole processes.

    python benchmarks/cost.py FOLDER --size 3 --frames 7 --rounds 3 --methods prism sesf \\
        --command "focusweave: focusweave {folder} --no-align --keep-size --output {out}"

Makes the frames in FOLDER (as scale.py), runs everything in turns, and prints medians: processor
seconds for each input megapixel, wall seconds, peak memory. Ours run with --align none, since the
frames are registered, as the others are told not to align; `NAME:align` runs ours as it comes.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from scale import make_frames


def measured(command, log):
    """Wall seconds, processor seconds and peak bytes of a whole process."""
    start = time.perf_counter()
    with open(log, "w") as file:
        program = subprocess.Popen(command, stdout=file, stderr=file)
        _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise SystemExit(f"{command[0]} failed; see {log}")
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=float, default=3, help="megapixels of a frame")
    parser.add_argument("--frames", type=int, default=7)
    parser.add_argument("--methods", nargs="+", default=["prism"])
    parser.add_argument("--command", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    stack, size = make_frames(given.folder, given.size, given.frames)
    frames = sorted(map(str, stack.iterdir()), key=lambda path: (len(path), path))
    commands = {}
    for method in given.methods:
        out = given.folder / f"{method.replace(':', '-')}.png"
        name, _, mark = method.rpartition(":")
        plain = mark != "align"
        command = [sys.executable, "-m", "hyperfocal", "fuse", *frames, "-o", str(out)]
        command += ["--overwrite", "--method", method if plain else name]
        commands[method] = command + ["--align", "none", "--exposure", "none"] * plain
    for text in given.command:
        name, _, line = text.partition(":")
        out = given.folder / f"{name}.png"
        command = []
        for part in shlex.split(line):
            if part == "{frames}":
                command += frames
            else:
                command.append(part.format(folder=stack, out=out))
        commands[name] = command
    found = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, command in commands.items():
            found[name].append(measured(command, given.folder / f"{name}.log".replace(":", "-")))
    print(f"{given.frames} × {size:.1f} MP, medians of {given.rounds} in turns")
    print()
    print("| program | CPU s a MP | CPU s | wall s | peak MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, runs in found.items():
        wall, used, peak = (statistics.median(values) for values in zip(*runs, strict=True))
        total = size * given.frames
        print(f"| {name} | {used / total:.3f} | {used:.1f} | {wall:.1f} | {peak / 1e6:.0f} |")


if __name__ == "__main__":
    main()
