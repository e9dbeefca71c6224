"""Order, blurred frames, strangers, slabs and tiles, seen through `fuse` and the command alone."""

import json

import cv2
import numpy as np
import pytest
from scenes import as_type, scene, texture

import hyperfocal
from hyperfocal import registry
from hyperfocal.cli.main import main
from tests.batch.shoots import exif_of, write
from tests.stack.test_ordering import ramp
from tests.test_alignment import moving_stack, similarity

FAST = "select:consistency=no"


def command(capsys, folder, out, *options, method=FAST):
    """The report of `hyperfocal fuse --json`."""
    main(["fuse", str(folder), "-o", str(out), "--method", method, "--json", *map(str, options)])
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        command(capsys, *arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def write_frames(folder, frames, names, exif=()):
    for place, (samples, name) in enumerate(zip(as_type(frames, np.uint8), names, strict=True)):
        write(folder / f"{name}.png", samples, exif[place] if exif else None)
    return folder


@pytest.mark.parametrize("blurred_at", ["a", "z"])
def test_the_order_is_that_of_the_frames_that_are_left_when_blurred_ones_go(
    tmp_path, capsys, blurred_at
):
    letters = ["c", "e", "d", "b", "f", "g"]
    frames = [cv2.GaussianBlur(texture(180, 240), (0, 0), 7), *ramp(6)]
    folder = write_frames(tmp_path / "in", frames, [blurred_at, *letters])
    asked = ["--order", "content", "--drop-blurred", "--depth", tmp_path / "depth.tif"]
    report = command(capsys, folder, tmp_path / "out.png", *asked)
    assert report["left_out"] == [f"{blurred_at}.png"]
    wanted = [f"{letter}.png" for letter in letters]
    assert report["frames"] in (wanted, wanted[::-1])


def test_times_tell_the_order_only_where_every_frame_has_one(tmp_path, capsys):
    letters = ["c", "a", "b", "e", "d"]
    times = [exif_of(0), exif_of(1), None, exif_of(3), exif_of(4)]
    folder = write_frames(tmp_path / "in", ramp(5), letters, times)
    told = refused(capsys, folder, tmp_path / "out.png", "--order", "time")
    assert "b.png has no EXIF time" in told
    report = command(capsys, folder, tmp_path / "out.png")
    assert report["order"] == "content"
    wanted = [f"{letter}.png" for letter in letters]
    assert report["frames"] in (wanted, wanted[::-1])


def test_two_frames_of_one_time_have_no_order_in_time(tmp_path, capsys):
    times = [exif_of(0), exif_of(1), exif_of(1), exif_of(3)]
    folder = write_frames(tmp_path / "in", ramp(4), "acbd", times)
    told = refused(capsys, folder, tmp_path / "out.png", "--order", "time")
    assert "same EXIF time" in told


@pytest.mark.parametrize(
    ("numbers", "told"),
    [((1, 2, 7), "3, 4, 5, 6"), ((1, 2, 8), None), ((1, 3, 5, 9), "7"), ((2, 4, 6), None)],
)
def test_numbers_that_a_series_lacks_are_told_up_to_as_many_again(tmp_path, numbers, told):
    paths = [
        write_frames(tmp_path, [frame], [f"a{number}"]) / f"a{number}.png"
        for number, frame in zip(numbers, ramp(len(numbers)), strict=True)
    ]
    notices = hyperfocal.fuse(paths, method=FAST).report["notices"]
    assert notices == ([f"the numbered series of frames has no {told}"] if told else [])


def test_both_decisions_count_the_frames_that_were_given(tmp_path):
    _, frames, truth = scene(160, 240, 6)
    frames = as_type([*frames[:2], texture(160, 240, seed=99), *frames[2:]], np.uint8)
    fusion = hyperfocal.fuse(frames, method="select", maps=tmp_path / "maps")
    assert fusion.report["alignment"]["left_out"] == ["frame 3 (array 3)"]
    for decision in (fusion.initial_decision, fusion.decision):
        assert set(np.unique(decision)) <= {0, 1, 3, 4, 5, 6}
        assert (decision == truth + (truth >= 2)).mean() > 0.8
    written = np.load(tmp_path / "maps" / "decision_initial.npy")
    assert np.array_equal(written, fusion.initial_decision)


def test_both_decisions_of_slabs_are_looked_up_by_their_own(tmp_path, capsys):
    _, frames, _ = scene(120, 240, 7)
    folder = write_frames(tmp_path / "in", frames, "0123456")
    maps = tmp_path / "maps"
    asked = ["--slab", "3:1", "--maps", maps, "--align", "none", "--exposure", "none"]
    command(capsys, folder, tmp_path / "a.png", *asked, method="select")
    as_given = {"method": "select", "align": "none", "exposure": "none"}
    paths = sorted(folder.iterdir())
    slabs = [hyperfocal.fuse(paths[first : first + 3], **as_given) for first in (0, 2, 4)]
    whole = hyperfocal.fuse([slab.picture for slab in slabs], **as_given)
    assert (whole.initial_decision != whole.decision).any()
    for name, chosen, of_slab in (
        ("decision_initial", whole.initial_decision, [slab.initial_decision for slab in slabs]),
        ("decision", whole.decision, [slab.decision for slab in slabs]),
    ):
        wanted = np.choose(chosen, [each + 2 * number for number, each in enumerate(of_slab)])
        assert np.array_equal(np.load(maps / f"{name}.npy"), wanted), name


def test_covered_by_slabs_is_what_all_frames_of_all_slabs_cover(tmp_path, capsys):
    shifts = [(9, 6), (6, 3), (3, 0), (0, 0), (-3, 0), (-6, -3), (-9, -6)]
    _, frames = moving_stack([similarity(shift=shift) for shift in shifts])
    folder = tmp_path / "in"
    for number, samples in enumerate(frames):
        write(folder / f"{number}.png", samples)
    maps, asked = tmp_path / "maps", ["--slab", "3:1", "--keep-size", "--maps", tmp_path / "maps"]
    command(capsys, folder, tmp_path / "a.png", *asked)
    covered = np.load(maps / "covered.npy") == 255
    whole = hyperfocal.fuse(folder, method=FAST, keep_size=True)
    assert np.array_equal(covered, whole.covered)
    # Frames of the first slab lack what frames of the last one have, and the other way round.
    assert not covered[:, :8].any()
    assert not covered[:, -8:].any()
    assert (np.load(maps / "confidence.npy")[~covered] == 0).all()


@pytest.mark.parametrize("measure", ["sesf", pytest.param("ums", marks=pytest.mark.slow)])
def test_tiles_share_what_was_surveyed_of_the_frame(measure):
    _, frames, _ = scene(416, 90, 2)
    # One half of each frame has another contrast than the other, which pooled gates average.
    for frame in frames:
        frame[208:] = 0.5 + 0.1 * (frame[208:] - 0.5)
    method = f"select:measure={measure},consistency=no"
    halo, activities = registry.make("measures", measure).halo, []
    for tile_count in (2, 3, 4):
        rows = -(-416 // tile_count) + 2 * halo + 15
        seen = []
        fusion = hyperfocal.fuse(
            frames,
            method=method,
            memory=str(80 * 90 * rows),
            on_step=lambda *step, seen=seen: seen.append(step),
        )
        assert ("measure", 2 * tile_count, 2 * tile_count) in seen
        activities.append(fusion.activity)
    for other in activities[1:]:
        assert np.abs(activities[0] - other).max() < 1e-4 * other.max()


class Counted:
    """A frame in memory that counts how often it is read, as a file would be."""

    path, is_sequential = None, False

    def __init__(self, source):
        self.source, self.reads = source, 0

    @property
    def info(self):
        return self.source.info

    def read(self):
        self.reads += 1
        return self.source.read()

    def covered(self, rows):
        return None

    def matched(self, first):
        return self

    def require_room(self):
        pass


@pytest.mark.parametrize("method", ["prism", "select", "lp"])
def test_a_frame_that_moved_is_decoded_once_for_its_preview_and_once_to_be_resampled(method):
    _, frames = moving_stack([similarity(1, 0, (3.3 * number, 0)) for number in range(5)])
    sources = [Counted(source) for source in hyperfocal.open_stack(frames).sources]
    with hyperfocal.Stack(sources) as stack:
        fusion = hyperfocal.fuse(stack, method=method)
    assert not fusion.report["alignment"]["untouched"]

    assert max(source.reads for source in sources) <= 2


def test_frames_that_moved_are_rounded_once_at_the_end():
    _, frames = moving_stack([similarity(1, 0, (2.4 * number, 0)) for number in range(4)])
    found = {
        "rounded": hyperfocal.fuse(frames, method="lp").picture,
        "exact": hyperfocal.fuse(
            [frame / np.float32(255) for frame in frames], method="lp"
        ).picture,
    }
    # Half a level of rounding at the end, and nothing before it.
    apart = np.abs(found["rounded"] - np.clip(found["exact"] * 255, 0, 255))
    assert (apart > 0.501).mean() < 1e-3  # float frames are clipped to their own range
