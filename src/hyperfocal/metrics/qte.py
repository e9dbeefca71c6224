"""Tsallis-entropy metric Q_TE: generalized mutual information of sources and fused picture.

Nava, Cristóbal, Escalante-Ramírez: Mutual information improves image fusion quality
assessments, SPIE Newsroom, 2007; after Cvejic, Canagarajah, Bull, Electronics Letters, 2006.
Follows the evaluation toolbox behind the published tables (Liu et al., IEEE TPAMI, 2012), which
sets joint cells against the marginals of the swapped pictures. Each picture is stretched to 256
whole levels first, so that the value does not depend on the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._histograms import entropies, joint
from hyperfocal.metrics._stretched import stretched

BEST: float | None = None
HIGHER_IS_BETTER = True

_ORDER = 0.43137  # q, as Nava et al. found it best


def qte(fused: Grey, sources: Sequence[Grey]) -> float:
    """(I_AF + I_BF) / (H_A^q + H_B^q + I_AB); above 0, higher is better. Two sources.

    I = (1 - Σᵢⱼ p(i,j)^q (p(i) p(j))^(1-q)) / (1 - q) with q = 0.43137, H in bits.
    """
    plane, (one, other) = stretched(*checked(fused, sources, count=2))
    between = joint(one, other)
    shared = _information(joint(one, plane)) + _information(joint(other, plane))
    of_one, of_other, _ = entropies(between)
    return float(shared / (of_one**_ORDER + of_other**_ORDER + _information(between)))


def _information(shares: Plane) -> float:
    # The row's cell meets the column's marginal and the other way round, as in the toolbox.
    product = np.outer(shares.sum(axis=0), shares.sum(axis=1))
    alike = float(np.sum(shares**_ORDER * product ** (1 - _ORDER)))
    return (1 - alike) / (1 - _ORDER)
