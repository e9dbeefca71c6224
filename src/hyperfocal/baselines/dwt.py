"""Discrete wavelet transform: in every band the coefficient of the most active frame.

Not invariant to shifts: edges that fall between two coefficients ring. The approximation is
averaged. Li, Manjunath, Mitra: Multisensor image fusion using the wavelet transform, 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperfocal.baselines._coefficients import WINDOW_REACH, Band, CoefficientFold, require
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.errors import OptionError
from hyperfocal.frame import Pixels
from hyperfocal.options import option


@dataclass(frozen=True)
class Dwt:
    """Options of the wavelet transform."""

    levels: int = option(4, "times the approximation is split", low=1, high=10)
    wavelet: str = option("db1", "a discrete wavelet by its name in PyWavelets: db1, bior2.2, …")

    @property
    def halo(self) -> int:
        taps = self._filters().dec_len
        reach = 2 * (taps - 1) * (2**self.levels - 1) + WINDOW_REACH * 2**self.levels
        return rounded_up(reach, self.grid)

    @property
    def grid(self) -> int:
        return 2**self.levels

    def fold(self, height: int, width: int, channels: int) -> CoefficientFold:
        return CoefficientFold(Wavelets(self._filters(), self.levels))

    def _filters(self) -> Any:
        pywt = require("pywt")
        if self.wavelet not in pywt.wavelist(kind="discrete"):
            raise OptionError(
                f"wavelet is {self.wavelet!r}; name a discrete wavelet of PyWavelets, such as "
                "db1, sym4 or bior2.2"
            )
        return pywt.Wavelet(self.wavelet)


@dataclass(frozen=True)
class Wavelets:
    """Three bands a level, from fine to coarse, and the approximation; borders are mirrored."""

    filters: Any
    levels: int

    def split(self, pixels: Pixels) -> tuple[list[Band], Pixels]:
        pywt = require("pywt")
        bands: list[Band] = []
        base = pixels
        while len(bands) < 3 * self.levels and min(base.shape[:2]) >= 2:
            base, details = pywt.dwt2(base, self.filters, axes=(0, 1))
            bands += details
        return bands, base

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        pywt = require("pywt")
        for first in range(len(bands) - 3, -1, -3):
            details = tuple(bands[first : first + 3])
            # The inverse is up to one row and column longer than what was split.
            base = base[: details[0].shape[0], : details[0].shape[1]]
            base = pywt.idwt2((base, details), self.filters, axes=(0, 1))
        return base
