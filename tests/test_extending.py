"""Choices of other packages: a real distribution on the path of another process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text("utf-8")
METHOD = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
MEASURE = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Bright:
    halo: int = 0
    grid: int = 1
    def survey(self, frame):
        return None
    def __call__(self, tile, surveyed=None):
        return tile.copy()
"""
METRIC = """
import numpy as np
BEST, HIGHER_IS_BETTER = 0.0, False

def darkest(fused):
    return float(np.min(fused))
"""
FORMAT = """
import numpy as np
from hyperfocal.frame import FrameInfo
from hyperfocal.io.sources import source
SUFFIXES, SIGNATURES, DTYPES, METADATA = (".raster",), (b"RASTER",), ("uint8",), ()

def open(path):
    side = path.read_bytes()[6]
    stored = FrameInfo(path.name, side, side, 1, np.dtype(np.uint8))
    decode = lambda path: np.frombuffer(path.read_bytes()[7:], np.uint8).reshape(side, side)
    return [source(path, stored, decode)]

def is_whole(path):
    return len(path.read_bytes()) == 7 + path.read_bytes()[6] ** 2
"""
ENTRIES = """
[hyperfocal.methods]
mean = mymethods:Mean
lp = mymethods:Mean
ill = myill:Ill
[hyperfocal.measures]
bright = mymeasures:Bright
[hyperfocal.metrics]
darkest = mymetric
[hyperfocal.formats]
raster = myformat
torn = mytorn
[hyperfocal.commands]
gone = mygone
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    texts = {"mymethods": METHOD, "mymeasures": MEASURE, "mymetric": METRIC, "myformat": FORMAT}
    texts |= {"myill": "raise RuntimeError('not today')", "mytorn": "import absent_library"}
    for name, text in texts.items():
        (place / f"{name}.py").write_text(text)
    info = place / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    for number in (1, 2):
        (place / f"{number}.raster").write_bytes(b"RASTER" + bytes([9]) + bytes([90 * number]) * 81)
    return place


def run(installed, *command, code=0):
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=installed,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_method_of_another_package_fuses(installed):
    program = (
        "import hyperfocal, numpy as np;"
        "frames = [np.full((8, 9), value, np.uint8) for value in (10, 20, 60)];"
        "print(hyperfocal.fuse(frames, method='mean:gain=2').picture[0, 0],"
        "hyperfocal.fuse(frames, method='select:measure=bright').picture[0, 0])"
    )
    assert run(installed, "-c", program).stdout.split() == ["30", "60"]


def test_a_format_and_a_metric_of_another_package_are_ours_to_use(installed):
    program = (
        "import hyperfocal;"
        "print(hyperfocal.fuse(['1.raster', '2.raster'], method='select').picture.max(),"
        "hyperfocal.evaluate('1.raster', metrics=['darkest']).values)"
    )
    assert run(installed, "-c", program).stdout.split() == ["180", "{'darkest':", "90.0}"]


def test_what_cannot_be_loaded_is_named_and_the_rest_works(installed):
    listed = run(installed, "-m", "hyperfocal", "methods")
    assert "mean:" in listed.stdout
    assert "lp: Laplacian pyramid" in listed.stdout
    assert "ill:" not in listed.stdout
    notes = listed.stderr.splitlines()
    assert len(notes) == 2
    assert any(
        "method ill of the package mine cannot be loaded (RuntimeError: not today)" in note
        for note in notes
    )
    assert any(
        "method lp of the package mine has the name of one of ours" in note for note in notes
    )
    fuse = ["-m", "hyperfocal", "fuse", "1.raster", "2.raster", "-o", "o.png"]
    asked = run(installed, *fuse, "--method", "ill", code=2)
    assert len(asked.stderr.splitlines()) == 1
    assert "update or remove that package" in asked.stderr


def test_importing_does_not_look_for_other_packages(installed):
    program = (
        "import importlib.metadata as m; m.entry_points = lambda **k: 1 / 0;"
        "import hyperfocal; print('light')"
    )
    assert run(installed, "-c", program).stdout.strip() == "light"
