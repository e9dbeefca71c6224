"""Tiles cover the picture and fit the memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfocal.compute.tiles import plan
from hyperfocal.errors import StackError


@given(st.integers(1, 500), st.integers(1, 50), st.integers(0, 20), st.integers(1, 8))
def test_tiles_cover_every_row_once_on_the_grid(height, width, halo, grid):
    memory = (2 * halo + grid + 7) * 10 * width
    tiles = plan(height, width, halo=halo, bytes_per_pixel=10, memory_bytes=memory, grid=grid)
    assert [row for tile in tiles for row in range(tile.top, tile.bottom)] == list(range(height))
    for tile in tiles:
        assert tile.top % grid == 0
        assert tile.outer_top == max(0, tile.top - halo)
        assert tile.outer_bottom == min(height, tile.bottom + halo)
        assert (tile.outer_bottom - tile.outer_top) * 10 * width <= memory


def test_an_ordinary_picture_is_one_tile():
    (tile,) = plan(300, 400, halo=10, bytes_per_pixel=100, memory_bytes=2**30)
    assert tile.rows == tile.outer_rows == tile.inner_rows == slice(0, 300)


def test_a_budget_too_small_for_one_tile_says_what_is_needed():
    with pytest.raises(StackError, match=r"--memory"):
        plan(100, 10_000, halo=10, bytes_per_pixel=100, memory_bytes=1_000_000)
