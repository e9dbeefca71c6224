"""How networks go over pictures: blocks of a tile, windows of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel
from hyperfocal.compute.buffers import ThreadBuffers
from hyperfocal.frame import Grey
from hyperfocal.inference.engines import Network, Shapes

_cuts = ThreadBuffers()


def gradient_of_whole(frame: Grey, open_for: Callable[[Shapes], Network]) -> Grey:
    """What a network gives for every pixel of a frame in one run; 0 in row and column 0.

    There the first difference has no predecessor; padding would make a false gradient.
    """
    gradient = np.zeros(frame.shape, np.float32)
    arrays = {"frame": np.ascontiguousarray(frame[None, None])}
    gradient[1:, 1:] = open_for({"frame": (1, 1, *frame.shape)})(arrays)[0, 0]
    return gradient


@dataclass(frozen=True)
class Block:
    """Where a block lies in a picture; what it takes of maps, and what it knows exactly."""

    corner: tuple[int, int]
    side: tuple[int, int]
    size: tuple[int, int]  # of the picture
    border: int  # px that are wrong where the picture goes on

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that it covers."""
        rows, columns = (
            slice(start, start + length)
            for start, length in zip(self.corner, self.side, strict=True)
        )
        return rows, columns

    def cut(self, maps: NDArray[np.float32], scale: int = 1) -> NDArray[np.float32]:
        """(1, C, h, w): the block's part of maps (C, H, W) that are `scale` times smaller.

        The thread's next cut at this scale overwrites it.
        """
        rows, columns = (
            slice(start // scale, (start + length) // scale)
            for start, length in zip(self.corner, self.side, strict=True)
        )
        part = maps[None, :, rows, columns]
        cut = _cuts(f"1/{scale}", *part.shape)
        np.copyto(cut, part)
        return cut

    def put(self, made: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Write into `made` (C, H, W) what does not depend on pixels beyond the block."""
        whole, own = self.places()
        made[:, *whole] = found[:, *own]

    def places(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Rows and columns that it knows exactly, in the picture and in the block itself."""
        whole, own = [], []
        for start, length, size in zip(self.corner, self.side, self.size, strict=True):
            first = self.border * (start > 0)
            last = length - self.border * (start + length < size)
            whole.append(slice(start + first, start + last))
            own.append(slice(first, last))
        return (whole[0], whole[1]), (own[0], own[1])


@dataclass(frozen=True)
class Blocks:
    """How a network goes over a tile: in overlapping blocks of one size."""

    side: int  # px, at most
    border: int  # px of a block that are wrong where the tile goes on
    grid: int = 1  # px; blocks begin on multiples of this

    def gradient(
        self, tile: Grey, gates: NDArray[np.float32], open_for: Callable[[Shapes], Network]
    ) -> Grey:
        """What the network gives for every pixel but those of row and column 0, which get 0.

        There the first difference has no predecessor; padding would make a false gradient.
        """
        energy = np.zeros(tile.shape, np.float32)
        size = (tile.shape[0], tile.shape[1])
        side = self.side_for(size)
        if min(side) < 2:
            return energy
        network = open_for({"tile": (1, 1, *side), "gates": gates.shape})

        def fill(block: Block) -> None:
            made = network({"tile": block.cut(tile[None]), "gates": gates})[0, 0]
            # Blocks overlap; each writes what it knows exactly. Borders of the picture are
            # exact, because there the network pads as it would for the whole.
            (rows, columns), (own_rows, own_columns) = block.places()
            energy[rows.start + 1 : rows.stop, columns.start + 1 : columns.stop] = made[
                own_rows.start : own_rows.stop - 1, own_columns.start : own_columns.stop - 1
            ]

        parallel.for_each(fill, self.over(size))
        return energy

    def mapped(
        self,
        maps: NDArray[np.float32],
        made: NDArray[np.float32],
        open_for: Callable[[Shapes], Network],
    ) -> None:
        """Fill `made` (K, H, W) with what a network gives for `maps` (C, H, W), pixel for pixel."""
        size = (maps.shape[1], maps.shape[2])
        side = self.side_for(size)
        network = open_for({"maps": (1, len(maps), *side)})

        def fill(block: Block) -> None:
            block.put(made, network({"maps": block.cut(maps)})[0])

        parallel.for_each(fill, self.over(size))

    def over(self, size: tuple[int, int]) -> Iterator[Block]:
        """The blocks that cover a picture of this size, all equally large."""
        side = self.side_for(size)
        return (Block(corner, side, size, self.border) for corner in self.corners(size, side))

    def side_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the blocks over a picture of this size."""
        return self.fitting(size[0]), self.fitting(size[1])

    def fitting(self, length: int) -> int:
        """The smallest side with which no more blocks are needed than with the largest.

        >>> Blocks(side=192, border=4).fitting(520)
        180
        """
        if length <= self.side:
            return length
        overlap = -(-(2 * self.border + 1) // self.grid) * self.grid
        count = -(-(length - overlap) // (self.side - overlap))
        return -(-(length + (count - 1) * overlap) // (count * self.grid)) * self.grid

    def corners(self, shape: tuple[int, ...], side: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """(top, left) of the blocks of this size that cover the shape."""
        overlap = 2 * self.border + 1
        tops, lefts = (
            starts(length, part, overlap, self.grid)
            for length, part in zip(shape, side, strict=True)
        )
        return ((top, left) for top in tops for left in lefts)


def starts(length: int, part: int, overlap: int, grid: int = 1) -> list[int]:
    """Where parts of this size begin so that they cover `length` with at least this overlap.

    Length and part must be multiples of the grid; so are the places.

    >>> starts(100, 40, 10)
    [0, 30, 60]
    """
    if part >= length:
        return [0]
    steps, step = (length - part) // grid, (part - overlap) // grid
    count = 1 - (-steps // step)
    return [round(place * steps / (count - 1)) * grid for place in range(count)]


def spread_windows(frame: Grey, *, side: int, count: int) -> NDArray[np.float32]:
    """(K, 1, side, side) windows on a regular grid over the frame, about `count` of them."""
    height, width = frame.shape
    columns = max(1, min(count, round((count * width / height) ** 0.5), width // side))
    rows = max(1, min(round(count / columns), height // side))
    tops, lefts = _spread(height, rows, side), _spread(width, columns, side)
    cut = [frame[t : t + side, s : s + side] for t in tops for s in lefts]
    return np.stack(cut)[:, None]


def _spread(length: int, count: int, side: int) -> list[int]:
    return [round((place + 0.5) * length / count - side / 2) for place in range(count)]
