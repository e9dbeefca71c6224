"""Spatial frequency as the tables of SESF-Fuse print it: truncated and not divided by pixels.

B. Ma, Zhu, Yin, Ban, Huang, Mukeshimana: SESF-Fuse, Neural Computing and Applications, 2020.
For comparison with those tables only; `sf` is the usual one. Depends strongly on the value range:
each squared difference loses its fraction, so that on 0…1 only rounding decides what is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True


def sf_sum(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """√(Σ ⌊ΔX²⌋ + Σ ⌊ΔY²⌋); 0 and up, higher is better. Sources do not count.

    ΔX and ΔY are the differences to the pixel before in the row and in the column, black
    beyond the border.
    """
    plane = alone(fused)
    across, down = np.diff(plane, axis=1, prepend=0), np.diff(plane, axis=0, prepend=0)
    return float(np.sqrt(np.sum(np.floor(across**2) + np.floor(down**2))))
