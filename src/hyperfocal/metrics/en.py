"""Entropy EN of the fused picture: how evenly it uses the grey levels.

Roberts, van Aardt, Ahmed: Assessment of image fusion procedures using entropy, image quality, and
multispectral classification, Journal of Applied Remote Sensing, 2008. Depends on the value range:
grey is rounded to whole levels, so that 0…1 must be brought to 0…255 before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone
from hyperfocal.metrics._histograms import LEVELS, entropy

BEST: float | None = None
HIGHER_IS_BETTER = True


def en(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """Σ p log₂ 1/p over the 256 grey levels; 0…8 bits, higher is better. Sources do not count."""
    plane = alone(fused)
    levels = np.clip(np.floor(plane + 0.5), 0, LEVELS - 1).astype(np.intp)
    return entropy(np.bincount(levels.ravel(), minlength=LEVELS) / plane.size)
