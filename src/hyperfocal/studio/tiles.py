"""Tiles: any layer of a stack, cut on one grid, so that all of them lie on each other.

The grid is that of the stack's reference frame. A layer (a frame, a result, a map) says by a
matrix where in it a point of the grid lies; each tile is warped by itself from the layer's
pyramid, so that nothing is ever warped whole only to be looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # (height, width, 3)
Matrix = NDArray[np.float64]  # (3, 3)

SIDE = 512  # px of a tile
_SMALLEST = 64  # px of a pyramid's last plane
_MARGIN = 4  # px that cubic resampling looks at, and some for rounding
NOWHERE = (27, 28, 30)  # RGB where a layer has nothing


@dataclass(frozen=True)
class Grid:
    """The levels of a picture of this size: level 0 is one pixel, the last is full size."""

    width: int
    height: int

    @property
    def last(self) -> int:
        return max(0, math.ceil(math.log2(max(self.width, self.height))))

    def size(self, level: int) -> tuple[int, int]:
        """Width and height of a level."""
        step = 2 ** (self.last - level)
        return math.ceil(self.width / step), math.ceil(self.height / step)

    def tile(self, level: int, x: int, y: int) -> tuple[int, int, int, int]:
        """Left, top, width and height of a tile in its level; raises ValueError for none."""
        if not 0 <= level <= self.last:
            raise ValueError(f"there is no level {level}")
        width, height = self.size(level)
        left, top = x * SIDE, y * SIDE
        if not (0 <= left < width and 0 <= top < height):
            raise ValueError(f"level {level} has no tile {x}, {y}")
        return left, top, min(SIDE, width - left), min(SIDE, height - top)


@dataclass(frozen=True)
class Pyramid:
    """A layer at full size and halved again and again."""

    planes: tuple[Rgb, ...]

    @classmethod
    def of(cls, full: Rgb) -> Pyramid:
        planes = [full]
        while max(planes[-1].shape[:2]) > _SMALLEST:
            height, width = planes[-1].shape[:2]
            size = max(1, width // 2), max(1, height // 2)
            planes.append(cv2.resize(planes[-1], size, interpolation=cv2.INTER_AREA))
        return cls(tuple(planes))

    @property
    def bytes(self) -> int:
        return sum(plane.nbytes for plane in self.planes)

    def plane(self, shrink: float) -> tuple[Rgb, float, float]:
        """The smallest plane that has the detail of a picture so much smaller, and its scales."""
        full_height, full_width = self.planes[0].shape[:2]
        chosen = self.planes[0]
        for plane in self.planes[1:]:
            # A plane of an odd side is a little more than half; a hundredth is no detail.
            if plane.shape[1] < full_width / shrink * 0.99:
                break
            chosen = plane
        return chosen, chosen.shape[1] / full_width, chosen.shape[0] / full_height


def cut(pyramid: Pyramid, matrix: Matrix, grid: Grid, level: int, x: int, y: int) -> Rgb:
    """The tile of a layer; `matrix` takes points of the grid at full size to the layer's pixels."""
    left, top, width, height = grid.tile(level, x, y)
    step = float(2 ** (grid.last - level))
    to_full = np.array(
        [
            [step, 0, step * (left + 0.5) - 0.5],
            [0, step, step * (top + 0.5) - 0.5],
            [0, 0, 1],
        ]
    )
    enlarged = _enlargement(matrix, grid)
    plane, sx, sy = pyramid.plane(max(1.0, step * enlarged))
    to_plane = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    return _warped(plane, to_plane @ matrix @ to_full, width, height)


def _enlargement(matrix: Matrix, grid: Grid) -> float:
    """How many pixels of the layer lie between two of the grid, in its middle."""
    x, y = grid.width / 2, grid.height / 2
    points = matrix @ np.array([[x, x + 1], [y, y], [1, 1]])
    points = points[:2] / points[2]
    return float(np.hypot(*(points[:, 1] - points[:, 0])))


def _warped(plane: Rgb, matrix: Matrix, width: int, height: int) -> Rgb:
    """The plane at the points that the matrix gives, from no more of it than that takes."""
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1], [1] * 4])
    points = matrix @ corners
    points = points[:2] / points[2]
    rows, columns = plane.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(1)) - _MARGIN, 0, [columns, rows]).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(1)) + _MARGIN + 1, 0, [columns, rows]).astype(int)
    if x1 - x0 < 1 or y1 - y0 < 1:
        return np.full((height, width, 3), NOWHERE, np.uint8)
    part = np.ascontiguousarray(plane[y0:y1, x0:x1])
    shifted = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]]) @ matrix
    whole = np.rint(shifted)
    if np.abs(shifted - whole).max() < 1e-9 and np.array_equal(whole[:, :2], np.eye(3)[:, :2]):
        return _shifted(part, int(whole[0, 2]), int(whole[1, 2]), width, height)
    return cv2.warpPerspective(
        part,
        shifted,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=NOWHERE,
    )


def _shifted(part: Rgb, left: int, top: int, width: int, height: int) -> Rgb:
    """As `_warped` for a move by whole pixels, which changes none of them."""
    tile = np.full((height, width, 3), NOWHERE, np.uint8)
    rows, columns = part.shape[:2]
    y0, y1 = max(0, -top), min(height, rows - top)
    x0, x1 = max(0, -left), min(width, columns - left)
    if y1 > y0 and x1 > x0:
        tile[y0:y1, x0:x1] = part[top + y0 : top + y1, left + x0 : left + x1]
    return tile


def difference(one: Rgb, other: Rgb, gain: int = 4) -> Rgb:
    """How far two tiles lie apart, enlarged, in grey: the largest of the three colours."""
    apart = cv2.absdiff(one, other).max(2)
    grey = np.minimum(apart.astype(np.uint16) * gain, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def encoded(tile: Rgb, kind: str = "jpg") -> bytes:
    """The tile as a file: JPEG of full colour resolution, or PNG, which loses nothing."""
    options = {
        "jpg": [
            cv2.IMWRITE_JPEG_QUALITY,
            92,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    }
    is_made, data = cv2.imencode(f".{kind}", cv2.cvtColor(tile, cv2.COLOR_RGB2BGR), options[kind])
    assert is_made
    return data.tobytes()
