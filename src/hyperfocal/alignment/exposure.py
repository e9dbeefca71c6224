"""Brightness of the frames against the reference: a gain for each channel of each frame.

Means of small cells are compared, because defocus moves light but keeps its sum. Cells near black
or white or with clipped pixels say nothing, and the median over cells is not moved by what changed
place. An offset is added for frames whose cells show one; see black_level.py. The reference here is
a frame of usual light, which keeps it, and need not be the one on which frames are placed.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_CLIPPED = (0.005, 0.05, 0.2)  # of a cell's pixels; more only where there are too few other cells
_ENOUGH = 0.02  # of all cells
_USUAL = 0.03  # of the light, within which the frame on which others are placed is taken for usual
_LEAST = 0.02  # registered stacks without flicker are measured up to 0.013 off
_ERRORS = 5  # standard errors that a gain must differ from 1
LARGEST = 8.0  # a gain beyond is no flicker, but another scene or a lamp switched off


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


def usual(previews: Previews, frames: Sequence[int], preferred: int) -> int:
    """The frame of median light, or the preferred one where it has next to the same."""
    light = {index: previews.light(index) for index in frames}
    order = sorted(frames, key=lambda index: light[index])
    middle = order[(len(order) - 1) // 2 : len(order) // 2 + 1]
    if preferred not in light:
        return middle[0]
    near = [abs(light[preferred] - light[index]) <= _USUAL * light[index] for index in middle]
    return preferred if any(near) else middle[0]


def _pairs(previews: Previews, index: int, reference: int, matrix: Matrix) -> list[_Pair]:
    here, there = previews.levels(index), previews.levels(reference)
    clipped = np.maximum(_placed(previews.clipped(index), matrix), previews.clipped(reference))
    pairs = []
    for channel in range(previews.stack.info.channels):
        level, squared = (_placed(part[:, :, channel], matrix) for part in here)
        level_there, squared_there = (np.ascontiguousarray(part[:, :, channel]) for part in there)
        is_usable = squared > _DARKEST**2
        for one in (level, level_there):
            is_usable &= (one > _DARKEST) & (one < _BRIGHTEST)
        is_usable = _without_clipped(is_usable, clipped)
        pairs.append(_Pair(level, level_there, (squared, squared_there), is_usable))
    return pairs


def _placed(cells: Cells, matrix: Matrix) -> Cells:
    """Cells of a frame as the reference would show them, far below 0 where it has none."""
    return cv2.warpPerspective(
        np.ascontiguousarray(cells),
        matrix,
        cells.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-1e3,
    ).reshape(cells.shape)


def _without_clipped(is_usable: NDArray[np.bool_], clipped: Cells) -> NDArray[np.bool_]:
    """The usable cells with hardly a clipped pixel, or with few of them where these are too few."""
    wanted = max(_FEWEST, _ENOUGH * is_usable.size)
    for share in _CLIPPED:
        clean = is_usable & (clipped <= share)
        if clean.sum() >= wanted:
            return clean
    return is_usable


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


def matched(comparisons: Sequence[Comparison | None]) -> list[Correction] | None:
    """What to do to each frame (None: not compared, left alone); None where only noise differs."""
    if not any(comparison is not None and _is_real(comparison) for comparison in comparisons):
        return None
    channels = next(len(one.gain) for one in comparisons if one is not None)
    gains, offsets = np.ones((len(comparisons), channels)), np.zeros((len(comparisons), channels))
    for index, one in enumerate(comparisons):
        if one is not None:
            gains[index] = one.gain
            if one.offset is not None:
                offsets[index] = one.offset
    return [
        Correction(gain.astype(np.float32), offset.astype(np.float32))
        for gain, offset in zip(gains, offsets, strict=True)
    ]


def _is_real(comparison: Comparison) -> bool:
    if comparison.offset is not None:
        return True
    logarithm = np.abs(np.log(comparison.gain))
    is_real = logarithm > np.maximum(_LEAST, _ERRORS * comparison.error)
    return bool((is_real & (logarithm < np.log(LARGEST))).any())
