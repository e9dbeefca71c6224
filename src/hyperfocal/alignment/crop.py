"""The part of the reference that all frames show.

A frame covers a quadrilateral of the reference, so a rectangle lies inside all of them if its
four corners satisfy one linear inequality for every side of every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.transforms import IDENTITY, Matrix

_STEPS = 24  # positions tried for each side at a time
_ROUNDS = 12  # each narrows the search about the best
_SLACK = 1 / 64  # px, below what resampling can tell


@dataclass(frozen=True)
class Rectangle:
    """Rows `top` to `bottom` and columns `left` to `right` of the reference, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def as_dict(self) -> dict[str, int]:
        return {"top": self.top, "left": self.left, "height": self.height, "width": self.width}


def common(matrices: Sequence[Matrix], height: int, width: int) -> Rectangle | None:
    """The largest rectangle inside all frames (each matrix: reference to frame), or None."""
    matrices = [matrix for matrix in matrices if not np.array_equal(matrix, IDENTITY)]
    if not matrices:
        return Rectangle(0, height, 0, width)
    sides = np.concatenate([_sides(matrix, height, width) for matrix in matrices])
    low = np.array([0.0, 0.0])
    high = np.array([height - 1.0, height - 1.0])
    best = np.array([0.0, height - 1.0])
    for _ in range(_ROUNDS):
        tops = np.linspace(low[0], high[0], _STEPS)
        bottoms = np.linspace(low[1], high[1], _STEPS)
        pairs = np.stack(np.meshgrid(tops, bottoms), -1).reshape(-1, 2)
        left, right = _columns(sides, pairs, width)
        areas = np.clip(right - left, 0, None) * np.clip(pairs[:, 1] - pairs[:, 0], 0, None)
        best = pairs[np.argmax(areas)]
        reach = (high - low) / 4
        low, high = np.maximum(best - reach, 0), np.minimum(best + reach, height - 1)
    return _within(sides, best, width)


def _within(sides: NDArray[np.float64], rows: NDArray[np.float64], width: int) -> Rectangle | None:
    top, bottom = int(np.ceil(rows[0] - _SLACK)), int(np.floor(rows[1] + _SLACK))
    left, right = _columns(sides, np.array([[top, bottom]], np.float64), width)
    first, last = int(np.ceil(left[0] - _SLACK)), int(np.floor(right[0] + _SLACK))
    if bottom <= top or last <= first:
        return None
    return Rectangle(top, bottom + 1, first, last + 1)


def _sides(matrix: Matrix, height: int, width: int) -> NDArray[np.float64]:
    """(4, 3): a, b, c with a·x + b·y + c ≥ 0 for points of the reference inside the frame."""
    x, y, w = matrix * np.sign(matrix[2, 2])
    sides = np.stack([x, (width - 1) * w - x, y, (height - 1) * w - y])
    return sides / np.hypot(sides[:, 0], sides[:, 1])[:, None]


def _columns(
    sides: NDArray[np.float64], rows: NDArray[np.float64], width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The widest span of columns inside all sides for each pair of rows; left > right if none."""
    a, b, c = sides.T
    # A side bounds the corner that lies furthest beyond it.
    worst = np.minimum(b * rows[:, :1], b * rows[:, 1:]) + c + _SLACK / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = -worst / a
    left = np.where(a > 1e-12, bound, 0).max(1, initial=0)
    right = np.where(a < -1e-12, bound, width - 1).min(1, initial=width - 1)
    is_outside = ((np.abs(a) <= 1e-12) & (worst < 0)).any(1)
    return left, np.where(is_outside, -1, right)
