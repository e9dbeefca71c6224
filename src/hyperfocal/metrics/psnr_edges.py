"""PSNR near depth edges, where fused pictures have their halos.

The band: two neighbours in a row or a column are a depth edge where their depths differ by more
than 1/20 of the whole range of the depth map (the largest less the smallest); every pixel that is
at most 8 rows and at most 8 columns away from either of the two is in the band. The unit of the
depth map and its direction do not count, nor does the grey convention; colours on 0…255.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import StackError
from hyperfocal.metrics._reference import Values, compared, decibels

BEST: float | None = None  # infinite, which is refused
HIGHER_IS_BETTER = True

_SHARE = 1 / 20  # of the range of depths
_REACH = 8  # px


def psnr_edges(fused: Values, reference: Values, depth: NDArray[Any]) -> float:
    """10 log₁₀(255² / MSE) in dB over the band near edges of `depth`; higher is better.

    `depth` is (height, width). Raises StackError where it has another size or no edge, and where
    the pictures are equal throughout the band.
    """
    pairs = compared(fused, reference)
    if depth.shape != fused.shape[:2]:
        raise StackError(
            f"the depth map has the shape {depth.shape}, the fused picture {fused.shape}; "
            "give the one-channel map of the same view"
        )
    near = band(depth)
    return decibels(np.stack([(result - truth)[near] for result, truth in pairs]))


def band(depth: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the pixels near depth edges are, (height, width); raises StackError for none."""
    plane = np.asarray(depth, np.float64)
    if not np.isfinite(plane).all():
        raise StackError("the depth map holds values that are not finite; replace them")
    step = _SHARE * np.ptp(plane)
    is_edge = np.zeros(plane.shape, bool)
    across, down = np.abs(np.diff(plane, axis=1)) > step, np.abs(np.diff(plane, axis=0)) > step
    for pairs, firsts, seconds in (
        (across, is_edge[:, :-1], is_edge[:, 1:]),
        (down, is_edge[:-1], is_edge[1:]),
    ):
        firsts |= pairs
        seconds |= pairs
    if not is_edge.any():
        raise StackError("the depth map has no depth edge, so that there is no band to look at")
    square = np.ones((2 * _REACH + 1,) * 2, np.uint8)
    near: NDArray[np.bool_] = cv2.dilate(is_edge.astype(np.uint8), square) > 0
    return near
