"""Which pixels a stroke touches, and how much.

Windows are (rows, columns) of the picture; `origin` is the (row, column) of the reference frame at
which the picture begins. A window's weights equal the same pixels of the whole, bit by bit.
"""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import OptionError
from hyperfocal.frame import Weight
from hyperfocal.fusion.retouch.strokes import Stroke

Window: TypeAlias = tuple[slice, slice]  # rows and columns
Segments: TypeAlias = NDArray[np.float64]  # (count, 6): two points each
Numbers: TypeAlias = NDArray[np.float64]

RIM = 16  # px around a stroke, in which source and picture are compared

_CELL = 32  # px, side of what is measured at once
_AT_ONCE = 64  # segments measured at once in a cell
_SLACK = 1e-6  # px, above the rounding of distances


def require_inside(
    stroke: Stroke, shape: tuple[int, ...], origin: tuple[int, int] = (0, 0)
) -> None:
    """Raise OptionError where the brush touches no pixel of the picture (height, width, …)."""
    places = np.array(stroke.points)[:, 1::-1] - origin
    if ((places >= 0) & (places <= np.array(shape[:2]) - 1)).all(1).any():
        return
    opaque = tuple((x, y, 1.0) for x, y, _ in stroke.points)
    rows, _ = box(dataclasses.replace(stroke, points=opaque, opacity=1.0), shape, origin)
    if rows.start == rows.stop:
        x, y, _ = stroke.points[0]
        raise OptionError(
            f"the stroke that begins at x {x:g}, y {y:g} lies outside the picture, which has x "
            f"{origin[1]} to {origin[1] + shape[1] - 1} and y {origin[0]} to "
            f"{origin[0] + shape[0] - 1} of the reference frame; leave it out"
        )


def box(stroke: Stroke, shape: tuple[int, ...], origin: tuple[int, int] = (0, 0)) -> Window:
    """The smallest window of the picture (height, width, …) that holds all that is touched.

    Empty where nothing is.
    """
    return stamp(stroke, shape, origin)[0]


def stamp(
    stroke: Stroke, shape: tuple[int, ...], origin: tuple[int, int] = (0, 0)
) -> tuple[Window, Weight]:
    """The box of the stroke, and the weight in the box with its rim: both for the work of one."""
    places = np.array(stroke.points)[:, 1::-1] - origin
    outer = _Edge(stroke).outer
    first = np.maximum(np.floor(places.min(0) - outer), 0).astype(int).tolist()
    last = np.minimum(np.ceil(places.max(0) + outer) + 1, shape[:2]).astype(int).tolist()
    rows, columns = (slice(a, max(a, b)) for a, b in zip(first, last, strict=True))
    weight = mask(stroke, rows, columns, origin=origin)
    inner = touched(weight)
    window = _shifted(inner, rows.start, columns.start)
    seen = with_rim(window, shape)
    framed = np.zeros([span.stop - span.start for span in seen], np.float32)
    framed[_shifted(window, -seen[0].start, -seen[1].start)] = weight[inner]
    return window, framed


def with_rim(window: Window, shape: tuple[int, ...]) -> Window:
    """The window and the rim around it, as far as the picture goes; empty stays empty."""
    rows, columns = (
        slice(max(0, span.start - RIM), min(length, span.stop + RIM))
        if span.stop > span.start
        else span
        for span, length in zip(window, shape, strict=False)
    )
    return rows, columns


def mask(
    stroke: Stroke, rows: slice, columns: slice, *, origin: tuple[int, int] = (0, 0)
) -> Weight:
    """The weight of the stroke's source in a window of the picture.

    The brush is pressed at each point and moves straight to the next. Of all that a pixel has the
    largest weight; a segment has its pressure at the place nearest to the pixel. At `radius` the
    weight of a hard brush is one half.
    """
    weight = np.zeros((max(0, rows.stop - rows.start), max(0, columns.stop - columns.start)))
    top, left = rows.start + origin[0], columns.start + origin[1]
    _cover(weight, top, left, _segments(stroke), _Edge(stroke))
    weight *= stroke.opacity
    return weight.astype(np.float32)


def touched(mask: Weight) -> Window:
    """The smallest window that holds all of the mask above 0."""
    spans = []
    for axis in (1, 0):
        places = np.flatnonzero((mask > 0).any(axis))
        spans.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0))
    return spans[0], spans[1]


class _Edge:
    """How the brush's weight falls with the distance from its path."""

    def __init__(self, stroke: Stroke):
        self.outer = stroke.radius + 0.5
        self._width = self.outer - max(0.0, stroke.hardness * stroke.radius - 0.5)

    def __call__(self, distance: Numbers) -> Numbers:
        """1 up to the hard core, 0 from `outer` on, between them smooth at both ends."""
        rise = np.clip((self.outer - distance) / self._width, 0, 1)
        return rise * rise * (3 - 2 * rise)


def _segments(stroke: Stroke) -> Segments:
    """What lies between neighbouring points, each once and in one direction: order is no matter.

    Where pressure varies, the points by themselves too: a pen that is pressed harder on one spot
    marks all of the spot.
    """
    points = list(stroke.points)
    pairs = [sorted(pair) for pair in pairwise(points)]
    if len(points) == 1 or len({pressure for _, _, pressure in points}) > 1:
        pairs += [[point, point] for point in points]
    return np.unique(np.array(pairs).reshape(-1, 6), axis=0)


def _nearest(segments: Segments, x: Numbers | float, y: Numbers | float) -> tuple[Numbers, Numbers]:
    """(segments, *places): distance from each place, and the pressure where it is least."""
    flat = segments.reshape(len(segments), 6, *[1] * np.ndim(np.add(x, y)))
    x1, y1, pressure1, x2, y2, pressure2 = np.moveaxis(flat, 1, 0)
    length = np.sqrt((x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1))
    is_dot = length == 0
    divisor = np.where(is_dot, 1, length)
    cosine, sine = np.where(is_dot, 1, x2 - x1) / divisor, (y2 - y1) / divisor
    along = (x - x1) * cosine + (y - y1) * sine
    aside = (x - x1) * sine - (y - y1) * cosine
    inside = np.minimum(np.maximum(along, 0), length)
    along -= inside
    distance = np.sqrt(along * along + aside * aside)
    return distance, pressure1 + inside * ((pressure2 - pressure1) / divisor)


def _cover(weight: Numbers, top: float, left: float, segments: Segments, edge: _Edge) -> None:
    """Fill a window with the largest weight that any segment gives, halving it down to cells.

    Left out on the way are segments that another one surpasses everywhere in the window.
    """
    if not weight.size:
        return
    height, width = weight.shape
    reach = math.hypot(height - 1, width - 1) / 2 + _SLACK
    distance, _ = _nearest(segments, left + (width - 1) / 2, top + (height - 1) / 2)
    pressures = segments[:, 2::3]
    most = edge(distance - reach) * pressures.max(1)
    least = edge(distance + reach) * pressures.min(1)
    if most.max() == least.max():
        weight[...] = most.max()
        return
    segments = segments[(most > 0) & (most + _SLACK >= least.max())]
    if max(height, width) <= _CELL:
        y, x = (top + np.arange(height, dtype=float))[:, None], left + np.arange(width, dtype=float)
        for start in range(0, len(segments), _AT_ONCE):
            distance, pressure = _nearest(segments[start : start + _AT_ONCE], x, y)
            np.maximum(weight, (edge(distance) * pressure).max(0), out=weight)
    elif height > width:
        middle = height // 2
        _cover(weight[:middle], top, left, segments, edge)
        _cover(weight[middle:], top + middle, left, segments, edge)
    else:
        middle = width // 2
        _cover(weight[:, :middle], top, left, segments, edge)
        _cover(weight[:, middle:], top, left + middle, segments, edge)


def _shifted(window: Window, rows: int, columns: int) -> Window:
    down, across = (
        slice(span.start + by, span.stop + by)
        for span, by in zip(window, (rows, columns), strict=True)
    )
    return down, across
