"""Mean structural similarity SSIM_A of the fused picture to its sources.

H. Li, X.-J. Wu: DenseFuse: a fusion approach to infrared and visible images, IEEE Transactions
on Image Processing, 2019. SSIM in 7×7 windows with sample covariances, as scikit-image has it.
Depends on the value range: pictures that stay within -1…1 are taken to span 2, as scikit-image
did when the published tables were made, all others 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hyperfocal.metrics._grey import Grey, checked
from hyperfocal.metrics._similarity import ssim, stabilizers
from hyperfocal.metrics._windows import Windowed, box, covariance, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 7  # px
_UNBIASED = _SIDE**2 / (_SIDE**2 - 1)


def ssim_a(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean of SSIM(i, fused) over windows and sources i; -1…1, higher is better.

    Any number of sources. A mean of sources scores higher than the sharper of them.
    """
    plane, planes = checked(fused, sources, smallest=_SIDE)
    span = 2.0 if max(np.abs(picture).max() for picture in (plane, *planes)) <= 1 else 255.0
    result = _sampled(windowed(plane, box(_SIDE)))
    values = []
    for picture in planes:
        source = _sampled(windowed(picture, box(_SIDE)))
        together = covariance(result, source) * _UNBIASED
        values.append(np.mean(ssim(result, source, together, constants=stabilizers(span))))
    return float(np.mean(values))


def _sampled(statistics: Windowed) -> Windowed:
    return replace(statistics, variance=statistics.variance * _UNBIASED)
