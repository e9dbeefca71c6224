"""Brightness of the frames against the reference: one gain for each channel of each frame.

Means of small cells are compared, because defocus moves light but keeps its sum. Cells near black
or white say nothing, and the median over cells is not moved by what changed place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.transforms import Matrix

Gains = NDArray[np.float32]  # (frames, channels)

_DARKEST, _BRIGHTEST = 0.03, 0.9  # cells outside say nothing: black level, clipped highlights
_FEWEST = 12  # cells
_LEAST = 0.02  # registered stacks without flicker are measured up to 0.013 off
_ERRORS = 5  # standard errors that a gain must differ from 1
_LARGEST = 8.0  # a gain beyond is no flicker, but another scene or a lamp switched off


@dataclass(frozen=True)
class Comparison:
    """How a frame's brightness compares with the reference's."""

    gain: NDArray[np.float64]  # (channels,), what brings the frame to the reference
    error: NDArray[np.float64]  # (channels,), standard error


def compare(previews: Previews, index: int, reference: int, matrix: Matrix) -> Comparison:
    """The gain of a frame that lies by `matrix` (in px of previews) on the reference."""
    channels = previews.stack.info.channels
    measured = [
        _channel(previews, index, reference, previews.to_cells(matrix), channel)
        for channel in range(channels)
    ]
    gain, error = np.array(measured).T
    return Comparison(gain, error)


def _channel(
    previews: Previews, index: int, reference: int, matrix: Matrix, channel: int
) -> tuple[float, float]:
    pair = [[part[:, :, channel] for part in previews.levels(one)] for one in (index, reference)]
    (here, here_squared), (there, there_squared) = pair
    shape = there.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    here, here_squared = (
        cv2.warpPerspective(
            part, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=-1e3
        )
        for part in (np.ascontiguousarray(here), np.ascontiguousarray(here_squared))
    )
    is_usable = np.ones(shape, bool)
    for level in (here, there):
        is_usable &= (level > _DARKEST) & (level < _BRIGHTEST)
    is_usable &= here_squared > _DARKEST**2
    if is_usable.sum() < _FEWEST:
        return 1.0, np.inf
    # Blur keeps the mean of light. Samples are light or, mostly, about its square root: of the
    # two, that fits which makes the cells agree better.
    linear = np.log(there[is_usable] / here[is_usable])
    rooted = np.log(there_squared[is_usable] / here_squared[is_usable]) / 2
    return min((_typical(linear), _typical(rooted)), key=lambda one: one[1])


def _typical(logarithms: NDArray[np.float32]) -> tuple[float, float]:
    """Gain and its standard error, from logarithms of ratios."""
    middle = float(np.median(logarithms))
    spread = 1.48 * float(np.median(np.abs(logarithms - middle))) + 1e-5
    # The median of n values errs by 1.25 σ/√n; neighbouring cells err alike, hence the 4.
    error = 1.25 * spread / np.sqrt(max(1, len(logarithms) / 4))
    return float(np.exp(middle)), error


def matched(
    comparisons: Sequence[Comparison | None], brightest: Mapping[int, NDArray[np.float32]]
) -> Gains | None:
    """Gains for all frames (None: not compared, left alone); None where they differ by noise only.

    `brightest` holds each frame's largest pixels. No gain may take one past 1: if one would, all
    gains of all frames and channels are lowered by one common factor.
    """
    if not any(comparison is not None and _is_real(comparison) for comparison in comparisons):
        return None
    channels = next(len(one.gain) for one in comparisons if one is not None)
    gains = np.array([np.ones(channels) if one is None else one.gain for one in comparisons])
    levels = np.array([brightest.get(index, np.zeros(channels)) for index in range(len(gains))])
    # Float samples may lie above 1 from the start; then that is what must not be passed.
    limit = max(1.0, float(levels.max()))
    highest = float((gains * levels).max())
    return (gains / max(1.0, highest / limit)).astype(np.float32)


def _is_real(comparison: Comparison) -> bool:
    logarithm = np.abs(np.log(comparison.gain))
    is_real = logarithm > np.maximum(_LEAST, _ERRORS * comparison.error)
    return bool((is_real & (logarithm < np.log(_LARGEST))).any())
