"""Feature mutual information FMI of wavelet transforms.

Haghighat, Razian: Fast-FMI: non-reference image fusion metric, AICT, 2014. One level of the Meyer
wavelet, its filter computed from the definition and cut to the 102 taps of the published program's
environment, with whose printed taps it agrees to about five digits. Does not depend on the value
range.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hyperfocal.metrics._feature_information import information
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_TAPS = 102
_GRID = 4096  # frequencies the filter is computed on; the response is smooth


def fmi_w(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows and sources of 2 I / (H + Hᵢ); 0…1, higher is better.

    The windows slide over the four bands side by side. Any number of sources.
    """
    plane, planes = checked(fused, sources, smallest=3)
    smooth = meyer_filter()
    features = _bands(plane, smooth)
    return float(np.mean([information(_bands(source, smooth), features) for source in planes]))


def meyer_filter() -> Plane:
    """Low-pass analysis filter: √2 up to π/3, 0 from 2π/3, Meyer's smooth step between."""
    frequency = np.abs(2 * np.pi * np.fft.fftfreq(_GRID))
    step = np.clip(3 * frequency / np.pi - 1, 0, 1)
    smooth = step**4 * (35 - 84 * step + 70 * step**2 - 20 * step**3)
    response = np.sqrt(2) * np.cos(np.pi / 2 * smooth)
    taps = np.fft.fftshift(np.fft.ifft(response).real)
    # An odd number of taps is symmetric; a zero in front makes their number even.
    reach = _TAPS // 2 - 1
    centre = _GRID // 2
    return np.concatenate([[0.0], taps[centre - reach : centre + reach + 1]])


def _bands(picture: Plane, smooth: Plane) -> Plane:
    """[[means, change down], [change across, change both ways]], laid out as in the program."""
    across_low, across_high = _halves(picture, smooth)
    means, down = (band.T for band in _halves(across_low.T, smooth))
    across, both = (band.T for band in _halves(across_high.T, smooth))
    return np.block([[means, down], [across, both]])


def _halves(picture: Plane, smooth: Plane) -> tuple[Plane, Plane]:
    """Low and high half-band of each row, mirrored at its ends."""
    taps = len(smooth)
    detail = smooth[::-1] * (-1.0) ** np.arange(1, taps + 1)
    padded = np.pad(picture, ((0, 0), (taps - 1, taps - 1)), mode="symmetric")
    return _every_second(padded, smooth[::-1]), _every_second(padded, detail[::-1])


def _every_second(padded: Plane, weights: Plane) -> Plane:
    """Sum of weighted pixels from every second pixel of a row on, the first left out."""
    # Summed pixel by pixel, not by FFT: windows of flat parts must stay exactly equal.
    odd = _summed(padded[:, 1::2], weights[::2])
    even = _summed(padded[:, 2::2], weights[1::2])
    return odd[:, : even.shape[1]] + even


def _summed(rows: Plane, weights: Plane) -> Plane:
    filtered: Plane = cv2.sepFilter2D(
        np.ascontiguousarray(rows), cv2.CV_64F, np.ascontiguousarray(weights), np.ones(1)
    )
    reach = len(weights) // 2
    return filtered[:, reach:-reach]
