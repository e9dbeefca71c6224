"""Frames that come one by one, and the choice of the reference."""

import numpy as np
import pytest
from moving import BREATHING, moving_stack, natural, worst_error
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
