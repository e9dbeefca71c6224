"""What belongs to the camera: found where it is, and nowhere where nothing is."""

import cv2
import numpy as np
import pytest
from moving import found_in, natural
from scenes import as_type, psnr

import hyperfocal
from hyperfocal.alignment.fixed_pattern import registered
from hyperfocal.alignment.previews import Previews
from hyperfocal.stack.opening import open_stack

SHAPE = 320, 480
COUNT = 9


def sweeping(shift, scale=0.0, *, seed=0, count=COUNT):
    """Frames of a tilted plane that move by so much in all, and the truth of the middle one."""
    margin = 60
    whole = natural(SHAPE[0] + 2 * margin, SHAPE[1] + 2 * margin, seed=seed)
    cut = slice(margin, -margin), slice(margin, -margin)
    bank = [whole] + [cv2.GaussianBlur(whole, (0, 0), sigma) for sigma in np.arange(1, 9)]
    depth = np.clip((np.arange(whole.shape[1]) - margin) / SHAPE[1], 0, 1)
    centre = (whole.shape[1] - 1) / 2, (whole.shape[0] - 1) / 2
    frames = []
    for number in range(count):
        time = number / (count - 1)
        wanted = np.abs(depth - time) * 8
        weights = np.clip(1 - np.abs(wanted - np.arange(9)[:, None]), 0, 1).astype(np.float32)
        seen = sum(one * weight[None, :, None] for one, weight in zip(bank, weights, strict=True))
        matrix = cv2.getRotationMatrix2D(centre, 0, 1 + scale * (time - 0.5))
        matrix[:, 2] += (time - 0.5) * np.array(shift)
        moved = cv2.warpAffine(seen, matrix, whole.shape[1::-1], flags=cv2.INTER_CUBIC)
        frames.append(np.clip(moved[cut], 0, 1))
    return frames, whole[cut]


def behind_a_round_field(frames):
    field = np.zeros(SHAPE, np.float32)
    cv2.circle(field, (SHAPE[1] // 2, SHAPE[0] // 2), int(0.46 * SHAPE[0]), 1.0, -1, cv2.LINE_AA)
    field = cv2.GaussianBlur(field, (0, 0), 1.0)
    return [frame * field[:, :, None] for frame in frames], field < 0.5


def labelled(frames):
    """With a scale bar and words burnt in."""
    mask = np.zeros(SHAPE, np.uint8)
    cv2.rectangle(mask, (300, 290), (440, 297), 255, -1)
    cv2.putText(mask, "200 um", (310, 280), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    opacity = mask[:, :, None] / np.float32(255)
    return [frame + opacity * (1 - frame) for frame in frames], mask > 128


def dusty(frames, *, depth=0.5, seed=0):
    """Seen through a glass with ten spots that take so much of the light."""
    rng = np.random.default_rng(seed)
    spots = np.zeros(SHAPE, np.float32)
    for _ in range(10):
        place = int(rng.integers(30, SHAPE[1] - 30)), int(rng.integers(30, SHAPE[0] - 30))
        axes = int(rng.integers(4, 9)), int(rng.integers(4, 9))
        cv2.ellipse(spots, place, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    spots = cv2.GaussianBlur(spots, (0, 0), 1.5)
    return [frame * (1 - depth * spots[:, :, None]) for frame in frames], spots > 0.5


def found(frames):
    """Placements, and what is the camera's."""
    with open_stack(as_type(frames, np.uint8)) as stack, Previews(stack) as previews:
        placements, _, own = registered(previews, lambda *step: None)
    return placements, own


def fused(frames, **options):
    """The picture on 0…1, the part of the reference that it shows, and what was told."""
    fusion = hyperfocal.fuse(as_type(frames, np.uint8), **options)
    area, (height, width) = fusion.report["alignment"]["area"], fusion.picture.shape[:2]
    part = slice(area["top"], area["top"] + height), slice(area["left"], area["left"] + width)
    return fusion.picture / np.float32(255), part, fusion.report["notices"]


@pytest.mark.parametrize("shift", [(16, 6), (24, -12)])
def test_the_scene_is_placed_and_not_the_field_around_it(shift):
    frames, outside = behind_a_round_field(sweeping(shift)[0])
    placements, own = found(frames)
    for placement, time in zip(placements, np.linspace(-0.5, 0.5, COUNT), strict=True):
        x, y, w = placement.matrix @ [SHAPE[1] / 2, SHAPE[0] / 2, 1]
        moved = np.array([x, y]) / w - [SHAPE[1] / 2, SHAPE[0] / 2]
        assert np.abs(moved - time * np.array(shift)).max() < 0.4
    assert own.narrow[outside].mean() > 0.98
    assert own.narrow[~outside].mean() < 0.15


def test_a_round_field_is_shown_once_and_told():
    frames, sharp = sweeping((20, 10))
    frames, outside = behind_a_round_field(frames)
    picture, part, notices = fused(frames, method="lp")
    dark = cv2.erode(outside.astype(np.uint8), np.ones((13, 13), np.uint8)).view(bool)[part]
    assert picture[dark].mean() < 0.01
    inner = cv2.erode((~outside).astype(np.uint8), np.ones((41, 41), np.uint8)).view(bool)[part]
    assert psnr(picture[inner], sharp[part][inner]) > 30
    assert any("stays where it is" in notice and "array 5" in notice for notice in notices)


def test_a_label_is_readable_once():
    frames, _ = sweeping((24, -10))
    frames, label = labelled(frames)
    picture, part, _ = fused(frames, method="prism")
    white = picture.min(axis=2) > 0.9
    kernel = np.ones((5, 5), np.uint8)
    assert picture.min(axis=2)[label[part]].mean() > 0.95
    # None of its copies is seen elsewhere.
    wide = cv2.dilate(label.astype(np.uint8), kernel).view(bool)[part]
    assert white[~wide].mean() < 0.001


@pytest.mark.parametrize("depth", [0.4, 0.7])
def test_what_dust_hides_is_seen(depth):
    frames, sharp = sweeping((26, 12))
    worse, spots = dusty(frames, depth=depth)
    picture, part, notices = fused(worse)
    clean = fused(frames)[0]
    assert any(notice.startswith("dust") for notice in notices)
    assert psnr(picture, sharp[part]) > psnr(clean, sharp[part]) - 2.5
    # The trails of its spots are freed of nearly all.
    near = cv2.dilate(spots.astype(np.uint8), np.ones((9, 9), np.uint8)).view(bool)
    middle = as_type(worse, np.uint8)[COUNT // 2] / np.float32(255)
    lost = np.abs(middle[near] - sharp[near]).mean()
    assert np.abs(picture[near[part]] - sharp[part][near[part]]).mean() < 0.2 * lost


@pytest.mark.parametrize("motion", [((0, 0), 0.0), ((12, 5), 0.0), ((0, 0), 0.06), ((40, 0), 0.02)])
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_taken_for_the_cameras_where_nothing_is(motion, seed):
    assert found(sweeping(*motion, seed=seed)[0])[1] is None


@pytest.mark.parametrize("spoil", [behind_a_round_field, labelled, dusty])
def test_what_stays_in_a_stack_that_stays_is_part_of_it(spoil):
    frames, _ = spoil(sweeping((0, 0))[0])
    _, _, report = found_in(as_type(frames, np.uint8))
    assert report["untouched"]
    assert report["notices"] == []


def test_hot_and_dead_pixels_leave_no_trails():
    frames, sharp = sweeping((0, 0), 0.08)
    rng = np.random.default_rng(5)
    places = rng.integers(4, SHAPE[0] - 4, 40), rng.integers(4, SHAPE[1] - 4, 40)
    colours = np.where(np.arange(40)[:, None] < 30, rng.choice([0.0, 1.0], (40, 3)), 0.0)
    # A colour that is dark in one channel only shines in the others.
    colours[:30, rng.integers(0, 3)] = 1
    worse = [frame.copy() for frame in frames]
    for frame in worse:
        frame[places] = np.where(np.arange(40)[:, None] < 30, np.maximum(frame[places], colours), 0)
    picture, part, notices = fused(worse, method="lp")
    clean, _, quiet = fused(frames, method="lp")
    assert any("hot or dead" in notice for notice in notices)
    assert not any("hot or dead" in notice for notice in quiet)
    # The middle moves too little to tell.
    assert psnr(picture, sharp[part]) > psnr(clean, sharp[part]) - 1.5


def test_a_stack_that_lies_still_keeps_its_specks():
    frames, _ = sweeping((0, 0))
    for frame in frames:
        frame[50, 60] = 1
    with open_stack(as_type(frames, np.uint8)) as stack:
        aligned = hyperfocal.alignment.align(stack)
        assert aligned.report["untouched"]
        aligned.stack.close()


def test_specks_of_the_scene_are_not_taken_for_hot_pixels():
    rng = np.random.default_rng(7)
    frames, _ = sweeping((12, 6))
    # Dark and bright grains on black and on white, which move with the scene by little.
    grains = np.full((SHAPE[0] + 40, SHAPE[1] + 40, 3), 0.05, np.float32)
    grains[rng.integers(0, 340, 4000), rng.integers(0, 500, 4000)] = 0.4
    grains[:160] = 1 - grains[:160]
    moving = [
        cv2.GaussianBlur(
            grains[number : number + SHAPE[0], number : number + SHAPE[1]], (0, 0), 0.7
        )
        for number in range(COUNT)
    ]
    assert not [line for line in fused(moving, method="lp")[2] if "hot" in line]
    assert not [line for line in fused(frames, method="lp")[2] if "hot" in line]
