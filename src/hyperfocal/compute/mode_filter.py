"""Mode and median filters of index maps, whose time hardly depends on the window.

`majority` takes the most frequent index of the window around each entry, `median_index` the median
one. Counts are whole numbers and borders count only what lies inside, so both equal their
definitions entry by entry.

An index is a mask; its running sums give the count in every window, whatever the window's size.
Tile by tile, only the indices that can still win are counted: time grows with how many that are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel
from hyperfocal.frame import IndexMap

_TILE = 512  # px; what is held for a tile of this size stays near the processor


def majority(index: IndexMap, *, window: int, frame_count: int) -> IndexMap:
    """The most frequent index in the window × window square around each entry.

    The smallest index wins a tie, as with `np.bincount(square).argmax()`.
    """
    assert int(index.max()) < frame_count
    return _by_tiles(index, window, _most_frequent)


def median_index(index: IndexMap, *, window: int, frame_count: int) -> IndexMap:
    """The median index in the window × window square around each entry.

    Of an even number of entries, at the borders, the lower median: `sorted(square)[(n - 1) // 2]`.
    """
    assert int(index.max()) < frame_count
    return _by_tiles(index, window, _median)


def _by_tiles(index: IndexMap, window: int, settle: Callable[[_Tile], NDArray[Any]]) -> IndexMap:
    assert window % 2 == 1, f"a window of {window} has no middle"
    # With tiles no smaller than the window, about 4 times the picture is read at most.
    side = max(_TILE, window)
    settled = np.empty_like(index)

    def fill(corner: tuple[int, ...]) -> None:
        spans = [
            _Span(first, min(first + side, length), length, window // 2)
            for first, length in zip(corner, index.shape, strict=True)
        ]
        tile = _Tile(index, *spans)
        settled[tile.rows.inner, tile.columns.inner] = settle(tile)

    corners = product(*(range(0, length, side) for length in index.shape))
    parallel.for_each(fill, corners)
    return settled


def _most_frequent(tile: _Tile) -> NDArray[Any]:
    """The arg-max over indices as a fold, most frequent first, until no other can win."""
    seen = np.bincount(tile.around.ravel())
    order = np.argsort(-seen, kind="stable")[: np.count_nonzero(seen)]
    # Count and index as one number, so that one maximum settles the count and, in a tie, the
    # smaller index.
    scale = 1 << (len(seen) - 1).bit_length()
    largest = (int(seen.max()) + 1) * scale
    best = np.zeros(tile.shape, np.int32 if largest < 2**31 else np.int64)
    key = np.empty_like(best)
    for choice in order.tolist():
        if seen[choice] < best.min() // scale:
            break
        np.multiply(tile.count(np.equal, choice), scale, out=key)
        key += scale - 1 - choice
        np.maximum(best, key, out=best)
    best &= scale - 1
    return np.subtract(scale - 1, best, out=best)


def _median(tile: _Tile) -> NDArray[Any]:
    """The first index up to which half of the window lies, by bisection over indices.

    Where all windows of the tile agree on the side of an index, the other side is not counted.
    """
    present = np.flatnonzero(np.bincount(tile.around.ravel())).astype(np.uint16)
    half = (tile.areas() + 1) // 2
    below = np.zeros(tile.shape, np.uint16)  # how many of `present` are below the median
    pending = [(0, len(present) - 1)]
    while pending:
        low, high = pending.pop()
        if low == high:
            continue
        middle = (low + high) // 2
        is_above = tile.count(np.less_equal, int(present[middle])) < half
        if is_above.any():
            pending.append((middle + 1, high))
        if is_above.all():
            below += np.uint16(middle + 1 - low)
        else:
            below += is_above
            pending.append((low, middle))
    return present[below]


@dataclass(frozen=True)
class _Span:
    """One axis of a tile, and how far its windows reach."""

    first: int
    last: int  # exclusive
    length: int  # of the picture
    radius: int

    @property
    def inner(self) -> slice:
        return slice(self.first, self.last)

    @property
    def outer(self) -> slice:
        return slice(max(0, self.first - self.radius), min(self.length, self.last + self.radius))

    def window_sums(self, sums: NDArray[np.int32], out: NDArray[np.int32], axis: int) -> None:
        """Sums in the windows along this axis, from the running sums over `outer`."""
        count, final = self.last - self.first, self.outer.stop - self.outer.start
        end = self.first + self.radius + 1 - self.outer.start  # of the first window, in `sums`
        # Windows before `cut` begin, and windows from `full` on end, at the picture's border.
        cut = min(count, max(0, self.radius - self.first))
        full = min(count, max(0, final + 1 - end))
        for start, stop in pairwise(sorted({0, cut, full, count})):
            is_cut, is_full = start < cut, start >= full
            ends = _along(sums, final, final + 1, axis)
            begins = _along(sums, 0, 1, axis)
            if not is_full:
                ends = _along(sums, start + end, stop + end, axis)
            if not is_cut:
                begins = _along(sums, start - cut, stop - cut, axis)
            # Where rows do not adjoin in memory, OpenCV takes a third of the time NumPy takes.
            subtract = np.subtract if is_cut or is_full else cv2.subtract
            subtract(ends, begins, _along(out, start, stop, axis))


def _along(values: NDArray[np.int32], start: int, stop: int, axis: int) -> NDArray[np.int32]:
    return values[start:stop] if axis == 0 else values[:, start:stop]


class _Tile:
    """A part of the decision matrix, what its windows see, and room to count in."""

    def __init__(self, index: IndexMap, rows: _Span, columns: _Span):
        self.rows, self.columns = rows, columns
        self.around = index[rows.outer, columns.outer]
        self.shape = (rows.last - rows.first, columns.last - columns.first)
        height, width = self.around.shape
        self._mask = np.empty((height, width), np.bool_)
        self._sums = np.empty((height + 1, width + 1), np.int32)
        self._tall = np.empty((self.shape[0], width + 1), np.int32)
        self._counts = np.empty(self.shape, np.int32)

    def count(self, claim: np.ufunc, choice: int) -> NDArray[np.int32]:
        """In how many entries of each window the claim holds, until the next call."""
        claim(self.around, choice, out=self._mask)
        cv2.integral(self._mask.view(np.uint8), self._sums)
        self.rows.window_sums(self._sums, self._tall, 0)
        self.columns.window_sums(self._tall, self._counts, 1)
        return self._counts

    def areas(self) -> NDArray[np.int32]:
        """How many entries each window has inside the picture."""
        return self.count(np.greater_equal, 0).copy()
