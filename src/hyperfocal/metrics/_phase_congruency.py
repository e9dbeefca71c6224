"""Phase congruency: where the waves that make up a picture are in step, that is at its features.

Kovesi: Image features from phase congruency, Videre, 1999, and: Phase congruency detects corners
and edges, DICTA, 2003; with the constants and the coarser covariance of the fusion toolbox of
Liu et al., IEEE TPAMI, 2012. Nearly independent of contrast, hence of the value range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.metrics._grey import Plane

# Single precision halves the time of the many transforms; congruency needs three digits.
Filter: TypeAlias = NDArray[np.float32]
Spectrum: TypeAlias = NDArray[np.complex64]

_SCALES = 4
_ORIENTATIONS = 6
_SHORTEST = 3.0  # px, wavelength of the finest filter
_STEP = 2.1  # between the wavelengths of neighbouring scales
_BANDWIDTH = 0.55
_ANGLE_DEVIATION = np.pi / _ORIENTATIONS / 1.2
_EPSILON = 1e-4
# Mean plus two deviations of the Rayleigh distribution, less what Kovesi found too much.
_NOISE_FACTOR = (np.sqrt(np.pi / 2) + 2 * np.sqrt(2 - np.pi / 2)) / 1.7


class Features(NamedTuple):
    """Maps of a picture, 0…1: congruency over all orientations, edge and corner strength."""

    congruency: Plane
    edges: Plane
    corners: Plane


@dataclass(frozen=True)
class Orientation:
    """The factor of one direction in all its filters, and what noise does to them."""

    angle: float
    angular: Filter
    noise_gain: float  # threshold over the median amplitude at the finest scale


@dataclass(frozen=True)
class FilterBank:
    """Log-Gabor filters as products of a radial factor, fine to coarse, and an angular one."""

    radial: list[Filter]
    orientations: list[Orientation]


def filter_bank(shape: tuple[int, ...]) -> FilterBank:
    """The filters for pictures of this shape, in the layout of fft2."""
    across, down = np.meshgrid(_frequencies(shape[1]), _frequencies(shape[0]))
    radial = list(_radial(np.hypot(across, down), _lowpass(shape)))
    theta = np.arctan2(-down, across)
    angles = (index * np.pi / _ORIENTATIONS for index in range(_ORIENTATIONS))
    return FilterBank(radial, [_orientation(angle, theta, radial) for angle in angles])


def features(picture: Plane, bank: FilterBank) -> Features:
    """Phase congruency of a picture and its largest and smallest moment over orientations."""
    spectrum = np.fft.fft2(picture).astype(np.complex64)
    energy, amplitude, xx, yy, xy = np.zeros((5, *picture.shape), np.float32)
    for orientation in bank.orientations:
        energy_here, amplitude_here = _response(spectrum, bank.radial, orientation)
        energy += energy_here
        amplitude += amplitude_here
        congruency = energy_here / np.maximum(amplitude_here, np.finfo(np.float32).tiny)
        x = congruency * np.float32(np.cos(orientation.angle))
        y = congruency * np.float32(np.sin(orientation.angle))
        xx += x * x
        yy += y * y
        xy += x * y
    total = (xx + yy) / (_ORIENTATIONS / 2)
    spread = np.hypot(xy / _ORIENTATIONS, (xx - yy) / (_ORIENTATIONS / 2)) + _EPSILON
    maps = energy / (amplitude + _EPSILON), (total + spread) / 2, (total - spread) / 2
    return Features(*(one.astype(np.float64) for one in maps))


def _frequencies(size: int) -> Plane:
    # Odd sizes reach ±1/2 exactly, a quirk of the original that the tables inherited.
    frequencies = np.fft.fftfreq(size).astype(np.float64)
    if size % 2:
        frequencies *= size / (size - 1)
    return frequencies


def _lowpass(shape: tuple[int, ...]) -> Plane:
    """Butterworth filter of radius 0.45 that keeps the corners of the spectrum out."""
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    gain: Plane = 1 / (1 + (radius / 0.45) ** 30)
    return gain


def _radial(radius: Plane, lowpass: Plane) -> Iterator[Filter]:
    radius[0, 0] = 1
    for scale in range(_SCALES):
        ratio = np.log(radius * (_SHORTEST * _STEP**scale))
        gain = np.exp(-(ratio**2) / (2 * np.log(_BANDWIDTH) ** 2)) * lowpass
        gain[0, 0] = 0
        yield gain.astype(np.float32)


def _orientation(angle: float, theta: Plane, radial: Sequence[Filter]) -> Orientation:
    turn = np.mod(theta - angle + np.pi, 2 * np.pi) - np.pi
    angular = np.exp(-(turn**2) / (2 * _ANGLE_DEVIATION**2))
    together = np.sum(radial, axis=0) * angular
    # The real part of a filter's response belongs to the even part of its transfer function.
    even = (together + np.roll(together[::-1, ::-1], 1, axis=(0, 1))) / 2
    power = np.sum(even**2) / np.sum((radial[0] * angular) ** 2)
    gain = _NOISE_FACTOR * np.sqrt(power / np.log(2))
    return Orientation(angle, angular.astype(np.float32), float(gain))


def _filtered(spectrum: Spectrum, gain: Filter) -> Spectrum:
    """The inverse transform; OpenCV's takes a third of the time of NumPy's."""
    pairs = (spectrum * gain).view(np.float32).reshape(*spectrum.shape, 2)
    found: Spectrum = cv2.idft(pairs, flags=cv2.DFT_SCALE).view(np.complex64)[:, :, 0]
    return found


def _response(
    spectrum: Spectrum, radial: Sequence[Filter], orientation: Orientation
) -> tuple[Filter, Filter]:
    """Energy above noise, weighted by its spread over scales, and summed amplitude."""
    waves = [_filtered(spectrum, gain * orientation.angular) for gain in radial]
    total = np.zeros_like(spectrum)
    amplitude = np.zeros(spectrum.shape, np.float32)
    largest = np.zeros(spectrum.shape, np.float32)
    noise = float(np.median(np.abs(waves[0]))) * orientation.noise_gain
    for wave in waves:
        total += wave
        length = np.abs(wave)
        amplitude += length
        np.maximum(largest, length, out=largest)
    length = np.abs(total)
    mean_phase = np.conj(total) / (length + np.float32(_EPSILON))
    energy = length * length / (length + np.float32(_EPSILON)) - np.float32(noise)
    for wave in waves:
        wave *= mean_phase
        energy -= np.abs(wave.imag)
    spread = amplitude / ((largest + np.float32(_EPSILON)) * _SCALES)
    return np.maximum(energy, 0) / (1 + np.exp(10 * (0.5 - spread))), amplitude
