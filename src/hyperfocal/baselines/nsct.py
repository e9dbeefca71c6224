"""Nonsubsampled contourlet transform: the most active of 36 oriented bands at each pixel.

A nonsubsampled pyramid splits the picture by scale, nonsubsampled fan filter banks each scale by
orientation; every band is as large as the picture. The base is averaged. Works on the whole
picture: filters are applied to its spectrum, mirrored at the borders. Zhang, Guo: Multifocus image
fusion using the nonsubsampled contourlet transform, 2009. The transform is that of Cunha, Zhou, Do:
The nonsubsampled contourlet transform, IEEE TIP, 2006, with their maximally flat pyramid filters
and the 9-7 filters mapped to fans; the decompositions are 4, 8, 8 and 16 orientations, coarse to
fine (Liu, Liu, Wang, 2015).

Any polynomials with H₀(x) G₀(x) + H₀'(x) G₀'(x) = 1 reconstruct perfectly after any mapping of
frequencies to x, since nothing is subsampled (Cunha et al., section III).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from hyperfocal.baselines._coefficients import Band, CoefficientFold, mirrored
from hyperfocal.baselines._whole import WholePicture
from hyperfocal.frame import Pixels
from hyperfocal.options import option

Response: TypeAlias = NDArray[np.float32]  # of a filter, over the frequencies of a real FFT
Spectrum: TypeAlias = NDArray[np.complex64]  # (rows, half the columns), one channel

_ORIENTATIONS = (4, 3, 3, 2)  # powers of two, from the finest scale to the coarsest
_MARGIN = 32  # px beyond the picture, so that its ends, which the transform joins, differ less


@dataclass(frozen=True)
class Nsct(WholePicture):
    """Options of the contourlet transform."""

    levels: int = option(4, "scales that are split by orientation", low=1, high=4)

    @property
    def bytes_per_pixel(self) -> int:
        return 1600

    def fold(self, height: int, width: int, channels: int) -> CoefficientFold:
        sides = (_fast(side + _MARGIN) for side in (height, width))
        return CoefficientFold(Contourlets(_ORIENTATIONS[: self.levels], *sides))


@dataclass(frozen=True)
class Contourlets:
    """Bands from fine to coarse and the base, of a picture mirrored up to this size."""

    orientations: tuple[int, ...]
    height: int
    width: int

    def split(self, pixels: Pixels) -> tuple[list[Band], Pixels]:
        whole = mirrored(pixels, self.height, self.width)
        bands: list[Band] = []
        spectra = np.fft.rfft2(whole, axes=(0, 1)).astype(np.complex64)
        for level, power in enumerate(self.orientations):
            low, high = self._scale(level)
            bands += [self._plane(part) for part in self._wedges(spectra * high[0], level, power)]
            spectra = spectra * low[0]
        return bands, self._plane(spectra)

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        remaining = list(bands)
        spectra = np.fft.rfft2(base, axes=(0, 1)).astype(np.complex64)
        for level in reversed(range(len(self.orientations))):
            low, high = self._scale(level)
            first = len(remaining) - 2 ** self.orientations[level]
            wedges = (
                np.fft.rfft2(band, axes=(0, 1)).astype(np.complex64) for band in remaining[first:]
            )
            whole = self._whole(wedges, level, self.orientations[level])
            del remaining[first:]
            spectra = (spectra * low[1] + whole * high[1]).astype(np.complex64)
        return self._plane(spectra)

    def _plane(self, spectra: Spectrum) -> Pixels:
        plane = np.fft.irfft2(spectra, s=(self.height, self.width), axes=(0, 1))
        return plane.astype(np.float32)

    def _wedges(self, spectra: Spectrum, level: int, power: int) -> Iterator[Spectrum]:
        """The tree of fans, depth first: each node splits what reaches it in two."""

        def descend(part: Spectrum, path: tuple[int, ...]) -> Iterator[Spectrum]:
            if len(path) == power:
                yield part
                return
            for side, filters in enumerate(self._fans(level, path)):
                yield from descend(part * filters[0], (*path, side))

        return descend(spectra, ())

    def _whole(self, wedges: Iterator[Spectrum], level: int, power: int) -> Spectrum:
        """The inverse of `_wedges`."""

        def ascend(path: tuple[int, ...]) -> Spectrum:
            if len(path) == power:
                return next(wedges)
            first, second = self._fans(level, path)
            joined: Spectrum = ascend((*path, 0)) * first[1] + ascend((*path, 1)) * second[1]
            return joined

        return ascend(())

    def _scale(self, level: int) -> tuple[tuple[Response, Response], ...]:
        """Low- and high-pass of a pyramid level, each for analysis and synthesis."""
        down, across = self._frequencies(level)
        # 1 at zero frequency, -1 wherever a row or column alternates.
        mapped = 2 * np.outer((1 + np.cos(down)) / 2, (1 + np.cos(across)) / 2) - 1
        return _branches(mapped, *pyramid_filters())

    def _fans(self, level: int, path: tuple[int, ...]) -> tuple[tuple[Response, Response], ...]:
        """The two branches at a node of the tree of orientations, for analysis and synthesis."""
        down, across = self._frequencies(level)
        if not path:
            mapped = (np.cos(across)[None, :] - np.cos(down)[:, None]) / 2
            return _branches(mapped, *fan_filters())
        # Wedges around one axis are split along `steep` = slope · `flat`, whole-numbered so that
        # the zero of the mapping's other factor stays outside the wedge.
        is_vertical = path[0] == 0
        parts = 2 ** (len(path) - 1)
        numerator = _numerator(path[1:])
        along = down if is_vertical else across
        other = across if is_vertical else down
        turn = _sine_of_difference(parts * other, numerator * along)
        mapped = (turn if is_vertical else turn.T) * (
            np.sin(down)[:, None] if is_vertical else np.sin(across)[None, :]
        )
        return _branches(mapped, *fan_filters())

    def _frequencies(self, level: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Radians a sample of this level's grid: filters of coarser scales are upsampled."""
        scale = 2 * np.pi * 2**level
        return np.fft.fftfreq(self.height) * scale, np.fft.rfftfreq(self.width) * scale


def _sine_of_difference(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """sin(first - second), (len(second), len(first))."""
    return np.cos(second)[:, None] * np.sin(first) - np.sin(second)[:, None] * np.cos(first)


def _numerator(path: tuple[int, ...]) -> int:
    """The middle of the slopes of a wedge, in units that make it whole: ±1 of 2, ±1, ±3 of 4.

    Side 0 of a split has the larger slopes.
    """
    numerator = 0
    for side in path:
        numerator = 2 * numerator + (1 if side == 0 else -1)
    return numerator


def _branches(
    mapped: NDArray[np.float64], analysis: Polynomial, synthesis: Polynomial
) -> tuple[tuple[Response, Response], ...]:
    """(H₀, G₀) and (H₁, G₁) = (G₀(-x), H₀(-x)) at the mapped frequencies."""
    x = mapped.astype(np.float32)
    return (
        (_at(analysis, x), _at(synthesis, x)),
        (_at(synthesis, -x), _at(analysis, -x)),
    )


def _at(polynomial: Polynomial, x: Response) -> Response:
    """By Horner's rule in place; spectra have one more axis, for channels."""
    coefficients = polynomial.coef.astype(np.float32)
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value *= x
        value += coefficient
    return value[:, :, None]


@functools.cache
def pyramid_filters() -> tuple[Polynomial, Polynomial]:
    """Cunha et al.: (x + 1)(√2 + (1 - √2) x)/2 and (x + 1)(√2 + (4 - 3√2) x + (2√2 - 3) x²)/2."""
    root = 2**0.5
    low = Polynomial([1, 1]) / 2
    return (
        low * Polynomial([root, 1 - root]),
        low * Polynomial([root, 4 - 3 * root, 2 * root - 3]),
    )


@functools.cache
def fan_filters() -> tuple[Polynomial, Polynomial]:
    """The 9-7 filters of Cohen, Daubechies, Feauveau as polynomials in cos ω, each 1 at ω = 0.

    Their product is ((1 + x)/2)⁴ (1 + 4y + 10y² + 20y³), y = (1 - x)/2; the real root of the last
    factor goes to the 7 taps, the complex pair to the 9.
    """
    y = Polynomial([0.5, -0.5])
    roots = np.roots([20, 10, 4, 1])
    real = roots[np.argmin(np.abs(roots.imag))].real
    pair = roots[np.argmax(roots.imag)]
    seven = 1 - y / real
    nine = (y * y - 2 * pair.real * y + abs(pair) ** 2) / abs(pair) ** 2
    zeros = Polynomial([0.5, 0.5]) ** 2
    return zeros * nine, zeros * seven


def _fast(side: int) -> int:
    """A length from this one up of which FFTs are quick."""
    return cv2.getOptimalDFTSize(side)
