"""Frames that come one by one, and the choice of the reference."""

import cv2
import numpy as np
import pytest
from moving import BREATHING, found_in, moving_stack, natural, worst_error
from scenes import as_type

from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Registration, register
from hyperfocal.alignment.transforms import IDENTITY
from hyperfocal.stack.opening import open_stack


def told(placements):
    return [
        (one.status, one.matrix.tobytes(), one.motion and one.motion.residual) for one in placements
    ]


def breathing_with_strangers():
    """A stranger in the middle and a frame that shows nothing at the end."""
    _, frames = moving_stack(BREATHING)
    stranger = as_type([natural(*frames[0].shape[:2], seed=99)], np.uint8)[0]
    return [*frames[:2], stranger, *frames[2:], np.full_like(stranger, 90)]


def test_frames_added_one_by_one_are_placed_as_all_at_once():
    with open_stack(breathing_with_strangers()) as stack, Previews(stack) as previews:
        at_once, reference = register(previews, lambda done, count: None)
        one_by_one = Registration(previews)
        for index in range(len(stack)):
            one_by_one.add(index)
            # What is asked for in between must not change what comes after.
            placements, chosen = one_by_one.finish()
            assert len(placements) == index + 1
    assert chosen == reference
    assert told(placements) == told(at_once)
    assert [one.status for one in placements].count("placed") == 4


def test_a_frame_is_seen_near_its_place_as_soon_as_it_is_added():
    _, frames = moving_stack(BREATHING)
    with open_stack(frames) as stack, Previews(stack) as previews:
        registration = Registration(previews)
        matrices = [registration.add(index) for index in range(len(stack))]
    assert np.array_equal(matrices[0], IDENTITY)
    assert worst_error(matrices, BREATHING, 0) < 0.5


def test_a_frame_that_shows_nothing_has_no_place_of_its_own():
    with open_stack(breathing_with_strangers()) as stack, Previews(stack) as previews:
        registration = Registration(previews)
        matrices = [registration.add(index) for index in range(len(stack))]
    assert matrices[-1] is None
    assert np.array_equal(matrices[2], IDENTITY)  # it begins a chain


@pytest.mark.parametrize("choice", ["first", "middle"])
def test_the_first_or_the_middle_frame_of_the_group_is_the_reference(choice):
    _, frames = moving_stack(BREATHING)
    stranger = as_type([natural(*frames[0].shape[:2], seed=99)], np.uint8)[0]
    with open_stack([stranger, *frames]) as stack, Previews(stack) as previews:
        registration = Registration(previews)
        for index in range(len(stack)):
            registration.add(index)
        placements, reference = registration.finish(choice)
    assert reference == {"first": 1, "middle": 3}[choice]
    assert np.array_equal(placements[reference].matrix, IDENTITY)
    assert placements[reference].status == "reference"
    matrices = [one.matrix for one in placements[1:]]
    assert worst_error(matrices, BREATHING, reference - 1) < 0.2


def tilted(sharp, count, widest):
    """Frames of a plane that is tilted, blurred up to this sigma where they are not focused."""
    sigmas = np.linspace(0, widest, 16)
    bank = [sharp] + [cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in sigmas[1:]]
    depth = np.linspace(0, 1, sharp.shape[1])
    for number in range(count):
        place = np.interp(np.abs(depth - number / (count - 1)) * widest, sigmas, np.arange(16))
        weights = np.clip(1 - np.abs(place - np.arange(16)[:, None]), 0, 1)
        yield sum(one * weight[None, :, None] for one, weight in zip(bank, weights, strict=True))


@pytest.mark.parametrize("widest", [20, 40])
def test_a_still_stack_is_left_where_it_lies_however_wide_its_blur(widest):
    sharp = natural(600, 900, seed=8)
    frames = as_type(list(tilted(sharp, 9, widest)), np.uint8)
    assert found_in(frames)[2]["untouched"]


def behind_hair(count, blur):
    """A page behind hairs that are as far from it as the stack is deep."""
    height, width = 480, 720
    page, hair = natural(height, width, seed=16), 0.3 * natural(height, width, seed=17)
    cover = np.zeros((height, width), np.float32)
    for number in range(5):
        ends = (90 + 130 * number, 0), (190 + 120 * number, height)
        cv2.line(cover, *ends, 1.0, 9, cv2.LINE_AA)
    for number in range(count):
        far, near = (sigma * blur for sigma in (count - 1 - number, number))
        seen, opacity, front = page, cover, hair * cover[:, :, None]
        if far:
            seen = cv2.GaussianBlur(seen, (0, 0), far)
        if near:
            opacity, front = (cv2.GaussianBlur(one, (0, 0), near) for one in (opacity, front))
        yield seen * (1 - opacity[:, :, None]) + front


@pytest.mark.parametrize("blur", [2.0, 3.0, 4.0])
def test_hairs_before_a_page_do_not_move_a_stack_that_lies_still(blur):
    frames = as_type(list(behind_hair(9, blur)), np.uint8)
    assert found_in(frames)[2]["untouched"]
