"""Average gradient AG of the fused picture: how steep it is at a pixel.

Cui, Feng, Xu, Li, Chen: Detail preserved fusion of visible and infrared images using regional
saliency extraction and multi-scale image decomposition, Optics Communications, 2015.
Proportional to the value range. Noise raises it as detail does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True


def ag(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """Mean of √((ΔX² + ΔY²) / 2); 0…the value range, higher is better. Sources do not count.

    ΔX and ΔY are the differences to the next pixel of the row and of the column; the last row
    and column have none and are left out.
    """
    plane = alone(fused)
    across, down = np.diff(plane, axis=1)[:-1], np.diff(plane, axis=0)[:, :-1]
    return float(np.mean(np.sqrt((across**2 + down**2) / 2)))
