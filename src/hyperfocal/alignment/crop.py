"""The part of the reference that all frames show.

A frame covers a quadrilateral of the reference, so what all of them cover is a convex polygon. The
area of the largest rectangle between two columns of it has a single peak as either column moves,
which is searched without a grid; whole pixels are settled last, by the same inequalities.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.transforms import IDENTITY, Matrix

_SLACK = 1 / 128  # px beside a frame that count as inside it, below what resampling can tell
_EXACT = 1e-9  # px, for rounding in double precision
_POINTS = 33  # of a row among which the highest is looked for
_ROUNDS = 13  # of such rows, which narrow 100,000 px to less than a rounding error

Numbers: TypeAlias = NDArray[np.float64]


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
    corners = _polygon(sides, height, width)
    if len(corners) < 3:
        return None
    found = _in_whole_pixels(sides, _largest(corners), height, width)
    return found if min(found.height, found.width) > 1 else None


def _sides(matrix: Matrix, height: int, width: int) -> Numbers:
    """(4, 3): a, b, c with a·x + b·y + c ≥ 0 for points of the reference inside the frame."""
    x, y, w = matrix * np.sign(matrix[2, 2])
    sides = np.stack([x, (width - 1) * w - x, y, (height - 1) * w - y])
    sides /= np.hypot(sides[:, 0], sides[:, 1])[:, None]
    sides[:, 2] += _SLACK
    return sides


def _polygon(sides: Numbers, height: int, width: int) -> Numbers:
    """The corners (x, y), in turn, of what lies inside all sides and the reference; none if empty.

    Sutherland and Hodgman, 1974.
    """
    right, bottom = width - 1.0, height - 1.0
    corners = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]])
    for side in sides:
        inside = corners @ side[:2] + side[2]
        if (inside >= 0).all():
            continue
        kept: list[Numbers] = []
        for place, corner in enumerate(corners):
            before, was = corners[place - 1], inside[place - 1]
            if (was >= 0) != (inside[place] >= 0):
                kept.append(before + (corner - before) * (was / (was - inside[place])))
            if inside[place] >= 0:
                kept.append(corner)
        corners = np.array(kept).reshape(-1, 2)
    return corners


def _largest(corners: Numbers) -> Numbers:
    """Left, top, right, bottom of the largest rectangle in a convex polygon, not yet whole."""
    upper, lower = _chains(corners)
    ends = corners[:, 0].min(), corners[:, 0].max()

    def rows(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
        top = np.maximum(np.interp(left, *upper), np.interp(right, *upper))
        bottom = np.minimum(np.interp(left, *lower), np.interp(right, *lower))
        return top, bottom

    def area(left: Numbers, right: Numbers) -> Numbers:
        top, bottom = rows(left, right)
        return (right - left) * (bottom - top)

    def best_right(left: Numbers) -> Numbers:
        return _peak(lambda right: area(left[..., None], right), left, np.full_like(left, ends[1]))

    first, last = (np.array([end]) for end in ends)
    left = _peak(lambda left: area(left, best_right(left)), first, last)
    right = best_right(left)
    top, bottom = rows(left, right)
    return np.concatenate([left, top, right, bottom])


def _chains(corners: Numbers) -> tuple[tuple[Numbers, Numbers], tuple[Numbers, Numbers]]:
    """The upper and lower border of a convex polygon, each from left to right, x and y."""
    chains = []
    for sign in (1, -1):
        chain: list[Numbers] = []
        for corner in corners[np.lexsort((sign * corners[:, 1], corners[:, 0]))]:
            if chain and corner[0] - chain[-1][0] <= 0:
                continue  # of those above each other the outermost comes first
            while len(chain) > 1 and sign * _turn(chain[-2], chain[-1], corner) <= 0:
                chain.pop()
            chain.append(corner)
        x, y = np.array(chain).T
        chains.append((x, y))
    return chains[0], chains[1]


def _turn(first: Numbers, second: Numbers, third: Numbers) -> float:
    (ax, ay), (bx, by) = second - first, third - first
    return float(ax * by - ay * bx)


def _peak(function: Callable[[Numbers], Numbers], low: Numbers, high: Numbers) -> Numbers:
    """Where functions of one peak are largest; all at once, each from a row of points."""
    for _ in range(_ROUNDS):
        step = (high - low) / (_POINTS - 1)
        best = function(low[..., None] + step[..., None] * np.arange(_POINTS)).argmax(-1)
        middle = low + step * best
        low, high = np.maximum(low, middle - step), np.minimum(high, middle + step)
    return (low + high) / 2


def _in_whole_pixels(sides: Numbers, exact: Numbers, height: int, width: int) -> Rectangle:
    """The largest rectangle of whole pixels inside all sides that lies near an exact one."""
    best = np.concatenate([np.ceil(exact[:2] - 1e-6), np.floor(exact[2:] + 1e-6)])
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=4)), np.float64)
    while True:
        tried = np.concatenate([best[None], best + steps])
        sizes = tried[:, 2:] - tried[:, :2] + 1
        inside = (tried[:, :2] >= 0).all(1) & (tried[:, 2:] <= [width - 1, height - 1]).all(1)
        inside &= (sizes > 0).all(1) & _are_inside(sides, tried)
        areas = np.where(inside, sizes.prod(1), 0)
        chosen = int(np.argmax(areas))
        if chosen == 0 or areas[chosen] <= areas[0]:
            left, top, right, bottom = (int(end) for end in best)
            return Rectangle(top, bottom + 1, left, right + 1)
        best = tried[chosen]


def _are_inside(sides: Numbers, rectangles: Numbers) -> NDArray[np.bool_]:
    """Whether no side cuts a rectangle: a side bounds the corner that lies furthest beyond it."""
    (a, b, c), (left, top, right, bottom) = sides.T, rectangles.T[:, :, None]
    worst = np.minimum(a * left, a * right) + np.minimum(b * top, b * bottom) + c
    return (worst >= -_EXACT).all(1)
