"""Standard deviation as the tables of SESF-Fuse print it: not divided by the number of pixels.

B. Ma, Zhu, Yin, Ban, Huang, Mukeshimana: SESF-Fuse, Neural Computing and Applications, 2020.
For comparison with those tables only, since it grows with the picture; `sd` is the usual one.
Proportional to the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True


def sd_sum(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """√(Σ (F - mean)²); 0 and up, higher is better. Sources do not count."""
    plane = alone(fused)
    return float(np.std(plane) * np.sqrt(plane.size))
