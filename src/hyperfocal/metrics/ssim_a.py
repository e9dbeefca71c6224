"""Mean structural similarity SSIM_A of the fused picture to its sources.

H. Li, X.-J. Wu: DenseFuse: a fusion approach to infrared and visible images, IEEE Transactions
on Image Processing, 2019. SSIM in 7×7 windows with sample covariances, as scikit-image has it.
Depends on the value range: pictures that stay within -1…1 are taken to span 2, as scikit-image
did when the published tables were made, all others 255.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, checked
from hyperfocal.metrics._similarity import sampled_ssim, stabilizers
from hyperfocal.metrics._windows import box, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 7  # px


def ssim_a(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean of SSIM(i, fused) over windows and sources i; -1…1, higher is better.

    Any number of sources. A mean of sources scores higher than the sharper of them.
    """
    plane, planes = checked(fused, sources, smallest=_SIDE)
    span = 2.0 if max(np.abs(picture).max() for picture in (plane, *planes)) <= 1 else 255.0
    result = windowed(plane, box(_SIDE))
    values = [
        np.mean(sampled_ssim(result, windowed(picture, box(_SIDE)), stabilizers(span)))
        for picture in planes
    ]
    return float(np.mean(values))
