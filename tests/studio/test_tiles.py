"""Tiles lie on each other whatever they show, and show what is there."""

import cv2
import numpy as np
import pytest

from hyperfocal.studio.pictures import Kept, visible
from hyperfocal.studio.tiles import NOWHERE, SIDE, Grid, Pyramid, cut, difference, encoded


def picture(height=700, width=900, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def whole(pyramid, matrix, grid, level):
    """All tiles of a level, put together."""
    width, height = grid.size(level)
    rows = [
        np.hstack(
            [cut(pyramid, matrix, grid, level, x, y) for x in range(-(-width // SIDE))],
        )
        for y in range(-(-height // SIDE))
    ]
    return np.vstack(rows)


def test_at_full_size_tiles_are_the_picture():
    full = picture()
    grid = Grid(900, 700)
    assert np.array_equal(whole(Pyramid.of(full), np.eye(3), grid, grid.last), full)


@pytest.mark.parametrize("step", [1, 2, 3, 6])
def test_coarser_levels_are_the_picture_made_smaller(step):
    full = cv2.GaussianBlur(picture(), (0, 0), 2 * 2**step)
    full = cv2.normalize(full, None, 0, 255, cv2.NORM_MINMAX)
    grid = Grid(900, 700)
    level = grid.last - step
    width, height = grid.size(level)
    made = whole(Pyramid.of(full), np.eye(3), grid, level)
    assert made.shape == (height, width, 3)
    exact = full[: height * 2**step, : width * 2**step]
    rows, columns = exact.shape[0] // 2**step, exact.shape[1] // 2**step
    exact = cv2.resize(
        exact[: rows * 2**step, : columns * 2**step], (columns, rows), interpolation=cv2.INTER_AREA
    )
    inner = np.s_[2:-2, 2:-2] if step < 5 else np.s_[1:-1, 1:-1]
    apart = np.abs(made[:rows, :columns][inner].astype(int) - exact[inner])
    assert apart.mean() < 3


def test_a_layer_that_was_moved_lies_on_the_grid_again():
    full = cv2.GaussianBlur(picture(), (0, 0), 2)
    angle = 0.02
    matrix = np.array(
        [[np.cos(angle), -np.sin(angle), 13.4], [np.sin(angle), np.cos(angle), -7.8], [0, 0, 1]]
    )
    moved = cv2.warpPerspective(full, matrix, (900, 700), flags=cv2.INTER_CUBIC)
    grid = Grid(900, 700)
    for level in (grid.last, grid.last - 1):
        back = whole(Pyramid.of(moved), matrix, grid, level)
        straight = whole(Pyramid.of(full), np.eye(3), grid, level)
        apart = np.abs(back.astype(int) - straight)[40:-40, 40:-40]
        assert apart.mean() < 1.5


def test_seams_do_not_show():
    full = cv2.GaussianBlur(picture(), (0, 0), 3)
    matrix = np.array([[1.01, 0.01, 3.3], [-0.01, 0.99, 4.7], [0, 0, 1]])
    grid = Grid(900, 700)
    made = whole(Pyramid.of(full), matrix, grid, grid.last).astype(int)
    across = np.abs(np.diff(made[50:-50, 50:-50], axis=1)).mean((0, 2))
    seam = SIDE - 1 - 50
    assert across[seam] < 1.3 * np.median(across)


def test_a_small_result_is_shown_as_large_as_the_frames():
    full = cv2.GaussianBlur(picture(), (0, 0), 3)
    small = cv2.resize(full, (450, 350), interpolation=cv2.INTER_AREA)
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    grid = Grid(900, 700)
    shown = whole(Pyramid.of(small), half, grid, grid.last)
    assert np.abs(shown.astype(int) - full)[8:-8, 8:-8].mean() < 1


def test_outside_of_a_layer_is_nothing():
    full = picture()
    shift = np.array([[1, 0, -200], [0, 1, 0], [0, 0, 1.0]])
    grid = Grid(900, 700)
    shown = whole(Pyramid.of(full), shift, grid, grid.last)
    assert (shown[:, :200] == NOWHERE).all()
    assert np.array_equal(shown[:, 200:], full[:, :700])


@pytest.mark.parametrize("place", [(0, 0, 1), (9, 1, 0), (11, 0, 0), (-1, 0, 0), (10, 2, 0)])
def test_there_are_no_other_tiles(place):
    with pytest.raises(ValueError, match="no"):
        Grid(900, 700).tile(*place)


def test_a_difference_is_four_times_enlarged():
    one, other = np.full((4, 4, 3), 100, np.uint8), np.full((4, 4, 3), 100, np.uint8)
    other[0, 0] = (103, 90, 100)
    other[1, 1] = 255
    apart = difference(one, other)
    assert apart[0, 0].tolist() == [40, 40, 40]
    assert apart[1, 1].tolist() == [255, 255, 255]
    assert not apart[2:].any()


def test_a_png_tile_loses_nothing():
    tile = picture(64, 64)
    decoded = cv2.imdecode(np.frombuffer(encoded(tile, "png"), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), tile)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_every_type_are_seen_alike(dtype, channels):
    levels = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1).repeat(channels, 2)
    peak = 1 if dtype == "float32" else np.iinfo(dtype).max
    samples = (levels * peak + (0 if dtype == "float32" else 0.5)).astype(dtype)
    expected = np.arange(256).reshape(16, 16, 1).repeat(3, 2)
    assert np.abs(visible(samples, None).astype(int) - expected).max() <= 1


def test_levels_stretch_dark_frames():
    samples = np.full((4, 4, 1), 6554, np.uint16)  # a tenth
    assert visible(samples, None, 0.0, 0.2)[0, 0, 0] in (127, 128)
    assert visible(samples, None, 0.1, 0.2)[0, 0, 0] == 0


def test_nothing_that_is_no_number_breaks_the_view():
    samples = np.array([[[np.nan], [np.inf], [-np.inf], [0.5]]], np.float32)
    assert visible(samples, None)[0, :, 0].tolist() == [0, 255, 0, 128]


def test_what_is_kept_stays_within_its_budget():
    budget = 3 * Pyramid.of(picture(100, 100)).bytes
    kept = Kept(budget)
    made = []

    def make(number):
        made.append(number)
        return Pyramid.of(picture(100, 100))

    for number in (0, 1, 2, 0, 3, 0, 1):
        kept.get(number, lambda number=number: make(number))
    assert kept.bytes <= budget
    assert made == [0, 1, 2, 3, 1]  # what was used last is there still
