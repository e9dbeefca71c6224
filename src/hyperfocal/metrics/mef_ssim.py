"""Structural similarity MEF-SSIM to the patch one would wish for: the strongest common structure.

K. Ma, K. Zeng, Z. Wang: Perceptual quality assessment for multi-exposure image fusion, IEEE
Transactions on Image Processing, 2015; at one scale, as the authors' program has it. Depends
strongly on the value range: its constant is for 0…255, so that on 0…1 all values lie next to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._windows import Windowed, box, covariance, gaussian, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 11  # px
_STABILIZER = (0.03 * 255) ** 2
_EPSILON = float(np.finfo(np.float64).eps)
_CONTRAST_OFFSET = 0.001  # grey levels, keeps flat windows defined
_STEEPEST = 10  # an exponent from which weighting amounts to taking the maximum


def mef_ssim(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows of (2σ_RF + C) / (σ_R² + σ_F² + C); -1…1, higher is better.

    The wished-for patch R = Σ cᵢ xᵢ has the largest contrast of the source patches xᵢ and their
    mean structure, weighted by contrast to the power of tan(π/2 · consistency). Brightness does
    not count. Any number of sources.
    """
    plane, planes = checked(fused, sources, smallest=_SIDE)
    parts = _wished([windowed(picture, box(_SIDE)) for picture in planes])
    window = gaussian(_SIDE, 1.5)
    result = windowed(plane, window)
    stacked = [windowed(picture, window) for picture in planes]
    together = np.zeros_like(result.mean)
    for part, source in zip(parts, stacked, strict=True):
        together += part * covariance(source, result)
    contrasts = _variance(parts, stacked) + result.variance
    return float(np.mean((2 * together + _STABILIZER) / (contrasts + _STABILIZER)))


def _wished(sources: Sequence[Windowed]) -> list[Plane]:
    """The factor cᵢ of each source patch in the wished-for patch, its mean aside."""
    lengths = np.stack([_SIDE * np.sqrt(source.variance) for source in sources])
    plain = [np.ones_like(source.mean) for source in sources]
    length_of_sum = _SIDE * np.sqrt(_variance(plain, sources))
    consistency = (length_of_sum + _EPSILON) / (lengths.sum(axis=0) + _EPSILON)
    # Sources that agree wholly have the consistency 1, where the tangent has no value.
    steepness = np.minimum(np.tan(np.pi / 2 * np.minimum(consistency, 1 - _EPSILON)), _STEEPEST)
    contrasts = lengths + _CONTRAST_OFFSET
    weights = (contrasts / _SIDE) ** steepness + _EPSILON
    weights /= weights.sum(axis=0)
    directions = list(weights / contrasts)
    length = _SIDE * np.sqrt(_variance(directions, sources))
    scale = np.divide(contrasts.max(axis=0), length, out=np.zeros_like(length), where=length > 0)
    return [direction * scale for direction in directions]


def _variance(factors: Sequence[Plane], sources: Sequence[Windowed]) -> Plane:
    """Variance of Σ cᵢ xᵢ in each window, never below 0."""
    total = np.zeros_like(sources[0].mean)
    for index, (factor, source) in enumerate(zip(factors, sources, strict=True)):
        total += factor**2 * source.variance
        for other_factor, other in zip(factors[:index], sources[:index], strict=True):
            total += 2 * factor * other_factor * covariance(source, other)
    return np.maximum(total, 0)
