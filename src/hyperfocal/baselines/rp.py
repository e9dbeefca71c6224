"""Ratio pyramid: in every band the ratio furthest from 1 (contrast), the base averaged.

Each level of a Gaussian pyramid is divided by the next coarser one, expanded. Needs pixels that
are not negative; negative ones count as 0. Toet: Image fusion by a ratio of low-pass pyramid,
Pattern Recognition Letters, 1989.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.baselines._coefficients import WINDOW_REACH, Band, CoefficientFold
from hyperfocal.baselines.lp import expanded
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import Pixels
from hyperfocal.options import option

_TINY = np.float32(1e-6)  # keeps ratios finite where a picture is black


@dataclass(frozen=True)
class Rp:
    """Options of the ratio pyramid."""

    levels: int = option(4, "bands of the pyramid", low=1, high=10)

    @property
    def halo(self) -> int:
        reach = 4 * (2**self.levels - 1) + WINDOW_REACH * 2 ** (self.levels - 1)
        return rounded_up(reach, self.grid)

    @property
    def grid(self) -> int:
        return 2**self.levels

    def fold(self, height: int, width: int, channels: int) -> CoefficientFold:
        return CoefficientFold(RatioPyramid(self.levels))


@dataclass(frozen=True)
class RatioPyramid:
    """Contrasts Gₖ / expanded Gₖ₊₁ - 1 from fine to coarse, and the last Gₖ."""

    levels: int

    def split(self, pixels: Pixels) -> tuple[list[Band], Pixels]:
        bands: list[Band] = []
        level = np.maximum(pixels, 0) + _TINY
        while len(bands) < self.levels and min(level.shape[:2]) >= 2:
            smaller = cv2.pyrDown(level).reshape(-1, (level.shape[1] + 1) // 2, level.shape[2])
            bands.append(level / expanded(smaller, level.shape) - 1)
            level = smaller
        return bands, level

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        level = base
        for band in reversed(bands):
            level = (band + 1) * expanded(level, band.shape)
        return level - _TINY
