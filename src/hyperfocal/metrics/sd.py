"""Standard deviation SD of the fused picture: its contrast, whatever that shows.

As in Rao: In-fibre Bragg grating sensors, Measurement Science and Technology, 1997, which the
fusion literature cites for it. Proportional to the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True


def sd(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """√(Σ (F - mean)² / N); 0…half the value range, higher is better. Sources do not count.

    The tables of SESF-Fuse print √N times this.
    """
    return float(np.std(alone(fused)))
