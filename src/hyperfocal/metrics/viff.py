"""Visual information fidelity for fusion VIFF: how much of what the eye could see is left.

Han, Cai, Cao, Xu: A new image fusion performance metric based on visual information fidelity,
Information Fusion, 2013. Depends strongly on the value range: the noise of the eye is a constant
for 0…255.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._windows import Windowed, covariance, gaussian, mean, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_NOISE = 0.005 * 255**2  # variance of the visual noise
_TINY = 1e-10
_OFFSET = 1e-7  # keeps the quotient of a flat picture defined
_SMALLEST = 41  # px, leaves one window at the coarsest scale
_SIDES = (17, 9, 5, 3)  # px, windows of the four scales, fine to coarse
_SCALE_WEIGHTS = np.array([1, 0, 0.15, 1]) / 2.15


def viff(fused: Grey, sources: Sequence[Grey]) -> float:
    """Weighted mean over four scales of kept over original information; 0 and up, higher is better.

    Information is Σ log₁₀(1 + g² σᵢ² / (σ_v² + σ_n²)) over Σ log₁₀(1 + σᵢ² / σ_n²), where the
    fused picture is modelled as g times source i plus noise of variance σ_v². In each window the
    source with the smallest gain g counts. Above 1 where contrast was raised. Any number of
    sources.
    """
    plane, planes = checked(fused, sources, smallest=_SMALLEST)
    value = 0.0
    for scale, (side, weight) in enumerate(zip(_SIDES, _SCALE_WEIGHTS, strict=True)):
        window = gaussian(side, side / 5)
        if scale:
            plane, *planes = (mean(picture, window)[::2, ::2] for picture in (plane, *planes))
        if weight:
            value += float(weight) * _fidelity(plane, planes, window)
    return value


def _fidelity(fused: Plane, sources: Sequence[Plane], window: Plane) -> float:
    result = windowed(fused, window)
    gain, kept, original = _information(windowed(sources[0], window), result)
    for source in sources[1:]:
        other_gain, other_kept, other_original = _information(windowed(source, window), result)
        is_weaker = gain < other_gain
        gain = np.where(is_weaker, gain, other_gain)
        kept = np.where(is_weaker, kept, other_kept)
        original = np.where(is_weaker, original, other_original)
    return float(np.sum(kept + _OFFSET) / np.sum(original + _OFFSET))


def _information(source: Windowed, fused: Windowed) -> tuple[Plane, Plane, Plane]:
    """Gain of the source in the fused picture, information kept, information there was."""
    together = covariance(source, fused)
    gain = together / (source.variance + _TINY)
    noise = fused.variance - gain * together
    is_explained = (source.variance >= _TINY) & (fused.variance >= _TINY) & (gain >= 0)
    gain = np.where(is_explained, gain, 0)
    noise = np.maximum(np.where(is_explained, noise, fused.variance), _TINY)
    signal = np.where(source.variance < _TINY, 0, source.variance)
    kept = np.log10(1 + gain**2 * signal / (noise + _NOISE))
    return gain, kept, np.log10(1 + signal / _NOISE)
