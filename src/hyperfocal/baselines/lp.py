"""Laplacian pyramid: in every band the coefficient with the largest magnitude, the base averaged.

Makes no decision map. Builds up noise and contrast, because the largest coefficient is also the
noisiest. Burt and Adelson, 1983; Burt, Kolczynski, 1993. With `consistency` the rule is that of the
other transforms (_coefficients.py), as in the literature's comparisons; it takes a second pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.baselines._coefficients import WINDOW_REACH, CoefficientFold
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import Pixels
from hyperfocal.methods import Fold
from hyperfocal.options import option


@dataclass(frozen=True)
class Lp:
    """Options of the Laplacian pyramid."""

    levels: int = option(4, "bands of the pyramid", low=1, high=10)
    consistency: bool = option(
        False, "take the most active frame of 3×3 coefficients, by their majority"
    )

    @property
    def bytes_per_pixel(self) -> int:
        return 120 if self.consistency else 80

    @property
    def halo(self) -> int:
        # One reduction or expansion reaches two pixels of its level; both happen at each.
        reach = 4 * (2**self.levels - 1)
        if self.consistency:
            reach += WINDOW_REACH * 2 ** (self.levels - 1)
        return rounded_up(reach, self.grid)

    @property
    def grid(self) -> int:
        return 2**self.levels

    def fold(self, height: int, width: int, channels: int) -> Fold:
        if self.consistency:
            return CoefficientFold(LaplacianPyramid(self.levels))
        return LaplacianFold(self.levels)


class LaplacianFold:
    """Running bands with the largest magnitudes, running sum of the bases."""

    def __init__(self, levels: int):
        self._levels, self._count = levels, 0
        self._bands: list[Pixels] = []

    def add(self, pixels: Pixels) -> None:
        bands = laplacian_pyramid(pixels, self._levels)
        if not self._bands:
            self._bands = bands
        else:
            for kept, band in zip(self._bands[:-1], bands[:-1], strict=True):
                np.copyto(kept, band, where=np.abs(band) > np.abs(kept))
            self._bands[-1] += bands[-1]
        self._count += 1

    def result(self) -> Pixels:
        return joined(self._bands[:-1], self._bands[-1] / np.float32(self._count))


@dataclass(frozen=True)
class LaplacianPyramid:
    """The bands and the base, as a transform with its inverse."""

    levels: int

    def split(self, pixels: Pixels) -> tuple[list[Pixels], Pixels]:
        *bands, base = laplacian_pyramid(pixels, self.levels)
        return bands, base

    def join(self, bands: Sequence[Pixels], base: Pixels) -> Pixels:
        return joined(bands, base)


def laplacian_pyramid(pixels: Pixels, levels: int) -> list[Pixels]:
    """Bands from fine to coarse, then the base; they add up to the picture again."""
    bands = []
    for _ in range(levels):
        if min(pixels.shape[:2]) < 2:
            break
        smaller = _with_channels(cv2.pyrDown(pixels), pixels.shape[2])
        bands.append(pixels - expanded(smaller, pixels.shape))
        pixels = smaller
    return [*bands, pixels]


def joined(bands: Sequence[Pixels], base: Pixels) -> Pixels:
    """The picture of these bands, from fine to coarse, and this base."""
    for band in reversed(bands):
        base = band + expanded(base, band.shape)
    return base


def expanded(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """The next finer level of a Gaussian pyramid, of this shape."""
    return _with_channels(cv2.pyrUp(pixels, dstsize=(shape[1], shape[0])), shape[2])


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    # OpenCV drops the channel axis of grey pictures.
    return pixels.reshape(*pixels.shape[:2], channels)
