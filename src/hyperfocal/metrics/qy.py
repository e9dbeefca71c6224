"""Similarity metric Q_Y: like both sources where they agree, like the nearer one where they differ.

C. Yang, J. Zhang, X. Wang, X. Liu: A novel similarity based quality metric for image fusion,
Information Fusion, 2008. Follows the evaluation behind the tables of SESF-Fuse, which adds 1e-10
to each denominator. Where a window is constant, variance and covariance are exactly 0, so that
it counts little; the published programs leave that to rounding. Depends weakly on the value range,
through the 1e-10.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, checked
from hyperfocal.metrics._similarity import ssim
from hyperfocal.metrics._windows import covariance, gaussian, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 7  # px
_CONSTANTS = (2e-16, 2e-16)
_GUARD = 1e-10
_AGREEMENT = 0.75  # SSIM from which the sources count as alike


def qy(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean similarity over windows; -1…1, higher is better. Two sources.

    λ SSIM(A, F) + (1 - λ) SSIM(B, F) with λ = σ_A² / (σ_A² + σ_B²) where SSIM(A, B) ≥ ¾,
    the larger of SSIM(A, F) and SSIM(B, F) elsewhere.
    """
    plane, planes = checked(fused, sources, count=2, smallest=_SIDE)
    window = gaussian(_SIDE, 1.5)
    result, one, other = (windowed(picture, window) for picture in (plane, *planes))
    between, to_one, to_other = (
        ssim(left, right, covariance(left, right), constants=_CONSTANTS, guard=_GUARD)
        for left, right in ((one, other), (one, result), (other, result))
    )
    share = one.variance / (one.variance + other.variance + _GUARD)
    alike = share * to_one + (1 - share) * to_other
    return float(np.mean(np.where(between >= _AGREEMENT, alike, np.maximum(to_one, to_other))))
