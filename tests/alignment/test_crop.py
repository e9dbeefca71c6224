"""The common area, against a search through every rectangle of a mask."""

import numpy as np
import pytest
from moving import similarity

from hyperfocal.alignment import crop, transforms
from hyperfocal.alignment.crop import Rectangle

SHAPE = 66, 90
TOLERANCE = 0.02  # px beside a frame that count as inside it: resampling rounds to 0.03


def slide(rng, axis):
    """A stage that slides along one axis, measured with a little error."""
    shift = rng.normal(0, 0.01, 2)
    shift[axis] += rng.uniform(-12, 12)
    return similarity(shift=shift, shape=SHAPE)


def slide_with_a_trace_of_rotation(rng, axis):
    return slide(rng, axis) @ similarity(1 + rng.normal(0, 1e-5), rng.normal(0, 1e-3), shape=SHAPE)


def tilted(rng):
    matrix = similarity(rng.uniform(0.97, 1.03), rng.uniform(-4, 4), rng.uniform(-4, 4, 2), SHAPE)
    matrix[2, :2] = rng.uniform(-3e-4, 3e-4, 2)
    return matrix


MOTIONS = {
    "along x": lambda rng: slide(rng, 0),
    "along y": lambda rng: slide(rng, 1),
    "along x, turned by a trace": lambda rng: slide_with_a_trace_of_rotation(rng, 0),
    "along y, turned by a trace": lambda rng: slide_with_a_trace_of_rotation(rng, 1),
    "whole px": lambda rng: similarity(shift=rng.integers(-9, 10, 2), shape=SHAPE),
    "both axes": lambda rng: similarity(shift=rng.uniform(-9, 9, 2), shape=SHAPE),
    "rotation": lambda rng: similarity(1, rng.uniform(-9, 9), shape=SHAPE),
    "scale": lambda rng: similarity(rng.uniform(0.9, 1.1), 0, rng.normal(0, 1, 2), SHAPE),
    "perspective": tilted,
}


def seen_by_all(matrices, tolerance):
    """Which pixels of the reference lie in all frames."""
    height, width = SHAPE
    grid = np.mgrid[:height, :width][::-1].reshape(2, -1).T.astype(np.float64)
    seen = np.ones(height * width, bool)
    for matrix in matrices:
        x, y = transforms.mapped(matrix, grid).T
        seen &= (x >= -tolerance) & (x <= width - 1 + tolerance)
        seen &= (y >= -tolerance) & (y <= height - 1 + tolerance)
    return seen.reshape(SHAPE)


def largest_in(mask):
    """Height and width of the largest rectangle of a mask, found by trying all rows."""
    best = 0, 0
    for top in range(len(mask)):
        columns = np.ones(mask.shape[1], bool)
        for bottom in range(top, len(mask)):
            columns &= mask[bottom]
            edges = np.flatnonzero(np.diff(np.concatenate([[0], columns, [0]])))
            width = (edges[1::2] - edges[::2]).max(initial=0)
            best = max(best, (bottom - top + 1, width), key=lambda size: size[0] * size[1])
    return best


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("motion", MOTIONS)
def test_the_common_area_is_the_largest_that_a_search_through_all_finds(motion, count):
    rng = np.random.default_rng(count)
    for _ in range(12):
        matrices = [MOTIONS[motion](rng) for _ in range(count)]
        found = crop.common([transforms.IDENTITY, *matrices], *SHAPE)
        height, width = largest_in(seen_by_all(matrices, 0))
        assert found.height * found.width >= (height - 1) * (width - 1)
        rows, columns = slice(found.top, found.bottom), slice(found.left, found.right)
        assert seen_by_all(matrices, TOLERANCE)[rows, columns].all()


@pytest.mark.parametrize("dy", [0.001, 0.0079, 0.015, 0.017, 0.5, 0.99])
@pytest.mark.parametrize("degrees", [0, 1e-3, -1e-4])
def test_hundredths_of_a_pixel_never_cost_more_than_their_row(dy, degrees):
    """At full size, where a slope of 1e-5 turned hundredths into hundreds of columns."""
    shape = 4000, 6000
    matrix = similarity(1, degrees, (30.0, dy), shape)
    found = crop.common([matrix, transforms.IDENTITY], *shape)
    lost_to_rotation = int(np.ceil(np.deg2rad(abs(degrees)) * 6000))
    assert found.width >= 6000 - 30 - 2 - lost_to_rotation
    assert found.height >= 4000 - 2 - lost_to_rotation


def test_frames_without_a_common_place_have_no_common_area():
    apart = [similarity(shift=(shift, 0), shape=SHAPE) for shift in (60, -60)]
    assert crop.common(apart, *SHAPE) is None
    assert crop.common([similarity(shift=(500, 0), shape=SHAPE)], *SHAPE) is None


def test_a_stack_that_lies_still_keeps_all():
    assert crop.common([transforms.IDENTITY] * 3, 40, 50) == Rectangle(0, 40, 0, 50)
