"""Brightness of the frames against the reference: a gain for each channel of each frame.

Means of small cells are compared, because defocus moves light but keeps its sum. Cells near black
or white say nothing, and the median over cells is not moved by what changed place. An offset is
added for frames whose cells show one; see offsets.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.black_level import Cells, line_between
from hyperfocal.alignment.gain_offset import Correction
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.transforms import Matrix

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
    offset: NDArray[np.float64] | None = None  # (channels,), None where the data show none


@dataclass(frozen=True)
class _Pair:
    """Cells of a frame, placed, and of the reference, in one channel."""

    here: Cells
    there: Cells
    squares: tuple[Cells, Cells]  # means of squares of pixels, of both
    is_usable: NDArray[np.bool_]


def compare(previews: Previews, index: int, reference: int, matrix: Matrix) -> Comparison:
    """The gain of a frame that lies by `matrix` (in px of previews) on the reference.

    And its offset, if there is a difference that some channel's cells clearly explain by one.
    """
    pairs = _pairs(previews, index, reference, previews.to_cells(matrix))
    gain, error = np.array([_gain(pair) for pair in pairs]).T
    plain = Comparison(gain, error)
    return _with_offset(plain, pairs) if _is_real(plain) else plain


def _with_offset(plain: Comparison, pairs: list[_Pair]) -> Comparison:
    lines = [line_between(pair.here, pair.there, pair.is_usable) for pair in pairs]
    if not any(line is not None and line.is_clear for line in lines):
        return plain
    gain, offset = plain.gain.copy(), np.zeros_like(plain.gain)
    for channel, line in enumerate(lines):
        # One light falls into all channels, so that those take part which do not show it clearly.
        if line is not None and (line.is_clear or line.is_certain):
            gain[channel], offset[channel] = line.gain, line.offset
    return Comparison(gain, plain.error, offset)


def _pairs(previews: Previews, index: int, reference: int, matrix: Matrix) -> list[_Pair]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pairs = []
    for channel in range(previews.stack.info.channels):
        there, there_squared = (
            np.ascontiguousarray(part[:, :, channel]) for part in previews.levels(reference)
        )
        here, here_squared = (
            cv2.warpPerspective(
                np.ascontiguousarray(part[:, :, channel]),
                matrix,
                there.shape[::-1],
                flags=flags,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=-1e3,
            ).reshape(there.shape)
            for part in previews.levels(index)
        )
        is_usable = here_squared > _DARKEST**2
        for level in (here, there):
            is_usable &= (level > _DARKEST) & (level < _BRIGHTEST)
        pairs.append(_Pair(here, there, (here_squared, there_squared), is_usable))
    return pairs


def _gain(pair: _Pair) -> tuple[float, float]:
    is_usable, (here_squared, there_squared) = pair.is_usable, pair.squares
    if is_usable.sum() < _FEWEST:
        return 1.0, np.inf
    # Blur keeps the mean of light. Samples are light or, mostly, about its square root: of the
    # two, that fits which makes the cells agree better.
    linear = np.log(pair.there[is_usable] / pair.here[is_usable])
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
) -> list[Correction] | None:
    """What to do to each frame (None: not compared, left alone); None where only noise differs.

    `brightest` holds each frame's largest pixels. None may be taken past 1: if one would, all gains
    and offsets of all frames and channels are lowered by one common factor.
    """
    if not any(comparison is not None and _is_real(comparison) for comparison in comparisons):
        return None
    channels = next(len(one.gain) for one in comparisons if one is not None)
    gains = np.array([np.ones(channels) if one is None else one.gain for one in comparisons])
    offsets = np.zeros_like(gains)
    for index, one in enumerate(comparisons):
        if one is not None and one.offset is not None:
            offsets[index] = one.offset
    levels = np.array([brightest.get(index, np.zeros(channels)) for index in range(len(gains))])
    # Float samples may lie above 1 from the start; then that is what must not be passed.
    limit = max(1.0, float(levels.max()))
    factor = max(1.0, float((gains * levels + offsets).max()) / limit)
    gains, offsets = (part.astype(np.float32) for part in (gains / factor, offsets / factor))
    return [Correction(gain, offset) for gain, offset in zip(gains, offsets, strict=True)]


def _is_real(comparison: Comparison) -> bool:
    if comparison.offset is not None:
        return True
    logarithm = np.abs(np.log(comparison.gain))
    is_real = logarithm > np.maximum(_LEAST, _ERRORS * comparison.error)
    return bool((is_real & (logarithm < np.log(_LARGEST))).any())
