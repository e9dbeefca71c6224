"""Fusion quality index Q_S: structural similarity to each source where that source has contrast.

Piella, Heijmans: A new quality metric for image fusion, ICIP, 2003. Follows the evaluation
toolbox behind the published tables (Liu et al., IEEE TPAMI, 2012): SSIM in Gaussian windows, with
the constants for 0…255. Depends strongly on the value range: on 0…1 all values lie next to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, checked
from hyperfocal.metrics._similarity import ssim, stabilizers
from hyperfocal.metrics._windows import covariance, gaussian, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 11  # px


def qs(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows of Σ σᵢ² SSIM(i, fused) / Σ σᵢ²; -1…1, higher is better.

    σᵢ² is the variance of source i; where all sources are flat they count alike. Any number of
    sources.
    """
    plane, planes = checked(fused, sources, smallest=_SIDE)
    window = gaussian(_SIDE, 1.5)
    result = windowed(plane, window)
    weighted = np.zeros_like(result.mean)
    total = np.zeros_like(result.mean)
    plain = np.zeros_like(result.mean)
    for source in (windowed(picture, window) for picture in planes):
        similarity = ssim(result, source, covariance(result, source), constants=stabilizers(255))
        weighted += source.variance * similarity
        total += source.variance
        plain += similarity / len(planes)
    return float(np.mean(np.divide(weighted, total, out=plain, where=total > 0)))
