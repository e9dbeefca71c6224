"""A tiny data set, and programs that behave well and badly."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import as_type, scene

from hyperfocal.frame import FrameInfo
from hyperfocal.io import outputs

HEIGHT, WIDTH = 168, 176  # enough for MS-SSIM

# What a program may do; `frames` and `out` are given, `marks` is a file to which each run adds.
PROGRAM = """
import os, shutil, sys, time
marks, *frames, out = sys.argv[1:]
with open(marks, "a") as file:
    file.write(os.path.basename(frames[0]) + "\\n")
"""
DEEDS = {
    "copies": "shutil.copyfile(frames[0], out)",
    "fails": "print('starting'); sys.exit('out of luck')",
    "sleeps": "time.sleep(600)",
    "writes-nothing": "pass",
    "writes-text": "open(out, 'w').write('hello')",
    "shrinks": "import cv2; cv2.imwrite(out, cv2.imread(frames[0])[::2])",
    "greys": "import cv2; cv2.imwrite(out, cv2.imread(frames[0], 0))",
    "colours": "import cv2; cv2.imwrite(out, cv2.imread(frames[0], 1))",
}


def save(path: Path, picture: Any) -> None:
    samples = picture if picture.ndim == 3 else picture[:, :, None]
    height, width, channels = samples.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    outputs.save(path, samples, FrameInfo(path.name, height, width, channels, samples.dtype))


def write_data(folder: Path, *, count: int = 2, channels: int = 3) -> Path:
    """`set/` with pairs of which the first has a reference and a depth map."""
    for number in range(count):
        sharp, frames, truth = scene(HEIGHT, WIDTH, 2, channels=channels, seed=number)
        for letter, frame in zip("AB", as_type(frames, np.uint8), strict=True):
            save(folder / "set" / f"{number}-{letter}.png", frame)
        if number == 0:
            save(folder / "set" / "0-GT.png", as_type([sharp], np.uint8)[0])
            save(folder / "set" / "0-depth.png", truth)
    return folder / "set"


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., str]:
    """The text of `--command` for a program that does this; `tmp_path/NAME.marks` counts runs."""

    def written(deed: str, name: str = "", code: str = "") -> str:
        name = name or deed
        script = tmp_path / f"{name}.py"
        script.write_text(PROGRAM + (code or DEEDS[deed]))
        marks = tmp_path / f"{name}.marks"
        program = shlex.join([sys.executable, str(script), str(marks)])
        return f"{name}: {program} {{frames}} {{out}}"

    return written


@pytest.fixture
def runs_of(tmp_path: Path) -> Callable[[str], int]:
    """How often a program was started."""

    def count(name: str) -> int:
        marks = tmp_path / f"{name}.marks"
        return len(marks.read_text().splitlines()) if marks.exists() else 0

    return count
