"""Stacks are told apart by time, exposure, size and likeness; their names hold."""

import numpy as np
import pytest

from hyperfocal import OptionError, StackError
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import make_plan
from hyperfocal.io import formats
from tests.batch.shoots import exif_of, plain_frame, views, write, write_stack


def planned(root, **options):
    jobs = make_plan(root, root / "out", BatchOptions(**options)).jobs
    return {job.name: [path.name for path in job.frames] for job in jobs}


def timed(root, seconds, **facts):
    """Frames of one look, taken at these times."""
    frames = [plain_frame()] * len(seconds)
    for number, (second, samples) in enumerate(zip(seconds, frames, strict=True)):
        write(root / f"img{number:02}.png", samples, exif_of(second, **facts))


def counts(plan):
    return [len(frames) for frames in plan.values()]


def test_times_are_read_to_the_fraction():
    assert formats.capture_info(exif_of(5)).time_s - formats.capture_info(exif_of(0)).time_s == 5
    assert formats.capture_info(exif_of(0, digits="25")).time_s % 1 == pytest.approx(0.25)
    shot = formats.capture_info(exif_of(f_number=5.6, iso=200, exposure_s=0.01))
    assert (shot.f_number, shot.iso, shot.exposure_s, shot.time_s) == (5.6, 200, 0.01, None)
    assert (
        formats.capture_info(b"II*\0\xff\xff\xff\xff")
        == formats.CaptureInfo()
        == formats.capture_info(None)
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0, 1, 2, 3, 30, 31, 32, 33], [4, 4]),
        ([0, 0, 0, 0, 5, 5, 5], [4, 3]),  # bursts, as EXIF counts seconds
        ([0, 10, 20, 31, 41, 50], [6]),  # flashes that recharge
        ([0, 1, 60, 61, 120, 121], [2, 2, 2]),
        ([0, 1, 2, 40, 80, 81, 82], [3, 1, 3]),  # a lone shot between
    ],
)
@pytest.mark.parametrize("group", ["auto", "time"])
def test_pauses_part_stacks(tmp_path, seconds, expected, group):
    timed(tmp_path, seconds)
    assert counts(planned(tmp_path, group=group)) == expected


def test_the_pause_may_be_given(tmp_path):
    timed(tmp_path, [0, 2, 4, 7, 9])
    assert counts(planned(tmp_path, gap=2.5)) == [3, 2]


def test_a_lone_frame_is_told_as_such(tmp_path):
    timed(tmp_path, [0, 1, 2, 40, 80, 81, 82])
    jobs = make_plan(tmp_path, tmp_path / "out", BatchOptions()).jobs
    assert [job.is_lone for job in jobs] == [False, True, False]


@pytest.mark.parametrize(
    "fact",
    [
        {"f_number": 8.0},
        {"iso": 400},
        {"exposure_s": 0.02},
        {"exposure_s": 0.005},
        {"exposure_s": 0.016},
        {"exposure_s": 0.01 / 1.6},
        {"focal_mm": 70.0},
    ],
    ids=str,
)
def test_another_exposure_parts_stacks(tmp_path, fact):
    usual = {"f_number": 5.6, "iso": 200, "exposure_s": 0.01, "focal_mm": 55.0}
    for number in range(6):
        facts = usual if number < 3 else {**usual, **fact}
        write(tmp_path / f"{number}.png", plain_frame(), exif_of(number, **facts))
    assert counts(planned(tmp_path)) == [3, 3]


@pytest.mark.parametrize("factor", [1.1, 1.4, 1 / 1.4])
def test_the_camera_s_automatic_does_not(tmp_path, factor):
    for number in range(4):
        facts = {"exposure_s": 0.01 * (factor if number % 2 else 1)}
        write(tmp_path / f"{number}.png", plain_frame(), exif_of(number, **facts))
    assert counts(planned(tmp_path)) == [4]


def test_without_times_likeness_parts_stacks(tmp_path):
    frames = [*views(4, seed=1), *views(3, seed=2), *views(5, seed=3)]
    for number, samples in enumerate(frames):
        write(tmp_path / f"{number:02}.png", samples)
    assert counts(planned(tmp_path)) == [4, 3, 5]


def test_portrait_among_landscape_is_a_stack_of_its_own(tmp_path):
    for number in range(6):
        samples = plain_frame()
        write(tmp_path / f"{number}.png", samples if number < 3 else samples.transpose(1, 0, 2))
    assert counts(planned(tmp_path)) == [3, 3]


def test_each_folder_is_a_stack_and_loose_frames_are_grouped(tmp_path):
    write_stack(tmp_path / "b", 2)
    write_stack(tmp_path / "a" / "deep", 3)
    timed(tmp_path, [0, 1, 50, 51])
    assert planned(tmp_path) == {
        "img00": ["img00.png", "img01.png"],
        "img02": ["img02.png", "img03.png"],
        "a/deep": ["0.png", "1.png", "2.png"],
        "b": ["0.png", "1.png"],
    }


def test_by_folder_and_by_count(tmp_path):
    write_stack(tmp_path / "a", 5)
    assert counts(planned(tmp_path / "a", group="folder")) == [5]
    assert planned(tmp_path, group="count=2") == {
        "a/0": ["0.png", "1.png"],
        "a/2": ["2.png", "3.png"],
        "a/4": ["4.png"],
    }


def test_a_file_that_holds_several_frames_is_a_stack(tmp_path):
    np.save(tmp_path / "cells.npy", np.stack([plain_frame()] * 3))
    np.save(tmp_path / "more.npy", np.stack([plain_frame()] * 2))
    assert planned(tmp_path) == {"cells": ["cells.npy"], "more": ["more.npy"]}
    assert planned(tmp_path, group="folder") == planned(tmp_path)


def test_names_follow_the_pattern(tmp_path):
    timed(tmp_path, [0, 1, 50, 51, 52])
    found = planned(tmp_path, name="{number:02}-{folder}-{first}-{last}-{count}")
    folder = tmp_path.name
    assert list(found) == [f"01-{folder}-img00-img01-2", f"02-{folder}-img02-img04-3"]
    assert list(planned(tmp_path, name="same")) == ["same", "same_2"]


@pytest.mark.parametrize("name", ["{", "{no}", "{}", "../{stack}", "/{stack}", "", "{stack.x}"])
def test_names_that_mean_nothing_are_refused(tmp_path, name):
    write_stack(tmp_path)
    with pytest.raises(OptionError, match="name is"):
        planned(tmp_path, name=name)


@pytest.mark.parametrize("options", [{"group": "count=1"}, {"group": "x"}, {"suffix": ".xyz"}])
def test_options_that_mean_nothing_are_refused(tmp_path, options):
    write_stack(tmp_path)
    with pytest.raises(OptionError, match="choose"):
        planned(tmp_path, **options)


def test_grouping_by_time_without_times_is_refused(tmp_path):
    write_stack(tmp_path)
    with pytest.raises(OptionError, match="no EXIF time"):
        planned(tmp_path, group="time")


def test_very_long_and_foreign_names_are_kept_apart(tmp_path):
    for ending in ("a", "b"):
        for number in range(2):
            name = f"{number}{'ö' * 110}{ending}.png"
            write(tmp_path / f"Käfer{ending}" / name, plain_frame())
    found = planned(tmp_path, group="count=2")
    assert len(found) == 2
    for name in found:
        assert name.startswith("Käfer")
        assert all(len(part.encode()) <= 200 for part in name.split("/"))


def test_links_in_circles_are_followed_once(tmp_path):
    write_stack(tmp_path / "in" / "a", 2)
    (tmp_path / "in" / "a" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "elsewhere")
    write_stack(tmp_path / "elsewhere", 2)
    plan = make_plan(tmp_path / "in", tmp_path / "out", BatchOptions())
    assert [job.name for job in plan.jobs] == ["a", "other"]
    link, aside = plan.notices
    assert "back leads to a folder that is done anyway" in link
    assert aside == "1 file is left aside, as no frames: self"
    assert "back" in plan.notices[0]


def test_results_below_the_frames_are_no_frames(tmp_path):
    write_stack(tmp_path / "a", 2)
    write_stack(tmp_path / "out", 2)
    assert list(planned(tmp_path)) == ["a"]
    with pytest.raises(StackError, match="choose another folder"):
        make_plan(tmp_path, tmp_path, BatchOptions())


@pytest.mark.parametrize("kind", ["empty", "absent", "file"])
def test_where_there_is_nothing_that_is_told(tmp_path, kind):
    root = tmp_path / "in"
    if kind == "empty":
        root.mkdir()
    if kind == "file":
        root.write_text("x")
    with pytest.raises(StackError, match="name a folder"):
        make_plan(root, tmp_path / "out", BatchOptions())
