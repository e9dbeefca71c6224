"""Placing frames: known motion found, registered stacks untouched, strangers named."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from moving import (
    BREATHING,
    SHAPE,
    blurred_in_bands,
    found_in,
    moving_stack,
    natural,
    samples_of,
    similarity,
    worst_error,
)
from scenes import as_type, psnr, scene, texture

import hyperfocal
from hyperfocal import AlignmentError, FormatError, alignment
from hyperfocal.alignment import (
    black_level,
    crop,
    exposure,
    motion_estimation,
    transform_file,
    transforms,
)
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.stack.opening import open_stack

FAST = "select:measure=tenengrad,consistency=no"


def test_a_known_similarity_is_found_under_defocus():
    _, frames = moving_stack(BREATHING)
    matrices, reference, report = found_in(frames)
    assert reference == 2
    assert worst_error(matrices, BREATHING, reference) < 0.15
    neighbours = slice(1, 4)
    moved = [matrix @ np.linalg.inv(BREATHING[2]) for matrix in BREATHING[neighbours]]
    assert worst_error(matrices[neighbours], moved, 1) < 0.1
    told = report["frames"][4]
    assert told["scale"] == pytest.approx(1.016 / 1.008, abs=5e-4)
    assert told["rotation_deg"] == pytest.approx(0.0, abs=0.03)
    assert told["confidence"] > 0.8
    assert told["residual_px"] < 0.3


def test_two_frames_and_any_order_are_placed():
    for order in ([3, 1], [4, 3, 2, 1, 0], [2, 3, 4, 0, 1]):
        truth = [BREATHING[number] for number in order]
        _, frames = moving_stack(BREATHING)
        matrices, reference, _ = found_in([frames[number] for number in order])
        assert worst_error(matrices, truth, reference) < 0.15, order


def test_a_large_shift_and_turn_are_found():
    truth = [similarity(), similarity(1.05, 6, (21, -14))]
    _, frames = moving_stack(truth, margin=80)
    matrices, reference, _ = found_in(frames)
    assert worst_error(matrices, truth, reference) < 0.2


def test_perspective_is_found_where_there_is_any():
    tilt = np.array([[1, 0.004, 1], [-0.004, 1, 2], [6e-5, -4e-5, 1.0]])
    truth = [np.eye(3), tilt, np.eye(3)]
    sharp = natural(240, 360, seed=3)
    frames = [cv2.warpPerspective(sharp, matrix, (360, 240), flags=2) for matrix in truth]
    cut = [frame[20:-20, 30:-30] for frame in frames]
    inner = np.array([[1, 0, -30], [0, 1, -20], [0, 0, 1.0]])
    truth = [inner @ matrix @ np.linalg.inv(inner) for matrix in truth]
    matrices, reference, report = found_in(as_type([np.clip(f, 0, 1) for f in cut], np.uint8))
    assert report["frames"][1 if reference != 1 else 0]["model"] == "homography"
    assert worst_error(matrices, truth, reference) < 0.2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_registered_stack_is_left_untouched(dtype, channels):
    _, frames, _ = scene(150, 240, 4, channels=channels)
    frames = as_type(frames, dtype)
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        assert aligned.stack is stack
        assert aligned.report["untouched"]
    for method in (FAST, "lp"):
        one = hyperfocal.fuse(frames, method=method)
        other = hyperfocal.fuse(frames, method=method, align="none", exposure="none")
        assert np.array_equal(one.picture, other.picture)


def test_fusing_a_moved_stack_comes_near_to_the_still_scene():
    sharp, frames = moving_stack(BREATHING)
    fused = hyperfocal.fuse(frames, method=FAST)
    place = fused.report["alignment"]["area"]
    height, width = fused.picture.shape[:2]
    truth = cv2.warpPerspective(sharp, BREATHING[2], SHAPE[::-1], flags=cv2.INTER_LANCZOS4)
    truth = truth[place["top"] :, place["left"] :][:height, :width]
    inner = np.s_[8:-8, 8:-8]
    aligned = psnr(fused.picture[inner] / 255, truth[inner])
    as_shot = hyperfocal.fuse(frames, method=FAST, align="none").picture
    as_shot = as_shot[place["top"] :, place["left"] :][:height, :width]
    assert aligned > 38
    assert aligned > psnr(as_shot[inner] / 255, truth[inner]) + 10


def with_stranger(at=2):
    sharp, frames = moving_stack(BREATHING)
    stranger = as_type([natural(*SHAPE, seed=99)], np.uint8)[0]
    return sharp, [*frames[:at], stranger, *frames[at:]]


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_frame_of_another_scene_is_named_and_left_out(at):
    _, frames = with_stranger(at)
    fusion = hyperfocal.fuse(frames, method=FAST)
    assert fusion.report["alignment"]["left_out"] == [f"frame {at + 1} (array {at + 1})"]
    # Frames keep the numbers they were given with.
    assert set(np.unique(fusion.decision)) == set(range(6)) - {at}
    assert fusion.depth.max() == (5 if at != 5 else 4)


def test_a_mirrored_frame_is_no_frame_of_the_stack():
    _, frames = moving_stack(BREATHING)
    frames[3] = frames[3][:, ::-1].copy()
    assert hyperfocal.fuse(frames, method=FAST).report["alignment"]["left_out"] == [
        "frame 4 (array 4)"
    ]


def test_what_to_do_with_a_stranger_is_the_users_choice():
    _, frames = with_stranger()
    with pytest.raises(AlignmentError, match=r"frame 3 .*--on-misaligned"):
        hyperfocal.fuse(frames, method=FAST, on_misaligned="error")
    kept = hyperfocal.fuse(frames, method=FAST, on_misaligned="keep")
    assert kept.report["alignment"]["left_out"] == []
    assert 2 in kept.decision


def test_frames_of_different_scenes_are_no_stack():
    frames = as_type([natural(*SHAPE, seed=seed) for seed in (1, 2)], np.uint8)
    with pytest.raises(AlignmentError, match="same scene") as caught:
        hyperfocal.fuse(frames, method=FAST)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(8, 8), (1, 200), (70, 90), (130, 100)])
@pytest.mark.parametrize("levels", [(0, 0, 0), (0, 255, 128)])
def test_flat_black_and_tiny_frames_lie_where_they_lie(shape, levels):
    frames = [np.full((*shape, 3), level, np.uint8) for level in levels]
    matrices, _, report = found_in(frames)
    assert all(np.array_equal(matrix, np.eye(3)) for matrix in matrices)
    assert all(frame["confidence"] == 0 for frame in report["frames"][1:])


def test_a_frame_that_shows_nothing_is_left_out_and_kept_where_its_neighbour_lies_if_asked():
    _, frames = moving_stack(BREATHING)
    frames.append(np.full_like(frames[0], 90))
    _, _, report = found_in(frames)
    assert report["left_out"] == ["frame 6 (array 6)"]
    _, _, report = found_in(frames, on_misaligned="keep")
    lying = [(each["shift_px"], each["scale"]) for each in report["frames"]]
    assert report["left_out"] == []
    assert lying[5] == lying[4]


def test_only_what_all_frames_show_is_kept():
    _, frames = moving_stack(BREATHING)
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        with aligned.stack as placed:
            place = aligned.report["area"]
            size = np.array([placed.info.width - 1, placed.info.height - 1])
            corners = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]]) * size
            corners += [place["left"], place["top"]]
            for matrix in aligned.record.matrices:
                there = transforms.mapped(matrix, corners)
                assert (there > -0.02).all()
                assert (there < np.array(SHAPE[::-1]) - 0.98).all()
            assert placed.covered(0) is None
            assert placed.info.height * placed.info.width > 0.85 * SHAPE[0] * SHAPE[1]


@pytest.mark.parametrize("seed", range(8))
def test_the_common_area_is_as_large_as_an_exhaustive_search_finds(seed):
    rng = np.random.default_rng(seed)
    height, width = 24, 30
    matrices = [
        similarity(rng.uniform(0.95, 1.05), rng.uniform(-9, 9), rng.uniform(-4, 4, 2), (24, 30))
        for _ in range(3)
    ]
    inside = np.ones((height, width), bool)
    grid = np.mgrid[:height, :width][::-1].reshape(2, -1).T.astype(np.float64)
    for matrix in matrices:
        x, y = transforms.mapped(matrix, grid).T
        is_in = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        inside &= is_in.reshape(inside.shape)
    best = 0
    for top in range(height):
        for bottom in range(top + 1, height + 1):
            columns = inside[top:bottom].all(0)
            edges = np.flatnonzero(np.diff(np.concatenate([[0], columns, [0]])))
            runs = edges[1::2] - edges[::2]
            best = max(best, (bottom - top) * runs.max(initial=0))
    found = crop.common(matrices, height, width)
    assert inside[found.top : found.bottom, found.left : found.right].all()
    # Ends are sought to a fraction of a pixel: no row and no column may be missing.
    assert found.height * found.width > best - min(found.height, found.width)


def test_keeping_the_size_fills_from_the_reference_and_nothing_is_mirrored():
    truth = [similarity(shift=(14, 9)), similarity(), similarity(shift=(-12, 5))]
    _, frames = moving_stack(truth)
    with open_stack(frames) as stack:
        aligned = alignment.align(stack, keep_size=True)
        with aligned.stack as placed:
            assert (placed.info.height, placed.info.width) == SHAPE
            for index in (0, 2):
                covered = placed.covered(index)
                assert 0.8 < covered.mean() < 0.99
                # Outside its data a frame shows the reference.
                x = aligned.record.matrices[index][0, 2]
                outside = np.zeros(SHAPE, bool)
                outside[:, : int(max(0, -x)) - 1 if x < -1 else 0] = True
                outside[:, SHAPE[1] - int(max(0, x)) + 1 :] = x > 1
                assert outside.any()
                assert np.array_equal(samples_of(placed, index)[outside], frames[1][outside])
    fusion = hyperfocal.fuse(frames, method=FAST, keep_size=True)
    assert fusion.picture.shape == (*SHAPE, 3)
    assert not (fusion.decision[:, -10:] == 0).any()
    assert not (fusion.decision[:, :8] == 2).any()


def test_places_that_only_some_frames_show_are_marked(tmp_path):
    truth = [similarity(shift=(14, 9)), similarity(), similarity(shift=(-12, 5))]
    _, frames = moving_stack(truth)
    maps = tmp_path / "maps"
    for memory in (None, "2MB"):
        fusion = hyperfocal.fuse(
            frames, method=FAST, keep_size=True, maps=maps, overwrite=True, memory=memory
        )
        # The frames' ends as far as they lie in the reference, and 8 px for the seam.
        assert fusion.covered[100, 40:-40].all()
        assert not fusion.covered[:, :12].any()
        assert not fusion.covered[:, -10:].any()
        assert not fusion.covered[-7:].any()
        assert (fusion.confidence[~fusion.covered] == 0).all()
        assert (fusion.confidence[fusion.covered] > 0).mean() > 0.9
        told = fusion.report["alignment"]["covered_share"]
        assert told == pytest.approx(fusion.covered.mean(), abs=1e-4)
        for suffix in ("npy", "tif"):
            (source,) = formats.open_frames(maps / "covered.tif")
            mask = np.load(maps / "covered.npy") if suffix == "npy" else source.read()[:, :, 0]
            assert np.array_equal(mask, np.where(fusion.covered, 255, 0))
            assert mask.dtype == np.uint8
    common = fusion.report["alignment"]["area"]["common"]
    inner = [slice(common[at] + 9, common[at] + common[side] - 9) for at, side in AREA_SIDES]
    assert fusion.covered[*inner].all()


AREA_SIDES = [("top", "height"), ("left", "width")]


def test_nothing_is_marked_where_all_frames_show_all(tmp_path):
    _, frames = moving_stack(BREATHING)
    for options in ({}, {"align": "none", "keep_size": True}):
        fusion = hyperfocal.fuse(
            frames, method=FAST, maps=tmp_path / "m", overwrite=True, **options
        )
        assert fusion.covered is None
        assert "covered_share" not in fusion.report["alignment"]
        assert (np.load(tmp_path / "m" / "covered.npy") == 255).all()


def test_tiles_of_a_placed_stack_give_what_the_whole_gives():
    _, frames = moving_stack(BREATHING)
    for keep_size in (False, True):
        whole = hyperfocal.fuse(frames, method=FAST, keep_size=keep_size)
        tiled = hyperfocal.fuse(frames, method=FAST, keep_size=keep_size, memory="2MB")
        assert np.array_equal(whole.picture, tiled.picture)


FLICKER = np.array([[1.0, 1.0, 1.0], [0.8, 0.85, 0.7], [1.0, 1.0, 1.0], [0.9, 1.0, 1.1]])


def flickering(dtype=np.uint16):
    picture = 0.1 + 0.75 * natural(*SHAPE, seed=4)
    frames = [blurred_in_bands(picture, number, 4) * FLICKER[number] for number in range(4)]
    return as_type(frames, dtype)


def test_gains_are_found_and_nothing_is_clipped():
    frames = flickering()
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        reference = aligned.record.reference
        gains = np.array([frame["gain"] for frame in aligned.report["frames"]])
        with aligned.stack as placed:
            brightest = max(samples_of(placed, index).max() for index in range(4))
            means = np.array([samples_of(placed, index).mean((0, 1)) for index in range(4)])
    wanted = FLICKER[reference] / FLICKER
    assert np.allclose(gains / gains[reference], wanted, rtol=0.01)
    assert brightest < 65535
    assert np.allclose(means, means[reference], rtol=0.01)


def test_the_usual_light_is_kept_and_white_stays_white():
    frames = [as_type([frame], np.uint16)[0] for frame in _near_white()]
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        gains = np.array([frame["gain"] for frame in aligned.report["frames"]])
        kept = int(np.flatnonzero((gains == 1).all(1))[0])
        with aligned.stack as placed:
            lamps = [samples_of(placed, index)[92:108, 142:158] for index in range(2)]
            means = [samples_of(placed, index)[:80].mean() for index in range(2)]
    assert gains[1, 0] / gains[0, 0] == pytest.approx(0.8, rel=0.01)
    assert (lamps[0] == 65535).all()
    assert (lamps[1] == 65535).all()
    assert means[0] == pytest.approx(means[1], rel=0.01)
    assert means[kept] == pytest.approx(frames[kept][:80].mean(), rel=1e-4)


def _near_white():
    picture = 0.2 + 0.55 * natural(*SHAPE, seed=6)
    picture[90:110, 140:160] = 1  # a lamp, as bright in the darker frame as in the other
    dark = 0.8 * picture
    dark[90:110, 140:160] = 1
    return dark, picture


def test_equal_exposure_is_left_untouched():
    _, frames = moving_stack(BREATHING)
    assert not found_in(frames)[2]["exposure_matched"]


def test_a_single_gain_does_not_touch_the_geometry():
    frames = flickering()
    fusion = hyperfocal.fuse(frames, method=FAST)
    assert fusion.picture.shape == (*SHAPE, 3)
    assert fusion.report["alignment"]["exposure_matched"]
    untouched = hyperfocal.fuse(frames, method=FAST, exposure="none")
    assert not untouched.report["alignment"]["exposure_matched"]
    assert untouched.report["alignment"]["untouched"]


VEILED = [  # gain and added light of each frame, by channel
    (np.ones(3), np.zeros(3)),
    (np.array([0.97, 0.98, 0.95]), np.array([0.06, 0.05, 0.07])),
    (np.ones(3), np.zeros(3)),
    (np.ones(3), np.full(3, 0.04)),
]


def veiled(changes, *, height=400, width=560, dtype=np.uint16, blur=0.0):
    """A stack whose frames were changed by gains and offsets; the third is its reference."""
    picture = 0.05 + 0.7 * natural(height, width, seed=9)
    frames = []
    for number, (gain, offset) in enumerate(changes):
        frame = blurred_in_bands(picture, number, len(changes))
        if blur and number != 2:
            frame = cv2.GaussianBlur(picture, (0, 0), blur)
        frames.append(frame * gain + offset)
    return as_type(frames, dtype)


def test_light_added_to_a_frame_is_found_and_taken_away():
    frames = veiled(VEILED)
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        assert aligned.record.reference == 2
        with aligned.stack as placed:
            # As if all were defocused alike.
            corrected = [cv2.GaussianBlur(placed.read(index), (0, 0), 16) for index in range(4)]
    told = aligned.report["frames"]
    assert [frame["offset"] is not None for frame in told] == [False, True, False, True]
    for number in (1, 3):
        gain, offset = VEILED[number]
        assert np.allclose(told[number]["gain"], 1 / gain, atol=0.02)
        assert np.allclose(told[number]["offset"], -offset / gain, atol=0.01)
        # Where the picture is dark the gain alone would leave the veil.
        dark = corrected[2] < np.percentile(corrected[2], 5)
        assert corrected[number][dark].mean() == pytest.approx(corrected[2][dark].mean(), abs=0.01)


@pytest.mark.parametrize("blur", [0, 4, 20])
@pytest.mark.parametrize("gain", [0.7, 0.95, 1.25])
def test_gains_alone_get_no_offset_however_blurred_the_frames(gain, blur):
    frames = veiled([(gain if number == 1 else 1.0, 0.0) for number in range(4)], blur=blur)
    report = found_in(frames)[2]
    assert report["exposure_matched"]
    assert [frame["offset"] for frame in report["frames"]] == [None] * 4


def test_light_in_the_frame_of_reference_is_taken_away_where_the_others_have_none():
    frames = veiled([(1.0, 0.06 if number == 2 else 0.0) for number in range(5)])
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        with aligned.stack as placed:
            samples = [samples_of(placed, index) for index in range(5)]
    told = aligned.report["frames"]
    assert all(told[number]["offset"] is None for number in (0, 1, 3, 4))
    assert max(told[2]["offset"]) < -0.04
    means = np.array([each.mean((0, 1)) for each in samples])
    assert np.allclose(means, means[0], rtol=0.02)


def test_a_light_that_dark_cells_contradict_is_none():
    rng = np.random.default_rng(2)
    there = rng.uniform(0.3, 0.8, (40, 60)).astype(np.float32)
    here = (there + 0.1).astype(np.float32)
    usable = np.ones(there.shape, bool)
    assert black_level.line_between(here, there, usable).is_clear
    # With less exposure, so that the mean stays, defocus would look the same.
    assert not black_level.line_between(here * there.mean() / here.mean(), there, usable).is_clear
    here[20, 30] = 0.01  # darker than the light that would have been added to it
    assert not black_level.line_between(here, there, usable).is_clear
    assert black_level.line_between(here[:6, :6], there[:6, :6], usable[:6, :6]) is None


def test_transforms_are_saved_and_applied_to_another_stack(tmp_path):
    path = tmp_path / "rig.json"
    _, frames = moving_stack(BREATHING)
    first = hyperfocal.fuse(frames, method=FAST, transforms=path)
    again = hyperfocal.fuse(frames, method=FAST, apply_transforms=path)
    assert np.array_equal(first.picture, again.picture)
    _, others = moving_stack(BREATHING, seed=8)
    applied = hyperfocal.fuse(others, method=FAST, apply_transforms=path)
    assert applied.picture.shape == first.picture.shape
    record = transform_file.load(path)
    assert worst_error(record.matrices, BREATHING, record.reference) < 0.15
    with pytest.raises(FormatError, match="--apply-transforms"):
        hyperfocal.fuse(frames, method=FAST, transforms=path)


def test_a_frame_left_out_stays_out_when_transforms_are_applied(tmp_path):
    _, frames = with_stranger()
    first = hyperfocal.fuse(frames, method=FAST, transforms=tmp_path / "a.json")
    again = hyperfocal.fuse(frames, method=FAST, apply_transforms=tmp_path / "a.json")
    assert np.array_equal(first.picture, again.picture)
    assert again.report["alignment"]["left_out"] == ["frame 3 (array 3)"]


def _changed(**changes):
    frame = {"name": "a", "reference_to_frame": np.eye(3).tolist()}
    content = {
        "format": "hyperfocal transforms",
        "version": 1,
        "width": SHAPE[1],
        "height": SHAPE[0],
        "reference": 0,
        "frames": [frame] * 2,
    }
    return json.dumps({**content, **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no transforms"),
        ("[1, 2]", "format"),
        ("[" * 100_000, "holds no transforms"),
        ('{"format": "hyperfocal transforms"}', "version is missing"),
        (_changed(version=2), "version"),
        (_changed(frames=[]), "reference"),
        (_changed(reference=5), "reference"),
        (_changed(width="wide"), "whole number"),
        (_changed(width=20), "was made for frames of 20×200"),
        (
            _changed(frames=[{"name": "a", "reference_to_frame": np.eye(3).tolist()}] * 3),
            "places 3",
        ),
        (_changed(frames=[{"name": "a", "reference_to_frame": [[1, 2], [3, 4]]}] * 2), "3 × 3"),
        (_changed(frames=[{"name": "a", "reference_to_frame": [[0] * 3] * 3}] * 2), "flattens"),
        (_changed(frames=[{"name": "a", "reference_to_frame": [["x"] * 3] * 3}] * 2), "transforms"),
    ],
)
def test_a_file_that_holds_no_transforms_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "rig.json"
    path.write_text(text)
    frames = [np.zeros((*SHAPE, 3), np.uint8)] * 2
    with pytest.raises(hyperfocal.HyperfocalError, match=message) as caught:
        hyperfocal.fuse(frames, method=FAST, apply_transforms=path)
    assert "\n" not in str(caught.value)


def test_an_absent_file_of_transforms_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"none\.json cannot be read"):
        hyperfocal.fuse([np.zeros((9, 9), np.uint8)] * 2, apply_transforms=tmp_path / "none.json")


def test_the_command_line_places_frames_and_says_what_it_left_out(tmp_path):
    _, frames = with_stranger()
    for number, frame in enumerate(frames):
        like = FrameInfo("", *SHAPE, 3, frame.dtype)
        formats.save(tmp_path / f"{number}.png", frame, like, suffix=".png")
    command = [sys.executable, "-m", "hyperfocal", "fuse", str(tmp_path), "--method", FAST]
    options = ["-o", str(tmp_path / "out.png"), "--transforms", str(tmp_path / "t.json"), "--json"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    told = json.loads(run.stdout)
    assert "frame 3 (2.png)" in run.stderr
    assert told["alignment"]["frames"][0]["status"] == "placed"
    assert told["outputs"]["transforms"] == str(tmp_path / "t.json")
    assert len(transform_file.load(tmp_path / "t.json").matrices) == 6


def test_a_matrix_says_what_it_does():
    matrix = similarity(1.02, 0.5, (3, -2))
    assert transforms.shift_of(matrix, *SHAPE) == pytest.approx((3, -2))
    assert transforms.rotation_of(matrix, *SHAPE) == pytest.approx(0.5)
    assert transforms.scale_of(matrix, *SHAPE) == pytest.approx(1.02)
    larger = transforms.rescaled(matrix, 4, 4)
    assert transforms.shift_of(larger, 4 * SHAPE[0], 4 * SHAPE[1]) == pytest.approx((12, -8))
    assert transforms.rotation_of(larger, 4 * SHAPE[0], 4 * SHAPE[1]) == pytest.approx(0.5)


@pytest.mark.parametrize("model", transforms.MODELS)
def test_each_model_is_recovered_from_exact_displacements(model):
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, 200, (60, 2))
    count = transforms.PARAMETER_COUNT[model]
    centre, size = np.array([149.5, 99.5]), np.hypot(149.5, 99.5)
    small = rng.normal(0, 1e-3, count)
    wanted = transforms.basis((centres - centre) / size, model) @ small * size
    blocks = motion_estimation.BlockMatches(
        centres, wanted, np.tile(np.eye(2), (60, 1, 1)), *np.ones((2, 60))
    )
    change = motion_estimation.fitted(blocks, model, SHAPE).change
    assert np.allclose(transforms.mapped(change, centres) - centres, wanted, atol=2e-3)


def test_no_gain_is_made_from_noise():
    comparison = exposure.Comparison(np.array([1.01]), np.array([0.001]))
    assert exposure.matched([comparison, None]) is None


def test_textures_without_common_detail_are_not_confident():
    one, other = (
        motion_estimation.pyramid(texture(200, 300, seed=seed)[:, :, 0]) for seed in (1, 2)
    )
    assert motion_estimation.match([one], other, np.eye(3)).confidence < 0.2
    assert motion_estimation.match([one], one, np.eye(3)).confidence > 0.99
