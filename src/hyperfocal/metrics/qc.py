"""Similarity metric Q_C: structural similarity to the source that a window goes along with.

Cvejic, Łoza, Bull, Canagarajah: A similarity metric for assessment of image fusion algorithms,
International Journal of Signal Processing, 2005. Follows the evaluation behind the tables of
SESF-Fuse, which adds 1e-10 to each denominator. Where a window is constant, variance and
covariance are exactly 0, so that it counts little; the published programs leave that to rounding.
Depends weakly on the value range, through the 1e-10.
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


def qc(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows of s SSIM(A, F) + (1 - s) SSIM(B, F); -1…1, higher is better. Two sources.

    s = σ_AF / (σ_AF + σ_BF). Where s is below 0 the window counts 0, where it is above 1 it
    counts 1, as in the toolbox, so that the order of the sources matters a little; the
    publication clips s instead.
    """
    plane, planes = checked(fused, sources, count=2, smallest=_SIDE)
    window = gaussian(_SIDE, 1.5)
    result = windowed(plane, window)
    one, other = (windowed(picture, window) for picture in planes)
    to_one, to_other = covariance(one, result), covariance(other, result)
    share = to_one / (to_one + to_other + _GUARD)
    similarity = share * ssim(one, result, to_one, constants=_CONSTANTS, guard=_GUARD)
    similarity += (1 - share) * ssim(other, result, to_other, constants=_CONSTANTS, guard=_GUARD)
    similarity[share < 0] = 0
    similarity[share > 1] = 1
    return float(np.mean(similarity))
