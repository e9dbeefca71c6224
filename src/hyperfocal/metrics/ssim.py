"""Structural similarity SSIM of the fused picture to a reference.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
similarity, IEEE Transactions on Image Processing, 2004; in 7×7 windows of equal weights with
sample covariances and channels averaged, as scikit-image has it. Colours on 0…255, whatever the
grey convention.
"""

from __future__ import annotations

import numpy as np

from hyperfocal.metrics._reference import Values, compared
from hyperfocal.metrics._similarity import sampled_ssim, stabilizers
from hyperfocal.metrics._windows import box, windowed

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_SIDE = 7  # px


def ssim(fused: Values, reference: Values) -> float:
    """Mean over windows and channels of the structural similarity; -1…1, higher is better."""
    pairs = compared(fused, reference, smallest=_SIDE)
    window, constants = box(_SIDE), stabilizers(255)
    similarities = [
        np.mean(sampled_ssim(windowed(result, window), windowed(truth, window), constants))
        for result, truth in pairs
    ]
    return float(np.mean(similarities))
