"""Stacks are fused when they are complete, not before, and once."""

import os
import signal
import time

import pytest

from hyperfocal import StackError
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.runs import Work
from hyperfocal.batch.watch import Watcher, WatchOptions
from hyperfocal.cli.main import main
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io import formats
from tests.batch.shoots import FAST, exif_of, plain_frame, started, write, write_stack

QUIET = 20.0


class Clock:
    """Stands still until it is told that time passes, or is set."""

    def __init__(self):
        self.now, self.passed = time.time(), 1000.0

    def __call__(self):
        return self.now

    def steady(self):
        return self.passed

    def passes(self, seconds):
        self.now += seconds
        self.passed += seconds

    def is_set(self, seconds):
        self.now += seconds

    def stamps(self, path, seconds_ago=0.0):
        """Have a file say that it was written by this clock."""
        os.utime(path, (self.now - seconds_ago,) * 2)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watcher(tmp_path, clock):
    (tmp_path / "in").mkdir()
    with Ledger(tmp_path / "out") as ledger:
        work = Work(ledger, BatchOptions(), Recipe(FAST[1]))
        yield Watcher(
            tmp_path / "in", work, WatchOptions(quiet=QUIET), clock=clock, steady=clock.steady
        )


def statuses(watcher):
    return [(row.status, row.stack, len(row.frames)) for row in watcher.look()]


def test_a_stack_is_fused_when_it_is_quiet_and_anew_when_it_grows(tmp_path, clock, watcher):
    folder = tmp_path / "in" / "s"
    assert statuses(watcher) == []
    write_stack(folder, 3)
    assert statuses(watcher) == []
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "s", 3)]
    assert statuses(watcher) == []
    clock.stamps(write(folder / "3.png", plain_frame(4)))
    assert statuses(watcher) == []
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "s", 4)]


def test_a_file_that_grows_holds_its_stack_up(tmp_path, clock, watcher):
    path = write_stack(tmp_path / "in" / "s", 3)[2]
    whole = path.read_bytes()
    for end in (len(whole) // 3, len(whole) // 2, len(whole)):
        path.write_bytes(whole[:end])
        assert statuses(watcher) == []
        clock.passes(QUIET * 0.6)
    assert statuses(watcher) == []
    clock.passes(QUIET)
    assert statuses(watcher) == [("made", "s", 3)]


def test_a_failed_stack_is_told_once_and_tried_when_it_changes(tmp_path, clock, watcher):
    path = write_stack(tmp_path / "in" / "s", 3)[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("failed", "s", 3)]
    assert statuses(watcher) == []
    path.write_bytes(whole)
    assert statuses(watcher) == []
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "s", 3)]


def loose(folder, numbers, clock, seconds_ago=0.0):
    """Frames of one scene in one folder, without EXIF times, written at another time than now."""
    for number in numbers:
        path = write(folder / f"{number}.png", plain_frame(number))
        clock.stamps(path, seconds_ago)


def test_loose_frames_without_times_are_parted_by_when_they_came(tmp_path, clock, watcher):
    folder = tmp_path / "in"
    loose(folder, (0, 1, 2), clock, seconds_ago=60)
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "0", 3)]
    loose(folder, (3, 4), clock)
    assert statuses(watcher) == []  # the first is done and stays so
    for _ in range(3):
        clock.passes(QUIET / 2)
        loose(folder, (4,), clock)  # sent again, which is no new stack
        assert statuses(watcher) == []
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "3", 2)]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tif")) == ["0.tif", "3.tif"]


def test_a_pause_that_was_given_parts_frames_that_came_later(tmp_path, clock):
    folder = tmp_path / "in"
    loose(folder, (0, 1, 2), clock, seconds_ago=60)
    loose(folder, (3, 4), clock, seconds_ago=30)
    with Ledger(tmp_path / "out") as ledger:
        for gap, expected in ((20, [3, 2]), (40, [5])):
            work = Work(ledger, BatchOptions(gap=gap), Recipe(FAST[1]))
            options = WatchOptions(quiet=QUIET)
            watcher = Watcher(folder, work, options, clock=clock, steady=clock.steady)
            clock.passes(QUIET + 0.1)
            assert [count for _, _, count in statuses(watcher)] == expected


@pytest.mark.parametrize("jump", [-3600, 3600, -86400 * 400, 86400 * 400])
@pytest.mark.parametrize("when", ["before it comes", "after it came", "at each look"])
def test_a_clock_that_is_set_changes_nothing(tmp_path, clock, watcher, jump, when):
    assert statuses(watcher) == []
    if when == "before it comes":
        clock.is_set(jump)
    write_stack(tmp_path / "in" / "s", 3)
    if when == "after it came":
        clock.is_set(jump)
    for _ in range(3):
        assert statuses(watcher) == []
        clock.passes(QUIET / 3)
        if when == "at each look":
            clock.is_set(jump)
    clock.passes(0.1)
    assert statuses(watcher) == [("made", "s", 3)]
    clock.is_set(-jump)
    assert statuses(watcher) == []


def test_the_camera_s_times_part_loose_frames_as_in_a_batch(tmp_path, clock, watcher):
    for number, second in enumerate([0, 1, 2, 20, 21, 22]):  # copied at once
        write(tmp_path / "in" / f"{number}.png", plain_frame(number), exif_of(second))
    clock.passes(QUIET + 0.1)
    assert statuses(watcher) == [("made", "0", 3), ("made", "3", 3)]


def test_a_folder_that_goes_away_is_told(tmp_path, watcher):
    (tmp_path / "in").rmdir()
    with pytest.raises(StackError, match="does not exist"):
        statuses(watcher)


def test_once_fuses_what_is_complete_and_ends(tmp_path, clock):
    write_stack(tmp_path / "in" / "old", 3)
    clock.passes(100)
    for path in write_stack(tmp_path / "in" / "new", 3):
        clock.stamps(path, seconds_ago=10)
    with Ledger(tmp_path / "out") as ledger:
        work = Work(ledger, BatchOptions(), Recipe(FAST[1]))
        options = WatchOptions(quiet=QUIET, interval=0.05)
        watcher = Watcher(tmp_path / "in", work, options, clock=clock, steady=clock.steady)
        rows = list(watcher.rows(once=True))
    assert [(row.status, row.stack) for row in rows] == [("made", "old")]
    assert [path.name for path in (tmp_path / "out").glob("*.tif")] == ["old.tif"]


def test_the_command_ends_when_it_was_asked_to_look_once(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a", 3)
    command = ["watch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--once", *FAST]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--quiet", "0", "--interval", "0.05"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("made a: 3 frames")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_watching_cleanly(tmp_path, number, code):
    write_stack(tmp_path / "in" / "a", 3)
    out = tmp_path / "out"
    process = started(
        "watch", tmp_path / "in", "-o", out, "--quiet", "0.2", "--interval", "0.1", *FAST
    )
    deadline = time.monotonic() + 60
    while not (out / "batch.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    lines, errors = process.communicate()
    assert process.returncode == code
    assert lines.startswith("made a: 3 frames")
    assert errors == "hyperfocal: stopped; what was done is kept, the same command goes on\n"
    assert len(formats.open_frames(out / "a.tif")) == 1


def test_the_command_ends_with_1_where_a_stack_failed_and_with_0_where_none_did(tmp_path, capsys):
    write_stack(tmp_path / "in" / "good")
    codes = []
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    "watch",
                    str(tmp_path / "in"),
                    "-o",
                    str(tmp_path / "out"),
                    "--once",
                    "--quiet",
                    "0",
                    *FAST,
                ]
            )
        codes.append(ended.value.code)
        (tmp_path / "in" / "bad").mkdir(exist_ok=True)
        for number in range(2):
            (tmp_path / "in" / "bad" / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    assert codes == [0, 1]
