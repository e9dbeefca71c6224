"""A command started, signalled at a random moment of its life, and looked at."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.batch.shoots import write_stack

COMMANDS = ("fuse", "batch", "watch")
NAMES = ("SIGTERM", "SIGINT")
EARLIEST_S = 0.1
_HANGS_S = 30.0
_TOLD = ("stopped; nothing was written", "stopped; what was done is kept")


class Verdict(NamedTuple):
    """How one run ended; `fault` is empty where it did as it should."""

    command: str
    name: str
    after_s: float
    code: int | None
    fault: str


@dataclass(frozen=True)
class Scene:
    """Stacks to work on, and how long each command takes without a signal."""

    folder: Path
    seconds: dict[str, float]


def prepared(folder: Path) -> Scene:
    """Six stacks of four frames, and each command's time."""
    for stack in range(6):
        write_stack(folder / "shoot" / f"s{stack}", 4, seed=stack, height=120, width=160)
    seconds = {}
    for command in COMMANDS:
        started = time.monotonic()
        process = _start(folder, folder / f"whole-{command}", command, once=True)
        process.communicate()
        assert process.returncode == 0, command
        seconds[command] = time.monotonic() - started
    return Scene(folder, seconds)


def verdicts(scene: Scene, *, count: int, seed: int) -> Iterator[Verdict]:
    """What became of so many runs of each command with each signal."""
    rng = random.Random(seed)
    for number in range(count):
        for command in COMMANDS:
            for name in NAMES:
                after_s = EARLIEST_S + rng.random() * scene.seconds[command]
                out = scene.folder / f"{number}-{command}-{name}"
                yield _verdict(scene, out, command, name, after_s)


def _verdict(scene: Scene, out: Path, command: str, name: str, after_s: float) -> Verdict:
    number = getattr(signal, name)
    with tempfile.TemporaryDirectory(prefix="scratch-") as scratch:
        process = _start(scene.folder, out, command, scratch=scratch)
        time.sleep(after_s)
        process.send_signal(number)
        try:
            printed, errors = process.communicate(timeout=_HANGS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Verdict(command, name, after_s, None, "hangs")
        fault = _fault(process.returncode, number, printed, errors)
        if not fault and os.listdir(scratch):
            fault = f"left {os.listdir(scratch)}"
        if not fault and command == "fuse" and process.returncode and any(out.glob("*")):
            fault = f"wrote {sorted(path.name for path in out.glob('*'))}"
    return Verdict(command, name, after_s, process.returncode, fault)


def _fault(code: int, number: int, printed: str, errors: str) -> str:
    told = [line for line in errors.splitlines() if "note:" not in line]
    if "Traceback" in printed + errors:
        return errors
    if code == 0:  # it had just ended
        return ""
    if code != 128 + number:
        return f"exit code {code}: {errors}"
    stops = [line for line in told if any(each in line for each in _TOLD)]
    return "" if len(stops) == 1 and len(told) <= 2 else f"said {told}"


def _start(
    folder: Path, out: Path, command: str, *, scratch: str | None = None, once: bool = False
) -> subprocess.Popen[str]:
    out.mkdir(exist_ok=True)
    arguments = {
        "fuse": [folder / "shoot" / "s0", "-o", out / "o.tif", "--depth", out / "d.tif",
                 "--maps", out / "maps", "--decision-map", out / "m.png"],
        "batch": [folder / "shoot", "-o", out, "--depth"],
        "watch": [folder / "shoot", "-o", out, "--quiet", "0", "--interval", "0.1"],
    }[command]  # fmt: skip
    if once and command == "watch":
        arguments.append("--once")
    environment = os.environ | ({} if scratch is None else {"TMPDIR": scratch})
    return subprocess.Popen(
        [sys.executable, "-m", "hyperfocal", command, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
