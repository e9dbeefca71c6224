"""Stacks and machines that make things hard: nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from scenes import as_type, scene, texture

import hyperfocal
from hyperfocal.errors import FormatError, StackError
from hyperfocal.io import outputs
from hyperfocal.stack.stack import absent_numbers
from tests.cli.test_cli import FAST, run
from tests.stack.test_stack import write

resource = pytest.importorskip("resource")


def stack_in(folder, count=4, height=300, width=400):
    folder.mkdir()
    sharp = texture(height, width)
    for number in range(count):
        samples = as_type([cv2.GaussianBlur(sharp, (0, 0), 1 + number % 4)], np.uint8)[0]
        write(folder / f"f{number:03}.tif", samples)
    return folder


@pytest.mark.parametrize(
    ("names", "absent"),
    [
        (["a1.tif", "a2.tif", "a4.tif"], [3]),
        (["x_010.png", "x_020.png", "x_040.png", "x_050.png"], [30]),
        (["IMG1.jpg", "IMG2.jpg", "IMG3.jpg"], []),
        (["near.jpg", "far.jpg"], []),
        (["a1.jpg", "b3.jpg", "a4.jpg"], []),
        (["a1.jpg", "a2.jpg", "a900.jpg"], []),
        (["array 1", "array 2"], []),
    ],
)
def test_absent_numbers_of_a_series(names, absent):
    assert absent_numbers(names) == absent


def test_a_frame_missing_in_the_middle_is_told(tmp_path):
    folder = stack_in(tmp_path / "in", 4)
    (folder / "f002.tif").unlink()
    done = run("fuse", folder, "-o", tmp_path / "out.png", *FAST)
    assert done.returncode == 0
    assert done.stderr == "hyperfocal: note: the numbered series of frames has no 2\n"


def test_one_corrupt_frame_of_a_hundred_is_named_before_any_is_measured(tmp_path):
    folder = stack_in(tmp_path / "in", 100, 20, 30)
    whole = (folder / "f057.tif").read_bytes()
    (folder / "f057.tif").write_bytes(whole[: len(whole) // 2])
    stages = []
    with pytest.raises(FormatError, match=r"f057\.tif"):
        hyperfocal.fuse(folder, on_step=lambda stage, *_: stages.append(stage))
    assert stages == []


@pytest.mark.slow
@pytest.mark.parametrize("method", ["select", "lp"])
def test_ten_thousand_frames_of_one_row(method):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (10_000, 1, 16), np.uint8)
    fusion = hyperfocal.fuse(frames, method=method)
    assert fusion.picture.shape == (1, 16)


@pytest.mark.parametrize("method", ["select", "sesf", "ums", "lp"])
@pytest.mark.parametrize("level", [0, 90, 255])
def test_flat_stacks_come_out_flat(method, level):
    frames = [np.full((70, 80, 3), level, np.uint8)] * 3
    assert (hyperfocal.fuse(frames, method=method).picture == level).all()


@pytest.mark.parametrize("method", ["select", "sesf", "ums", "lp"])
def test_identical_frames_come_out_unchanged(method):
    frame = as_type([texture(70, 80)], np.uint16)[0]
    assert np.array_equal(hyperfocal.fuse([frame] * 3, method=method).picture, frame)


@pytest.mark.parametrize("method", ["select", "sesf", "ums", "lp"])
def test_a_budget_too_small_for_one_tile_tells_how_much_is_needed(method):
    _, frames, _ = scene(160, 200, 2)
    with pytest.raises(StackError, match="give at least") as caught:
        hyperfocal.fuse(frames, method=method, memory="0.1MB")
    needed = int(str(caught.value).split("at least ")[1].split()[0])
    assert hyperfocal.fuse(frames, method=method, memory=f"{needed}MB").picture is not None


def limited(program, arguments, bytes_per_file, **environment):
    """Run a program that cannot write files larger than this: a full disk, as far as it sees."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_per_file, bytes_per_file))

    return subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        env={**os.environ, **environment},
    )


PROGRAM = [sys.executable, "-m", "hyperfocal", "fuse"]


@pytest.mark.parametrize("output", ["out.png", "out.tif", "out.jpg"])
def test_a_full_disk_for_the_result_leaves_nothing(tmp_path, output):
    folder = stack_in(tmp_path / "in")
    as_given = ["--align", "none", "--exposure", "none"]
    done = limited(PROGRAM, [folder, "-o", tmp_path / output, *FAST, *as_given], 10_000)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert output in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_for_scratch_leaves_nothing(tmp_path):
    folder, scratch = stack_in(tmp_path / "in"), tmp_path / "scratch"
    scratch.mkdir()
    arguments = [folder, "-o", tmp_path / "out.png", *FAST, "--memory", "4MB"]
    done = limited(PROGRAM, arguments, 100_000, TMPDIR=str(scratch))
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "TMPDIR" in done.stderr
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "out.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_frames_are_on_scratch_leaves_nothing(tmp_path, number, code):
    folder, scratch = stack_in(tmp_path / "in", 40), tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*PROGRAM, folder, "-o", tmp_path / "out.png", "--method", "ums", "--memory", "8MB"],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(scratch.glob("*/*.raw")) and time.monotonic() < deadline:
        time.sleep(0.05)
    has_spooled = bool(list(scratch.glob("*/*.raw")))
    process.send_signal(number if has_spooled else signal.SIGKILL)
    _, told = process.communicate()
    assert has_spooled
    assert process.returncode == code, told
    assert told.count("\n") == 1
    assert list(scratch.iterdir()) == []
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in", "scratch"]


def test_a_signal_between_two_outputs_puts_none_in_place(tmp_path, monkeypatch):
    _, frames, _ = scene(40, 60, 2)
    (tmp_path / "kept.png").write_bytes(b"mine")
    written = []

    def interrupted(folder, maps, about, *, within):
        within.beside(folder).mkdir()
        written.extend(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
        written.extend(path.name for path in sorted(tmp_path.glob(".*/new/*")))
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "save_maps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hyperfocal.fuse(frames, tmp_path / "a.tif", method="select", maps=tmp_path / "maps")
    assert written == ["kept.png", "a.tif", "maps"]  # the last two beside their places
    assert [path.name for path in tmp_path.iterdir()] == ["kept.png"]


def test_a_signal_between_two_outputs_keeps_what_was_there_before(tmp_path, monkeypatch):
    _, frames, _ = scene(40, 60, 2)
    hyperfocal.fuse(frames, tmp_path / "a.tif", method="select", maps=tmp_path / "maps")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}

    def interrupted(folder, maps, about, *, within):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "save_maps", interrupted)
    names = {"out": "a.tif", "decision_map": "new.png", "maps": "maps"}
    options = {kind: tmp_path / name for kind, name in names.items()}
    with pytest.raises(KeyboardInterrupt):
        hyperfocal.fuse(frames[::-1], method="select", overwrite=True, **options)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
