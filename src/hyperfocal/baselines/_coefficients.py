"""What transform methods share: the coefficient of the most active frame, the base averaged.

The fusion rule is that of the literature's toolbox for pyramids, wavelets and their kin (Liu, Liu,
Wang, Information Fusion, 2015; after Li, Manjunath, Mitra, 1995): activity is the largest magnitude
in 3×3 coefficients, the most active frame wins, and the winner is the one that most of the 3×3
coefficients around have. Colour channels are fused each by itself. For N frames the arg-max is
running and the vote is a plurality.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.mode_filter import majority
from hyperfocal.errors import MissingExtra
from hyperfocal.frame import IndexMap, Pixels

Band: TypeAlias = NDArray[Any]  # (rows, columns, channels), float32 or complex64
WINDOW_REACH = 2  # coefficients: one for the activity, one for the vote

_SIDE = 3
_SQUARE = np.ones((_SIDE, _SIDE), np.uint8)


class Transform(Protocol):
    """A transform with its inverse: what is split joins to the same pixels.

    What is joined may go on below and to the right of the picture.
    """

    def split(self, pixels: Pixels) -> tuple[Sequence[Band], Pixels]:
        """(height, width, channels) -> bands that are compared, and the base."""
        ...

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        """The inverse of `split`."""
        ...


class CoefficientFold:
    """Two passes: which frame wins each coefficient, then those coefficients."""

    def __init__(self, transform: Transform):
        self._transform, self._count, self._added = transform, 0, 0
        self._best: list[Pixels] = []
        self._index: list[IndexMap] = []
        self._bands: list[Band] = []
        self._base: Pixels = np.empty(0, np.float32)
        self._size = (0, 0)

    def observe(self, pixels: Pixels) -> None:
        bands, _ = self._transform.split(pixels)
        if self._count == 0:
            self._best = [np.full(band.shape, -1, np.float32) for band in bands]
            self._index = [np.zeros(band.shape, np.uint16) for band in bands]
        for band, best, index in zip(bands, self._best, self._index, strict=True):
            active = activity(band)
            np.copyto(index, np.uint16(self._count), where=active >= best)
            np.maximum(best, active, out=best)
        self._count += 1

    def add(self, pixels: Pixels) -> None:
        bands, base = self._transform.split(pixels)
        if self._added == 0:
            self._best.clear()
            self._index = [voted(index, self._count) for index in self._index]
            self._bands, self._base = [np.zeros_like(band) for band in bands], np.zeros_like(base)
        for band, kept, index in zip(bands, self._bands, self._index, strict=True):
            np.copyto(kept, band, where=index == self._added)
        self._base += base
        self._added += 1
        self._size = pixels.shape[:2]

    def result(self) -> Pixels:
        joined = self._transform.join(self._bands, self._base / np.float32(self._added))
        return joined[: self._size[0], : self._size[1]]


def activity(band: Band) -> Pixels:
    """The largest magnitude in the 3×3 coefficients around each."""
    magnitude = np.ascontiguousarray(np.abs(band), np.float32)
    return cv2.dilate(magnitude, _SQUARE).reshape(band.shape)


def voted(index: IndexMap, frame_count: int) -> IndexMap:
    """(rows, columns, channels): the most frequent index in 3×3, channel by channel.

    Borders are repeated. Where indices are equally frequent, a coefficient keeps its own.
    """
    around = np.pad(index, ((1, 1), (1, 1), (0, 0)), mode="edge")
    channels = [
        _most_frequent(np.ascontiguousarray(around[:, :, channel]), frame_count)[1:-1, 1:-1]
        for channel in range(index.shape[2])
    ]
    return np.stack(channels, axis=2)


def _most_frequent(index: IndexMap, frame_count: int) -> IndexMap:
    lowest = majority(index, window=_SIDE, frame_count=frame_count)
    if frame_count == 2:  # nine entries of two kinds are never equally many
        return lowest
    last = np.uint16(frame_count - 1)
    highest = last - majority(last - index, window=_SIDE, frame_count=frame_count)
    return np.where(lowest == highest, lowest, index)


def mirrored(pixels: Pixels, height: int, width: int) -> Pixels:
    """The picture continued below and to the right by its mirror image, to this size."""
    down, across = height - pixels.shape[0], width - pixels.shape[1]
    return np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="symmetric")


def require(package: str) -> ModuleType:
    """An optional package; raises MissingExtra with the pip command where it is absent."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtra(
            f"this method needs the package {package.split('.')[0]}, which is not installed; "
            "pip install 'hyperfocal[methods]'"
        ) from error
