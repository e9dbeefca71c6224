"""Structural similarity at five scales, MS-SSIM, of the fused picture to a reference.

Wang, Simoncelli, Bovik: Multi-scale structural similarity for image quality assessment, Asilomar
Conference on Signals, Systems and Computers, 2003, with the windows, weights and 2×2 means of the
authors' program. Colours on 0…255, whatever the grey convention; channels averaged.
"""

from __future__ import annotations

import numpy as np

from hyperfocal.metrics._grey import Plane
from hyperfocal.metrics._reference import Values, compared
from hyperfocal.metrics._similarity import contrast_similarity, ssim, stabilizers
from hyperfocal.metrics._windows import covariance, gaussian, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 11  # px
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # fine to coarse
_SMALLEST = (_SIDE - 1) * 2 ** (len(_WEIGHTS) - 1) + 1  # px: 11 of them at the coarsest scale


def ms_ssim(fused: Values, reference: Values) -> float:
    """Π cₛ^wₛ · l over scales s, the luminance l at the coarsest only; 0…1, higher is better.

    A scale whose mean contrast and structure cₛ is negative counts 0. Mean over channels; the
    shorter side has at least 161 pixels.
    """
    pairs = compared(fused, reference, smallest=_SMALLEST)
    return float(np.mean([_similarity(result, truth) for result, truth in pairs]))


def _similarity(fused: Plane, reference: Plane) -> float:
    window, constants = gaussian(_SIDE, 1.5), stabilizers(255)
    value = 1.0
    for scale, weight in enumerate(_WEIGHTS, start=1):
        one, other = windowed(fused, window), windowed(reference, window)
        together = covariance(one, other)
        if scale < len(_WEIGHTS):
            similarity = contrast_similarity(one, other, together, constants[1])
        else:
            similarity = ssim(one, other, together, constants=constants)
        # A negative mean has no real power.
        value *= max(float(np.mean(similarity)), 0.0) ** weight
        fused, reference = _halved(fused), _halved(reference)
    return value


def _halved(picture: Plane) -> Plane:
    """Means of 2×2 pixels; an odd side is mirrored at its end."""
    height, width = picture.shape
    even = np.pad(picture, ((0, height % 2), (0, width % 2)), mode="symmetric")
    quarters = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    means: Plane = quarters.mean(axis=(1, 3))
    return means
