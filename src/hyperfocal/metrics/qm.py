"""Multi-scale fusion metric Q_M: Haar details of the sources found again in the fused picture.

P. Wang, B. Liu: A novel image fusion metric based on multi-scale analysis, ICSP, 2008.
Follows the evaluation toolbox behind the published tables (Liu et al., IEEE TPAMI, 2012), which
adds the three orientations where the publication averages them. Depends strongly on the value
range, since e^(-|d|) takes grey levels as they are: good results lie near 2.97 on 0…1 and near
2.5 on 0…255.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 3.0
HIGHER_IS_BETTER = True

_EXPONENTS = (2 / 3, 1 / 3)  # of the fine and of the coarse level


def qm(fused: Grey, sources: Sequence[Grey]) -> float:
    """Q₁^(2/3) · Q₂^(1/3) over two Haar levels; 0…3, higher is better. Any number of sources.

    Q = Σ wᵢ (e^(-|Hᵢ-H|) + e^(-|Vᵢ-V|) + e^(-|Dᵢ-D|)) / Σ wᵢ over the pixels of all sources i,
    with wᵢ = Hᵢ² + Vᵢ² + Dᵢ².
    """
    plane, planes = checked(fused, sources, smallest=4)
    value = 1.0
    for exponent in _EXPONENTS:
        plane, bands = _haar(plane)
        split = [_haar(source) for source in planes]
        value *= _level(bands, [source_bands for _, source_bands in split]) ** exponent
        planes = [smooth for smooth, _ in split]
    return value


def _haar(picture: Plane) -> tuple[Plane, Plane]:
    """Half-size smooth part and the three details; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in picture.shape)
    blocks = picture[:height, :width].reshape(height // 2, 2, width // 2, 2)
    above, below = blocks[:, 0], blocks[:, 1]
    total, change = above + below, above - below
    details = np.stack(
        [change.sum(axis=2), total[..., 0] - total[..., 1], change[..., 0] - change[..., 1]]
    )
    return total.sum(axis=2) / 2, details / 2


def _level(bands: Plane, sources: Sequence[Plane]) -> float:
    weights = [np.sum(source**2, axis=0) for source in sources]
    total = sum(float(weight.sum()) for weight in weights)
    if total == 0:
        raise StackError(
            "Q_M is not defined for sources without any detail; leave flat pictures out"
        )
    kept = sum(
        float(np.sum(weight * np.exp(-np.abs(source - bands)).sum(axis=0)))
        for weight, source in zip(weights, sources, strict=True)
    )
    return kept / total
