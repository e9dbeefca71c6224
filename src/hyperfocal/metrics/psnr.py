"""Peak signal-to-noise ratio PSNR of the fused picture to a reference.

The mean squared error as a level below the peak, over all pixels and colour values on 0…255
alike, as scikit-image has it. Colour counts; the grey convention does not.
"""

from __future__ import annotations

import numpy as np

from hyperfocal.metrics._reference import Values, compared, decibels

BEST: float | None = None  # infinite, which is refused
HIGHER_IS_BETTER = True


def psnr(fused: Values, reference: Values) -> float:
    """10 log₁₀(255² / MSE) in dB; higher is better, 48.1 is an error of one grey level.

    Raises StackError where the pictures are equal, since no finite value stands for that.
    """
    pairs = compared(fused, reference)
    return decibels(np.stack([result - truth for result, truth in pairs]))
