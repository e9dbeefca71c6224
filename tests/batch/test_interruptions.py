"""Killed at any moment, a batch goes on: every result right, none twice, none half."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import hyperfocal
from hyperfocal.batch.ledger import FOLDER, Ledger, key_of
from hyperfocal.io import formats
from tests.batch.shoots import FAST, started, write_stack

COUNT = 30
OLD, NEW = "0" * 32, "1" * 32  # keys


@pytest.fixture(scope="module")
def shoot(tmp_path_factory):
    """Thirty stacks, and what each of them fuses to."""
    root = tmp_path_factory.mktemp("shoot")
    known = {}
    for number in range(COUNT):
        write_stack(root / f"s{number:02}", 3, seed=number, height=150, width=200)
        known[f"s{number:02}.tif"] = hyperfocal.fuse(root / f"s{number:02}", method=FAST[1]).picture
    return root, known


def results(out):
    return sorted(path for path in out.glob("*") if path.suffix == ".tif")


def require_right(out, known):
    for path in results(out):
        assert np.array_equal(formats.open_frames(path)[0].read(), known[path.name]), path.name


@pytest.mark.slow
def test_a_batch_killed_five_times_makes_every_picture_once(shoot, tmp_path):
    root, known = shoot
    rng, out = random.Random(7), tmp_path / "out"
    first_seen, told = {}, []
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    for goal in sorted(rng.sample(range(1, COUNT - 1), 5)):
        process = started("batch", root, "-o", out, *FAST, env=environment)
        while len(results(out)) < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        told += process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGKILL
        require_right(out, known)
        for path in results(out):
            status = path.stat()
            identity = (status.st_ino, status.st_mtime_ns)
            assert first_seen.setdefault(path.name, identity) == identity, path.name
    last = started("batch", root, "-o", out, *FAST, env=environment)
    told += last.communicate()[0].splitlines()
    assert last.returncode == 0
    assert [path.name for path in results(out)] == sorted(known)
    require_right(out, known)
    made = [line.split(":")[0] for line in told if line.startswith("made ")]
    assert len(made) == len(set(made))
    assert sum(line.startswith("kept ") for line in told[-COUNT:]) >= 5
    assert {path.name for path in out.iterdir()} == {*known, FOLDER, "batch.csv", "batch.json"}
    assert {path.name for path in (out / FOLDER).iterdir()} == {"lock", "state.json"}
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.slow
def test_a_watch_that_is_killed_loses_nothing_and_leaves_nothing(shoot, tmp_path):
    root, known = shoot
    rng, out = random.Random(11), tmp_path / "out"
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    command = ["watch", root, "-o", out, *FAST, "--quiet", "0", "--interval", "0.05"]
    for goal in sorted(rng.sample(range(1, COUNT - 1), int(os.environ.get("HYPERFOCAL_KILLS", 3)))):
        process = started(*command, env=environment)
        while len(results(out)) < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        require_right(out, known)
    last = started(*command, "--once", env=environment)
    last.communicate()
    assert last.returncode == 0
    assert [path.name for path in results(out)] == sorted(known)
    require_right(out, known)
    assert {path.name for path in out.iterdir()} == {*known, FOLDER, "batch.csv", "batch.json"}
    assert {path.name for path in (out / FOLDER).iterdir()} == {"lock", "state.json"}
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.slow
def test_a_disk_that_is_full_keeps_what_is_made_and_the_notes_right(shoot, tmp_path):
    root, known = shoot
    out = tmp_path / "out"
    out.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(out)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        full = started("batch", root, "-o", out, *FAST)
        lines, _ = full.communicate()
        assert full.returncode == 1
        made = results(out)
        assert 0 < len(made) < COUNT
        assert sum("failed " in line for line in lines.splitlines()) == COUNT - len(made)
        require_right(out, known)
        subprocess.run(["mount", "-o", "remount,size=9m", str(out)], check=True)
        again = started("batch", root, "-o", out, *FAST)
        lines, _ = again.communicate()
        assert again.returncode == 0
        assert sum("kept " in line for line in lines.splitlines()) == len(made)
        require_right(out, known)
        assert {path.name for path in out.iterdir()} == {*known, FOLDER, "batch.csv", "batch.json"}
    finally:
        subprocess.run(["umount", str(out)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_is_done_and_says_so(shoot, tmp_path, number, code):
    root, known = shoot
    out = tmp_path / "out"
    process = started("batch", root, "-o", out, *FAST)
    while len(results(out)) < 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == code
    assert told == "hyperfocal: stopped; what was done is kept, the same command goes on\n"
    assert 2 <= len(results(out)) < COUNT
    require_right(out, known)
    report = (out / "batch.csv").read_text("utf-8").splitlines()
    assert len(report) == COUNT + 1
    assert sum(",made," in line or ",kept," in line for line in report) == len(results(out))
    assert ",waiting," in report[-1]


class Killed(Exception):
    pass


class KilledBeforeMoving(Ledger):
    def _move(self, note):
        raise Killed


class KilledBeforeNoting(Ledger):
    def _write(self, notes):
        raise Killed


def settle_killed(kind, out):
    ledger = kind(out)
    work = ledger.work_folder(NEW)
    (work / "a.tif").write_bytes(b"new")
    with pytest.raises(Killed):
        ledger.settle("a", NEW, {work / "a.tif": out / "a.tif"}, {"stack": "a"})
    ledger._lock.close()  # as the system does for a killed process


def test_what_was_noted_but_not_moved_is_moved_the_next_time(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"old")
    settle_killed(KilledBeforeMoving, tmp_path)
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    with Ledger(tmp_path) as ledger:
        assert ledger.done("a", NEW) == {"stack": "a"}
        assert (tmp_path / "a.tif").read_bytes() == b"new"


def test_a_move_that_never_came_is_no_result(tmp_path):
    with Ledger(tmp_path) as ledger:
        (ledger.work_folder(OLD) / "a.tif").write_bytes(b"old")
        moves = {tmp_path / FOLDER / "work" / OLD / "a.tif": tmp_path / "a.tif"}
        ledger.settle("a", OLD, moves, {"stack": "a"})
    settle_killed(KilledBeforeMoving, tmp_path)
    shutil.rmtree(tmp_path / FOLDER / "work")
    with Ledger(tmp_path) as ledger:
        assert ledger.done("a", NEW) is None
        ledger.require_free("a", tmp_path / "a.tif")  # it is still ours


def test_what_was_not_noted_is_made_again(tmp_path):
    settle_killed(KilledBeforeNoting, tmp_path)
    with Ledger(tmp_path) as ledger:
        assert ledger.done("a", NEW) is None
        assert not (tmp_path / "a.tif").exists()
        assert not (tmp_path / FOLDER / "work").exists()


@pytest.mark.parametrize("state", ["", "{", "[]", '{"stacks": {"a": {}}}', '{"stacks": 3}'])
def test_a_damaged_state_is_no_state(tmp_path, state):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "state.json").write_text(state)
    with Ledger(tmp_path) as ledger:
        assert ledger.done("a", NEW) is None


def test_two_batches_do_not_share_a_folder(tmp_path):
    with Ledger(tmp_path), pytest.raises(hyperfocal.FormatError, match="another batch works"):
        Ledger(tmp_path)


class FakeWindows:
    """msvcrt as Microsoft documents _locking: bytes from where the file stands, or OSError."""

    LK_NBLCK = 2

    def __init__(self):
        self.locked = {}

    def locking(self, descriptor, mode, count):
        assert mode == self.LK_NBLCK
        place = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR), count
        holders = self.locked.setdefault(place, [])
        # The lock goes with the descriptor; a number that was closed may be used again.
        if [each for each in holders if each != descriptor and _is_open(each)]:
            raise OSError(36, "Resource deadlock avoided")
        holders.append(descriptor)


def _is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_two_batches_do_not_share_a_folder_on_windows_either(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", FakeWindows())
    with Ledger(tmp_path), pytest.raises(hyperfocal.FormatError, match="another"):
        Ledger(tmp_path)
    with Ledger(tmp_path):
        pass


def test_a_system_without_locks_works_without(tmp_path, monkeypatch):
    for name in ("fcntl", "msvcrt"):
        monkeypatch.setitem(sys.modules, name, None)
    with Ledger(tmp_path):
        pass


def test_a_key_changes_with_its_frames_and_with_nothing_else(tmp_path):
    frame = tmp_path / "a.png"
    frame.write_bytes(b"12")
    key = key_of([frame], "recipe")
    assert key_of([frame], "recipe") == key
    assert key_of([frame], "other") != key
    frame.write_bytes(b"123")
    assert key_of([frame], "recipe") != key
