"""Curvelet transform: the most active coefficient of every wedge, the coarsest scale averaged.

Curvelets are elongated along edges. Works on the whole picture, because its bands are cut out of
the picture's spectrum. Nencini, Garzelli, Baronti, Alparone: Remote sensing image fusion using the
curvelet transform, 2007; the transform is the uniform discrete one of Nguyen and Chauris, 2010
(package `curvelets`), where the literature takes the wrapping one of Candès et al. The finest
scale is one band without orientation.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperfocal.baselines._coefficients import Band, CoefficientFold, mirrored, require
from hyperfocal.baselines._whole import WholePicture
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import Pixels
from hyperfocal.options import option

_WEDGES = 3  # a direction, at the coarsest scale that has any; twice as many at each finer one
_MARGIN = 16  # px beyond the picture, so that its ends, which the transform joins, differ less


@dataclass(frozen=True)
class Cvt(WholePicture):
    """Options of the curvelet transform."""

    scales: int = option(5, "bands of frequencies, with the coarsest", low=2, high=7)

    @property
    def bytes_per_pixel(self) -> int:
        return 800

    def fold(self, height: int, width: int, channels: int) -> CoefficientFold:
        require("curvelets")  # now, not when the first frame has been read
        unit = _WEDGES * 2**self.scales
        sides = (rounded_up(side + _MARGIN, unit) for side in (height, width))
        return CoefficientFold(Curvelets(self.scales, *sides))


@dataclass(frozen=True)
class Curvelets:
    """Complex bands, and the coarsest scale, of a picture mirrored up to this size."""

    scales: int
    height: int
    width: int

    def split(self, pixels: Pixels) -> tuple[list[Band], Pixels]:
        whole = mirrored(pixels, self.height, self.width)
        made = [
            _flat(self._transform.forward(whole[:, :, channel].astype(np.float64)))
            for channel in range(pixels.shape[2])
        ]
        base, *bands = (np.stack(channels, axis=2) for channels in zip(*made, strict=True))
        return [band.astype(np.complex64) for band in bands], base.astype(np.complex64)

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        planes = []
        for channel in range(base.shape[2]):
            flat = [np.ascontiguousarray(band[:, :, channel]) for band in (base, *bands)]
            planes.append(self._transform.backward(_nested(flat, self._wedges)))
        return np.stack(planes, axis=2).astype(np.float32)

    @property
    def _transform(self) -> Any:
        return _udct(self.height, self.width, self.scales)

    @property
    def _wedges(self) -> list[list[int]]:
        """How many wedges each direction of each scale has."""
        windows = self._transform.windows
        return [[len(direction) for direction in scale] for scale in windows]


@functools.lru_cache(maxsize=2)
def _udct(height: int, width: int, scales: int) -> Any:
    return require("curvelets.numpy").UDCT(
        (height, width),
        num_scales=scales,
        wedges_per_direction=_WEDGES,
        high_frequency_mode="wavelet",
    )


def _flat(nested: Sequence[Sequence[Sequence[Band]]]) -> list[Band]:
    return [band for scale in nested for direction in scale for band in direction]


def _nested(flat: Sequence[Band], counts: list[list[int]]) -> list[list[list[Band]]]:
    remaining = iter(flat)
    return [[[next(remaining) for _ in range(n)] for n in scale] for scale in counts]
