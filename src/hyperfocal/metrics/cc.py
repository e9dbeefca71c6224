"""Correlation coefficient CC of the fused picture with its sources.

As in J. Ma, Yu, Liang, C. Li, Jiang: FusionGAN, Information Fusion, 2019. Does not depend on the
value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._correlation import correlation
from hyperfocal.metrics._grey import Grey, checked

BEST: float | None = 1.0
HIGHER_IS_BETTER = True


def cc(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over sources of Pearson's correlation; -1…1, higher is better.

    Any number of sources. A mean of sources scores higher than the sharper of them.
    """
    plane, planes = checked(fused, sources)
    return float(np.mean([correlation(source, plane) for source in planes]))
