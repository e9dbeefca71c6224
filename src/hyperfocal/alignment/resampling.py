"""Frames in the geometry of the reference: sources that resample once, when they are read.

Positions are rounded to 1/32 px by OpenCV. What lies outside a frame is taken from the reference,
never mirrored or repeated; `covered` says where that is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.crop import Rectangle
from hyperfocal.alignment.gain_offset import Correction
from hyperfocal.alignment.transforms import IDENTITY, Matrix, mapped
from hyperfocal.compute import tiles
from hyperfocal.frame import (
    FrameInfo,
    Pixels,
    Samples,
    Source,
    WrappedSource,
    in_both,
    to_pixels,
)
from hyperfocal.io.coverage import SEAM

_STRIP = 256  # rows
_MARGIN = 4  # px that Lanczos looks at on either side, and one for rounding


class Filling:
    """The reference's pixels for places where a frame has none; read once, when first needed."""

    def __init__(self, source: Source, correction: Correction | None):
        self._source, self._correction = source, correction

    @cached_property
    def samples(self) -> Samples | Pixels:
        return _corrected(self._source.read(), self._correction)


@dataclass(frozen=True)
class PlacedSource(WrappedSource):
    """A frame as the reference would show it, in the rectangle that is kept of it."""

    matrix: Matrix  # reference to frame
    area: Rectangle
    correction: Correction | None = None  # of its brightness, None: left as it is
    filling: Filling | None = None  # None where `area` lies inside the frame

    @property
    def info(self) -> FrameInfo:
        return replace(self.source.info, height=self.area.height, width=self.area.width)

    def read(self) -> Samples | Pixels:
        samples = self.source.read()
        if np.array_equal(self.matrix, IDENTITY):
            return _corrected(_cut(samples, self.area), self.correction)
        placed = np.empty((self.area.height, self.area.width, samples.shape[2]), np.float32)
        limits = _limits(samples)
        for strip in tiles.strips(self.area.height, _STRIP):
            pixels = _resampled(samples, self._matrix_at(strip.top), placed[strip.rows].shape)
            np.clip(pixels, *limits, out=pixels)
            _correct(pixels, self.correction, samples.dtype)
            if self.filling is not None:
                beyond = ~self._inside(strip.top, strip.bottom)
                kept = to_pixels(_cut(self.filling.samples, self.area)[strip.rows])
                pixels[beyond] = kept[beyond]
            placed[strip.rows] = pixels
        return placed

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        """Where the frame has data of its own in these rows, seam excluded; None: everywhere."""
        own = self._own(rows)
        if self.filling is None:
            return own
        top, bottom, _ = rows.indices(self.area.height)
        covered = np.empty((bottom - top, self.area.width), bool)
        for strip in tiles.strips(bottom - top, _STRIP):
            covered[strip.rows] = self._inside(top + strip.top, top + strip.bottom, SEAM)
        return in_both(own, covered)

    def _own(self, rows: slice) -> NDArray[np.bool_] | None:
        """Where the frame as it came had data, seen in these rows; None: everywhere."""
        mask = self.source.covered(slice(None))
        if mask is None:
            return None
        top, bottom, _ = rows.indices(self.area.height)
        return placed_mask(mask, self._matrix_at(top), (bottom - top, self.area.width))

    def _inside(self, top: int, bottom: int, margin: int = 0) -> NDArray[np.bool_]:
        """Whether rows `top` to `bottom` of the area lie in the frame, so many px from its end."""
        rows = np.arange(top, bottom, dtype=np.float64)[:, None]
        columns = np.arange(self.area.width, dtype=np.float64)
        x, y, w = (a * columns + (b * rows + c) for a, b, c in self._matrix_at(0))
        info = self.source.info
        low, right, end = margin * w, (info.width - 1 - margin) * w, (info.height - 1 - margin) * w
        # A hundredth of a pixel outside is inside for all that resampling can tell.
        slack = 0.01 * w
        return (x >= low - slack) & (x <= right + slack) & (y >= low - slack) & (y <= end + slack)

    def _matrix_at(self, top: int) -> Matrix:
        """From rows below `top` of the area to the frame."""
        offset = np.array([[1, 0, self.area.left], [0, 1, self.area.top + top], [0, 0, 1.0]])
        return self.matrix @ offset


def placed_mask(
    mask: NDArray[np.bool_], matrix: Matrix, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """A mask of a frame, as seen from a picture whose points the matrix takes into the frame."""
    seen = cv2.warpPerspective(
        mask.view(np.uint8),
        matrix,
        shape[::-1],
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return seen.view(bool)


def _resampled(samples: Samples, matrix: Matrix, shape: tuple[int, ...]) -> Pixels:
    """The pixels that the matrix asks for, from no more rows of the frame than it takes."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    y = mapped(matrix, corners.astype(np.float64))[:, 1]
    first = int(np.clip(np.floor(y.min()) - _MARGIN, 0, len(samples) - 1))
    last = int(np.clip(np.ceil(y.max()) + _MARGIN + 1, first + 1, len(samples)))
    up = np.array([[1, 0, 0], [0, 1, -first], [0, 0, 1.0]])
    pixels = cv2.warpPerspective(
        to_pixels(samples[first:last]),
        up @ matrix,
        (width, height),
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return pixels.reshape(height, width, samples.shape[2])


def _limits(samples: Samples) -> tuple[float, float]:
    """What resampling must not pass: the type's range, or for float that of the frame."""
    if samples.dtype.kind == "u":
        return 0.0, 1.0
    return float(samples.min()), float(samples.max())


def _cut(samples: Samples, area: Rectangle) -> Samples:
    return samples[area.top : area.bottom, area.left : area.right]


def _corrected(samples: Samples, correction: Correction | None) -> Samples | Pixels:
    """The frame in the reference's light: pixels, not rounded, where anything is to be done."""
    if correction is None:
        return samples
    corrected = np.empty(samples.shape, np.float32)
    for strip in tiles.strips(len(samples), _STRIP):
        # A copy, because pixels of float samples are the samples themselves.
        pixels = to_pixels(samples[strip.rows], corrected[strip.rows])
        corrected[strip.rows] = pixels
        _correct(corrected[strip.rows], correction, samples.dtype)
    return corrected


def _correct(pixels: Pixels, correction: Correction | None, dtype: np.dtype[Any]) -> None:
    """Bring pixels to the reference's light, in place; what samples cannot hold is clipped."""
    if correction is not None:
        correction.apply(pixels)
        if dtype.kind == "u":
            np.clip(pixels, 0, 1, out=pixels)
