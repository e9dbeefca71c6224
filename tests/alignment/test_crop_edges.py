"""The rectangle that all frames show, where it is known by counting."""

import numpy as np
import pytest
from scenes import as_type

import hyperfocal
from hyperfocal.alignment import crop
from tests.alignment.placed import OneFrame, saved
from tests.alignment.test_resampling import shift
from tests.test_alignment import natural, similarity


@pytest.mark.parametrize("by", [3.0, 3.25, 2.75])
def test_a_shift_costs_as_many_columns_and_rows_and_not_one_more(tmp_path, by):
    lost = int(np.ceil(by))
    for x, y in ((by, 0.0), (-by, 0.0), (0.0, by), (0.0, -by), (by, -by)):
        found = crop.common([shift(x, y)], 24, 30)
        assert (found.height, found.width) == (24 - lost * (y != 0), 30 - lost * (x != 0)), (x, y)
        assert (found.left, found.top) == (lost * (x < 0), lost * (y < 0))
    frames = as_type([natural(24, 30)] * 2, np.uint8)
    path = saved(tmp_path, [shift(by, -by), np.eye(3)], (24, 30))
    picture = hyperfocal.fuse(frames, method=OneFrame(0), apply_transforms=path).picture
    assert picture.shape == (24 - lost, 30 - lost, 3)


def test_frames_that_share_nothing_have_no_rectangle():
    assert crop.common([shift(29.5, 0)], 24, 30) is None
    assert crop.common([shift(15, 0), shift(-16, 0)], 24, 30) is None


@pytest.mark.parametrize("degrees", [5, 20, 45])
def test_a_turned_square_keeps_the_known_square_within(degrees):
    # The largest rectangle in a square and in the same square turned is a square of this side.
    side = 401
    turn = np.deg2rad(degrees)
    within = (side - 1) / (np.cos(turn) + np.sin(turn))
    found = crop.common([similarity(degrees=degrees, shape=(side, side))], side, side)
    assert abs(found.width - within) < 3
    assert abs(found.height - within) < 3
