"""Frames are placed by what is sharp in them, not by the order in which they come."""

import numpy as np
import pytest
from moving import moving_stack, natural, similarity, worst_error
from scenes import as_type

from hyperfocal import alignment
from hyperfocal.alignment import neighbours, transforms
from hyperfocal.alignment.previews import Previews
from hyperfocal.stack import ordering
from hyperfocal.stack.opening import open_stack

COUNT = 9
BREATHING = [similarity(1 + 0.01 * number, 0, (1.5 * number, -number)) for number in range(COUNT)]
SHUFFLES = [[int(k) for k in np.random.default_rng(seed).permutation(COUNT)] for seed in range(4)]


def placed(frames):
    """Matrices by the number of the frame, and the reference."""
    with open_stack(frames) as stack:
        aligned = alignment.align(stack)
        aligned.stack.close()
    return aligned.record.matrices, aligned.record.reference


@pytest.fixture(scope="module")
def stack():
    _, frames = moving_stack(BREATHING)
    return frames, placed(frames)


@pytest.mark.parametrize("order", [*SHUFFLES, list(range(COUNT))[::-1]])
def test_frames_in_any_order_lie_where_they_lie_in_order(stack, order):
    frames, (expected, reference) = stack
    matrices, found = placed([frames[number] for number in order])
    assert order[found] == reference
    assert worst_error(matrices, [expected[number] for number in order], found) < 0.05


def test_a_stack_of_even_length_has_one_middle_from_either_end():
    _, frames = moving_stack(BREATHING[:6])
    _, reference = placed(frames)
    _, from_behind = placed(frames[::-1])
    assert reference == 5 - from_behind
    assert reference in (2, 3)


def order_of(frames):
    with open_stack(frames) as stack, Previews(stack) as previews:
        details = [ordering.detail(previews.grey(index)) for index in range(len(stack))]
        return neighbours.order(details, previews.grey)


def test_the_given_order_stays_where_no_other_is_clearly_better(stack):
    frames, _ = stack
    assert order_of(frames) == list(range(COUNT))
    still = [frames[0]] * 5
    assert order_of(still) == list(range(5))


@pytest.mark.parametrize("order", SHUFFLES)
def test_the_order_of_focus_is_found(stack, order):
    frames, _ = stack
    found = [order[place] for place in order_of([frames[number] for number in order])]
    assert found in (list(range(COUNT)), list(range(COUNT))[::-1])


def test_a_stranger_does_not_come_between_neighbours(stack):
    frames, (expected, reference) = stack
    stranger = as_type([natural(*frames[0].shape[:2], seed=77)], np.uint8)[0]
    matrices, found = placed([*frames[:4], stranger, *frames[4:]])
    assert matrices[4] is None
    assert found == reference + 1
    kept = [*matrices[:4], *matrices[5:]]
    points = transforms.border(*frames[0].shape[:2])
    for one, other in zip(kept, expected, strict=True):
        apart = transforms.mapped(one, points) - transforms.mapped(other, points)
        assert np.hypot(*apart.T).max() < 0.1
