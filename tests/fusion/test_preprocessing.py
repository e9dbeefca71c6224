"""Order, blurred frames and slabs, around fusing."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest
import tifffile
from scenes import as_type, psnr, scene, texture

import hyperfocal
from hyperfocal import OptionError, StackError
from hyperfocal.alignment import transform_file
from hyperfocal.fusion.api import Extras
from hyperfocal.fusion.preprocessing import Preparation, fuse_prepared, names_tell, prepare
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.slabs import Slab, parse_slab
from hyperfocal.io import formats
from tests.batch.shoots import exif_of
from tests.batch.shoots import write as write_with_exif
from tests.stack.test_ordering import ramp
from tests.stack.test_stack import write

FAST = Recipe("select:consistency=no")


def write_frames(folder, frames, names):
    folder.mkdir(exist_ok=True)
    for samples, name in zip(as_type(frames, np.uint8), names, strict=True):
        write(folder / name, samples)
    return folder


def names_of(prepared):
    with prepared.stack as stack:
        return [source.info.name for source in stack.sources]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a1.tif", "a2.tif", "a10.tif"], True),
        (["2026-01-01_09-00-01.png", "2026-01-01_09-00-02.png"], True),
        (["near.tif", "far.tif"], False),
        (["a1.tif", "b2.tif"], False),
    ],
)
def test_names_tell_the_order_where_only_numbers_differ(names, expected):
    assert names_tell(names) is expected


def test_what_tells_the_order(tmp_path):
    letters = ["c.png", "a.png", "d.png", "b.png", "e.png"]
    folder = write_frames(tmp_path / "in", ramp(5), letters)
    prepared = prepare(folder, Preparation())
    assert prepared.order == "content"
    assert names_of(prepared) in (letters, letters[::-1])
    assert names_of(prepare(folder, Preparation(order="given"))) == sorted(letters)
    by_name = prepare([folder / name for name in letters], Preparation(order="name"))
    assert names_of(by_name) == sorted(letters)
    numbered = write_frames(tmp_path / "n", ramp(5), [f"{n}.png" for n in (3, 1, 4, 2, 5)])
    assert prepare(numbered, Preparation()).order == "name"
    assert prepare(numbered, Preparation(order="content")).notices


def test_the_camera_s_time_tells_where_names_do_not(tmp_path):
    for name, second in (("c", 0), ("a", 1), ("b", 2)):
        samples = as_type([texture(30, 40)], np.uint8)[0]
        write_with_exif(tmp_path / f"{name}.png", samples, exif_of(second))
    prepared = prepare(tmp_path, Preparation())
    assert (prepared.order, names_of(prepared)) == ("time", ["c.png", "a.png", "b.png"])


PASSED = [9997, 9998, 9999, 1, 2]


def timed(folder, numbers, seconds, names="DSC_{:04d}.JPG"):
    """Frames with these numbers, taken at these seconds."""
    for number, second, frame in zip(numbers, seconds, ramp(len(numbers)), strict=True):
        exif = None if second is None else exif_of(second)
        write_with_exif(folder / names.format(number), as_type([frame], np.uint8)[0], exif)
    return folder


@pytest.mark.parametrize(
    ("numbers", "seconds", "names"),
    [
        (PASSED, range(5), "DSC_{:04d}.JPG"),
        (PASSED, range(5), "DSC{:05d}.JPG"),  # five digits of which four count
        (PASSED, range(5), "100_{:04d}_b2.JPG"),  # beside numbers that stay
        (PASSED, [0, 0, 1, 1, 1], "DSC_{:04d}.JPG"),  # faster than a second
        ([9990, 9996, 9998, 2, 3, 9], range(6), "DSC_{:04d}.JPG"),  # some deleted
        ([99, 0, 1], range(3), "a{:02d}.JPG"),
        ([*range(960, 1000), 0, 1], range(42), "DSC_{:03d}.JPG"),
    ],
)
def test_times_tell_the_order_where_the_counter_began_anew(tmp_path, numbers, seconds, names):
    prepared = prepare(timed(tmp_path, numbers, seconds, names), Preparation())
    assert prepared.order == "time"
    assert names_of(prepared) == [names.format(number) for number in numbers]
    (notice,) = prepared.notices
    first, last = names.format(numbers[0]), names.format(numbers[-1])
    assert f"{first} is the first and {last} the last" in notice
    assert prepare(tmp_path, Preparation(order="name")).order == "name"


@pytest.mark.parametrize(
    ("numbers", "seconds"),
    [
        ([1, 2, 3, 4, 5], [2, 3, 4, 0, 1]),  # no gap
        ([1, 2, 9998, 9999], [0, 1, 2, 3]),  # in order
        ([1, 2, 9998, 9999], [3, 2, 1, 0]),  # backwards
        ([1, 2, 9998, 9999], [2, 0, 1, 3]),  # in no order
        ([1, 2, 9998, 9999], [1, 1, 1, 1]),
        ([1, 2, 700, 701], [None] * 4),  # no end of a counter
    ],
)
def test_names_tell_the_order_where_times_do_not_say_so(tmp_path, numbers, seconds):
    prepared = prepare(timed(tmp_path, numbers, seconds), Preparation())
    assert (prepared.order, prepared.notices) == ("name", ())
    prepared.stack.close()


@pytest.mark.parametrize("seconds", [[None] * 5, [0, 1, None, 3, 4]])
def test_what_is_sharp_tells_the_order_where_a_counter_began_anew_without_times(tmp_path, seconds):
    prepared = prepare(timed(tmp_path, PASSED, seconds), Preparation())
    assert prepared.order == "content"
    names = [f"DSC_{number:04d}.JPG" for number in PASSED]
    assert names_of(prepared) in (names, names[::-1])


def test_a_finished_picture_without_exif_is_left_out_or_told(tmp_path):
    names = [f"frame_{number}.png" for number in range(8)]
    folder = write_frames(tmp_path / "in", ramp(8), names)
    write(folder / "stacked.png", as_type([texture(180, 240)], np.uint8)[0])
    with_pixels = prepare(folder, Preparation())
    assert names_of(with_pixels) == names
    assert "stacked.png is sharp wherever any other is, and left out" in with_pixels.notices
    (folder / "stacked.png").rename(folder / "frame_8.png")
    report = fuse_prepared(folder, tmp_path / "o.png", recipe=FAST, preparation=Preparation())
    told = "frame 9 (frame_8.png) is sharp wherever any other is; take it out if it is a finished"
    assert any(line.startswith(told) for line in report["notices"])


def test_an_order_that_nothing_tells_is_refused(tmp_path):
    folder = write_frames(tmp_path / "in", ramp(3), ["a.png", "b.png", "c.png"])
    with pytest.raises(StackError, match=r"a\.png has no EXIF time"):
        prepare(folder, Preparation(order="time"))


def test_frames_without_anything_to_tell_keep_their_order(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.random((60, 80, 1), np.float32) for _ in range(5)]
    prepared = prepare(frames, Preparation())
    assert prepared.order == "given"
    folder = write_frames(tmp_path / "in", frames, [f"{letter}.png" for letter in "abcde"])
    prepared = prepare(folder, Preparation())
    assert (prepared.order, prepared.notices) == ("given", ())


def test_the_depth_map_follows_the_order_found(tmp_path):
    frames = ramp(6)
    folder = write_frames(tmp_path / "in", frames, [f"{letter}.png" for letter in "dafbec"])
    for preparation in (Preparation(), Preparation(order="given")):
        fuse_prepared(
            folder,
            tmp_path / f"{preparation.order}.tif",
            recipe=FAST,
            preparation=preparation,
            extras=Extras(depth=tmp_path / f"{preparation.order}-depth.tif"),
        )
    wanted = np.linspace(0, 5, 240)
    depth = {
        order: formats.open_frames(tmp_path / f"{order}-depth.tif")[0].read()[:, :, 0].mean(0)
        for order in ("auto", "given")
    }
    assert abs(np.corrcoef(depth["auto"], wanted)[0, 1]) > 0.97
    assert abs(np.corrcoef(depth["given"], wanted)[0, 1]) < 0.9


ENDLESS = (0xFFFFFFFF, 1)


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([(30, 100), (35, 100), (35, 100), (41, 100)], "first"),
        ([ENDLESS, ENDLESS, (9, 1), (3, 1)], "last"),
        ([(30, 100), (40, 100), (30, 100), (40, 100), (30, 100)], None),
        ([(30, 100)] * 4, None),
        ([(0, 1), (0, 1), (5, 1)], None),  # 0 stands for unknown
        ([(30, 0), None, (1, 1)], None),
        ([None, (30, 100), None, (10, 100)], "last"),
    ],
)
def test_the_near_end_is_told_where_exif_tells_it(tmp_path, ratios, expected):
    for number, ratio in enumerate(ratios):
        samples = as_type([texture(30, 40, seed=1)], np.uint8)[0]
        write_with_exif(tmp_path / f"{number}.png", samples, exif_of(ratio=ratio))
    report = hyperfocal.fuse(tmp_path, method="select").report
    assert report["near_end"] == expected


def test_an_order_from_content_starts_near_where_exif_tells(tmp_path):
    letters = ["c", "a", "d", "b", "e"]
    for far_to_near in (False, True):
        folder = tmp_path / str(far_to_near)
        folder.mkdir()
        for place, (letter, frame) in enumerate(zip(letters, ramp(5), strict=True)):
            distance = (9 - place if far_to_near else 3 + place, 10)
            samples = as_type([frame], np.uint8)[0]
            write_with_exif(folder / f"{letter}.png", samples, exif_of(ratio=distance))
        prepared = prepare(folder, Preparation())
        wanted = [f"{letter}.png" for letter in letters]
        assert names_of(prepared) == (wanted[::-1] if far_to_near else wanted)
        assert prepared.notices[0].endswith("which end is near is the first, by EXIF")


def test_blurred_frames_are_left_out_and_named(tmp_path):
    frames = ramp(5)
    frames[2] = cv2.GaussianBlur(texture(180, 240), (0, 0), 7)
    folder = write_frames(tmp_path / "in", frames, [f"{number}.png" for number in range(5)])
    report = fuse_prepared(
        folder,
        tmp_path / "out.tif",
        recipe=FAST,
        preparation=Preparation(drop_blurred=True),
    )
    assert report["left_out"] == ["2.png"]
    assert report["frames"] == ["0.png", "1.png", "3.png", "4.png"]
    assert "blurred everywhere and left out: 2.png" in report["notices"]


@pytest.mark.parametrize("count", [2, 3, 10, 11, 17, 20, 40])
@pytest.mark.parametrize("slab", [Slab(10, 3), Slab(2, 0), Slab(5, 4)])
def test_slabs_cover_every_frame_with_their_overlap(count, slab):
    cuts = slab.cuts(count)
    assert cuts[0].start == 0
    assert cuts[-1].stop == count
    for before, after in itertools.pairwise(cuts):
        assert after.start > before.start
        assert before.stop - after.start >= slab.overlap
    if count > slab.size:
        assert {cut.stop - cut.start for cut in cuts} == {slab.size}


def test_slabs_as_zerene_cuts_them():
    cuts = Slab(10, 3).cuts(24)
    assert [(cut.start, cut.stop - 1) for cut in cuts] == [(0, 9), (7, 16), (14, 23)]


@pytest.mark.parametrize("text", ["", "1:0", "3:3", "3:4", "a", "3:-1", "3:1:1", "0"])
def test_slabs_that_mean_nothing_are_refused(text):
    with pytest.raises(OptionError, match="such as 10:3"):
        parse_slab(text)


def test_slabs_are_written_and_fused(tmp_path):
    sharp, frames, _ = scene(120, 240, 7)
    frames = as_type(frames, np.uint16)
    preparation = Preparation(slab="3:1")
    report = fuse_prepared(frames, tmp_path / "a.png", recipe=FAST, preparation=preparation)
    names = ["a.png", "a_slab01.png", "a_slab02.png", "a_slab03.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert report["outputs"]["slabs"] == [str(tmp_path / name) for name in names[1:]]
    assert len(report["frames"]) == 7
    first = formats.open_frames(tmp_path / "a_slab01.png")[0].read()
    assert np.array_equal(first, hyperfocal.fuse(frames[:3], method=FAST.method).picture)
    whole = hyperfocal.fuse(frames, method=FAST.method).picture / 65535
    fused = formats.open_frames(tmp_path / "a.png")[0].read() / 65535
    assert psnr(fused, sharp) > psnr(whole, sharp) - 1


def test_slabs_alone_and_no_slabs_for_a_short_stack(tmp_path):
    _, frames, _ = scene(60, 90, 4)
    frames = as_type(frames, np.uint8)
    only = Preparation(slab="3:1", slabs_only=True)
    report = fuse_prepared(frames, tmp_path / "a.jpg", recipe=FAST, preparation=only)
    names = ["a_slab01.tif", "a_slab02.tif"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert list(report["outputs"]) == ["slabs"]
    report = fuse_prepared(frames[:3], tmp_path / "b.jpg", recipe=FAST, preparation=only)
    assert "slabs of 3 were not cut" in report["notices"][-1]
    assert (tmp_path / "b.jpg").exists()


def test_an_existing_slab_is_kept_unless_asked(tmp_path):
    _, frames, _ = scene(60, 90, 4)
    (tmp_path / "a_slab02.tif").write_bytes(b"mine")
    with pytest.raises(hyperfocal.FormatError, match="exists"):
        fuse_prepared(
            as_type(frames, np.uint8),
            tmp_path / "a.tif",
            recipe=FAST,
            preparation=Preparation(slab="3:1"),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a_slab02.tif"]


def test_maps_of_slabs_count_frames(tmp_path):
    _, frames, truth = scene(120, 240, 7)
    frames = as_type(frames, np.uint16)
    extras = Extras(
        decision_map=tmp_path / "decision.tif",
        depth=tmp_path / "depth.tif",
        depth_page=True,
        maps=tmp_path / "maps",
        transforms=tmp_path / "transforms.json",
    )
    report = fuse_prepared(
        frames,
        tmp_path / "a.tif",
        recipe=dataclasses.replace(FAST, step_um=2.0),
        preparation=Preparation(slab="3:1"),
        extras=extras,
    )
    maps = {path.stem: np.load(path) for path in (tmp_path / "maps").glob("*.npy")}
    # By hand: the slab that each pixel comes from, and the frame of that slab.
    slabs = [hyperfocal.fuse(frames[first : first + 3], method=FAST.method) for first in (0, 2, 4)]
    whole = hyperfocal.fuse([slab.picture for slab in slabs], method=FAST.method)
    wanted = np.choose(whole.decision, [slab.decision + 2 * n for n, slab in enumerate(slabs)])
    assert np.array_equal(maps["decision"], wanted)
    depth = np.choose(whole.decision, [slab.depth + 2 * n for n, slab in enumerate(slabs)])
    assert np.allclose(maps["depth"], 2.0 * depth, atol=1e-4)
    sure = np.choose(whole.decision, [slab.confidence for slab in slabs])
    assert np.array_equal(maps["confidence"], sure)
    assert (maps["decision"] == truth).mean() > 0.8
    written = {
        name: formats.open_frames(tmp_path / f"{name}.tif")[0].read()[:, :, 0]
        for name in ("decision", "depth")
    }
    assert np.array_equal(written["decision"], maps["decision"])
    assert np.array_equal(written["depth"], maps["depth"])
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif", key=1), maps["depth"])
    assert len(transform_file.load(tmp_path / "transforms.json").matrices) == 7
    assert set(report["outputs"]) == {
        "picture", "decision_map", "depth", "maps", "transforms", "slabs",
    }  # fmt: skip


def test_frames_left_out_are_counted_in_maps_of_slabs(tmp_path):
    _, frames, truth = scene(160, 240, 6)
    stranger = texture(160, 240, seed=99)
    frames = as_type([*frames[:2], stranger, *frames[2:]], np.uint8)
    report = fuse_prepared(
        frames,
        tmp_path / "a.png",
        recipe=FAST,
        preparation=Preparation(slab="3:1"),
        extras=Extras(maps=tmp_path / "maps"),
    )
    assert report["alignment"]["left_out"] == ["frame 3 (array 3)"]
    decision = np.load(tmp_path / "maps" / "decision.npy")
    assert not (decision == 2).any()
    assert (decision == truth + (truth >= 2)).mean() > 0.8


def test_maps_of_slabs_that_are_not_fused_are_refused(tmp_path):
    _, frames, _ = scene(60, 90, 4)
    with pytest.raises(OptionError, match="--slabs-only"):
        fuse_prepared(
            frames,
            tmp_path / "a.tif",
            recipe=FAST,
            preparation=Preparation(slab="3:1", slabs_only=True),
            extras=Extras(depth=tmp_path / "d.tif"),
        )
    with pytest.raises(hyperfocal.FormatError, match="two outputs"):
        fuse_prepared(
            frames,
            tmp_path / "a.tif",
            recipe=FAST,
            preparation=Preparation(slab="3:1"),
            extras=Extras(depth=tmp_path / "a_slab01.tif"),
        )
    assert list(tmp_path.iterdir()) == []


def test_slabs_of_a_stack_that_moved_have_one_size(tmp_path):
    sharp = texture(200, 240, seed=3)
    frames = []
    for number in range(6):
        moved = np.roll(sharp, (number, 2 * number), (0, 1))[20:180, 20:220]
        frames.append(cv2.GaussianBlur(moved, (0, 0), 0.6 + 0.1 * number))
    folder = write_frames(tmp_path / "in", frames, [f"{number}.png" for number in range(6)])
    report = fuse_prepared(
        folder, tmp_path / "out.png", recipe=FAST, preparation=Preparation(slab="3:1")
    )
    assert not report["alignment"]["untouched"]
    sizes = {formats.open_frames(path)[0].info.width for path in tmp_path.glob("out*.png")}
    assert sizes == {report["width"]}
    assert report["width"] < 200
