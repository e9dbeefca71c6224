"""Tiles: full-width strips of the picture, few if memory allows, each with the rows around it.

A tile's result equals the same rows of the whole picture, because it is computed with `halo`
more rows on both sides and then trimmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hyperfocal.errors import StackError


@dataclass(frozen=True)
class Tile:
    """Rows `top` to `bottom` of the picture, computed from rows `outer_top` to `outer_bottom`."""

    top: int
    bottom: int
    outer_top: int
    outer_bottom: int

    @property
    def rows(self) -> slice:
        """Where the result goes in the picture."""
        return slice(self.top, self.bottom)

    @property
    def outer_rows(self) -> slice:
        """What has to be read of the picture."""
        return slice(self.outer_top, self.outer_bottom)

    @property
    def inner_rows(self) -> slice:
        """Where the result lies in what was computed."""
        return slice(self.top - self.outer_top, self.bottom - self.outer_top)


def rounded_up(length: int, grid: int) -> int:
    """The next multiple of the grid."""
    return -(-length // grid) * grid


def plan(
    height: int,
    width: int,
    *,
    halo: int | None,
    bytes_per_pixel: int,
    memory_bytes: int,
    grid: int = 1,
) -> list[Tile]:
    """Tiles from top to bottom, each fitting `memory_bytes` with its halo, tops on `grid`.

    Where `halo` is None every pixel depends on the whole picture, which then is the one tile.
    Raises StackError where not even one row with its halo fits, or not the picture.

    >>> [t.bottom - t.top for t in plan(100, 10, halo=5, bytes_per_pixel=40, memory_bytes=20_000)]
    [40, 40, 20]
    """
    fitting = memory_bytes // (bytes_per_pixel * width)
    if halo is None:
        if fitting < height:
            needed = height * bytes_per_pixel * width
            raise StackError(
                f"this method takes a picture as a whole, and {width}×{height} pixels do not fit "
                f"into {memory_bytes / 2**20:.0f} MiB; give at least {needed / 2**20 + 1:.0f} MiB "
                "(--memory) or choose a method that works on tiles"
            )
        return [Tile(0, height, 0, height)]
    rows = height if fitting >= height else (fitting - 2 * halo) // grid * grid
    if rows < 1:
        needed = (2 * halo + grid) * bytes_per_pixel * width
        raise StackError(
            f"a memory budget of {memory_bytes / 2**20:.0f} MiB does not hold one tile of a "
            f"picture {width} pixels wide; give at least {needed / 2**20 + 1:.0f} MiB (--memory)"
        )
    return list(strips(height, rows, halo))


def strips(height: int, rows: int, halo: int = 0) -> Iterator[Tile]:
    """Tiles of this many rows each, the last with what is left."""
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        yield Tile(top, bottom, max(0, top - halo), min(height, bottom + halo))
