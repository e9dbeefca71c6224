"""Spatial frequency SF of the fused picture: how much neighbouring pixels differ.

Eskicioglu, Fisher: Image quality measures and their performance, IEEE Transactions on
Communications, 1995. Proportional to the value range. Noise raises it as detail does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True


def sf(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """√(Σ ΔX² / N + Σ ΔY² / N); 0…√2 times the value range, higher is better.

    ΔX and ΔY are the differences to the next pixel of the row and of the column, N counts all
    pixels. Sources do not count.
    """
    plane = alone(fused)
    across, down = np.diff(plane, axis=1), np.diff(plane, axis=0)
    return float(np.sqrt((np.sum(across**2) + np.sum(down**2)) / plane.size))
