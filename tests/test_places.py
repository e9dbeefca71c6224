"""Places that cannot be read or written: one line that names them, exit code 2, nothing left."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import natural_key
from tests.stack.test_stack import write

PROGRAM = [sys.executable, "-m", "hyperfocal"]
FAST = ["--method", "select:consistency=no"]
LONG = "y" * 300
# Root may read and write everything, unless that is taken from it.
RIGHTS = "-dac_override,-dac_read_search"
HUMBLE = ["setpriv", "--bounding-set", RIGHTS, "--inh-caps", RIGHTS]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
AS_USER = HUMBLE if IS_ROOT and shutil.which("setpriv") else []


def frames_in(folder, count=2):
    folder.mkdir(parents=True, exist_ok=True)
    for number, samples in enumerate(as_type(scene(60, 90, count)[1], np.uint8)):
        write(folder / f"f{number}.png", samples)
    return folder


def refused(folder, *arguments, prefix=()):
    """The one line that a run ends with; no file of its own is left."""
    before = sorted(folder.rglob("*"))
    command = [*prefix, *PROGRAM, *map(str, arguments), *FAST]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("hyperfocal: ")
    assert done.stdout == ""
    assert sorted(folder.rglob("*")) == before
    return done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["fuse", "in", "-o", f"{LONG}.tif"],
        ["fuse", "in", "-o", "o.tif", "--depth", f"{LONG}.tif"],
        ["fuse", "in", "-o", "o.tif", "--maps", LONG],
        ["fuse", "in", "-o", "o.tif", "--transforms", f"{LONG}.json"],
        ["fuse", "in", "-o", "o.tif", "--apply-transforms", f"{LONG}.json"],
        ["fuse", LONG, "-o", "o.tif"],
        ["fuse", f"{LONG}*.png", "-o", "o.tif"],
        ["fuse", "in/f0.png", f"{LONG}.png", "-o", "o.tif"],
        ["batch", LONG, "-o", "out"],
        ["batch", "in", "-o", LONG],
        ["watch", LONG, "-o", "out", "--once"],
    ],
    ids=lambda arguments: " ".join(arguments).replace(LONG, "LONG"),
)
def test_names_that_are_too_long_are_told(tmp_path, arguments):
    frames_in(tmp_path / "in")
    told = refused(tmp_path, *arguments)
    assert LONG in told


@pytest.mark.skipif(IS_ROOT and not AS_USER, reason="root may write, and setpriv is not here")
@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["fuse", "in", "-o", "readable/o.tif"], "readable"),
        (["fuse", "in", "-o", "closed/o.tif"], "closed"),
        (["fuse", "in", "-o", "o.tif", "--maps", "readable/m"], "readable"),
        (["fuse", "in", "-o", "o.tif", "--maps", "readable"], "readable"),
        (["fuse", "in", "-o", "o.tif", "--depth", "readable/d.tif"], "readable"),
        (["fuse", "in", "-o", "o.tif", "--transforms", "readable/t.json"], "readable"),
        (["fuse", "closed", "-o", "o.tif"], "closed"),
        (["fuse", "closed/*.png", "-o", "o.tif"], "closed"),
        (["fuse", "closed/f0.png", "in/f0.png", "-o", "o.tif"], "closed"),
        (["batch", "in", "-o", "readable"], "readable"),
        (["batch", "closed", "-o", "out"], "closed"),
        (["watch", "in", "-o", "readable", "--once"], "readable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_folders_that_may_not_be_entered_or_written_are_told(tmp_path, arguments, named):
    frames_in(tmp_path / "in")
    readable, closed = tmp_path / "readable", tmp_path / "closed"
    readable.mkdir()
    frames_in(closed)
    readable.chmod(0o555)
    closed.chmod(0)
    try:
        # What is in a closed folder cannot be listed before and after, but by root.
        assert named in refused(tmp_path, *arguments, prefix=AS_USER)
    finally:
        closed.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_among_frames_is_told_and_not_waited_for(tmp_path):
    frames_in(tmp_path / "in")
    os.mkfifo(tmp_path / "pipe.png")
    told = refused(tmp_path, "fuse", "in/f0.png", "pipe.png", "-o", "o.tif")
    assert "pipe.png is no file" in told


@pytest.mark.parametrize(
    "names", [["a2", "a", "a10"], ["2", "", "a"], ["in", "in2", "in2b", "in 3"], ["a", "a"]]
)
def test_any_names_can_be_sorted(names):
    for order in (names, names[::-1]):
        found = sorted(order, key=natural_key)
        assert sorted(found) == sorted(names)
    assert sorted(["a10", "a2", "a"], key=natural_key) == ["a", "a2", "a10"]


def test_folders_with_and_without_a_number_are_a_batch(tmp_path):
    for name in ("red", "red2"):
        frames_in(tmp_path / "in" / name)
    command = [*PROGRAM, "batch", "in", "-o", "out", *FAST]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["made red", "made red2"]


@pytest.mark.parametrize("block", [b"II*\0\xff\xff\xff\x7f" + bytes(60), b"nonsense" * 9])
def test_exif_that_cannot_be_read_is_told(tmp_path, block):
    for number, samples in enumerate(as_type(scene(60, 90, 2)[1], np.uint8)):
        like = FrameInfo("", 60, 90, 3, samples.dtype, exif=block)
        formats.save(tmp_path / f"f{number}.png", samples, like, suffix=".png")
    report = hyperfocal.fuse(tmp_path, tmp_path / "out.png", method=FAST[1]).report
    if formats.open_frames(tmp_path / "f0.png")[0].info.exif is None:
        pytest.skip("the format does not even keep such a block")
    assert report["notices"] == ["EXIF of f0.png is damaged; what can be read of it is kept"]


def test_exif_that_can_be_read_is_not_called_damaged(tmp_path):
    for number, samples in enumerate(as_type(scene(60, 90, 2)[1], np.uint8)):
        write(tmp_path / f"f{number}.png", samples)
    report = hyperfocal.fuse(tmp_path, tmp_path / "out.png", method=FAST[1]).report
    fused = open_stack(tmp_path / "out.png", fewest=1, is_strict=True).info
    assert report["notices"] == []
    assert not formats.is_damaged(fused.exif)
