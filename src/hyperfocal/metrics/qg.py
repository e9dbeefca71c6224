"""Gradient-based fusion performance Q_G, also Q^AB/F: how well edges of the sources survive.

Xydeas, Petrović: Objective image fusion performance measure, Electronics Letters, 2000.
The publication divides two sums over the picture; like the evaluation toolbox behind the
published tables (Liu et al., IEEE TPAMI, 2012) this takes the mean over pixels of the local
quotients, which is about 0.06 lower. In flat areas gradients are exactly 0 here, where the toolbox
leaves rounding errors with a direction: results differ by up to 3e-4. Nearly independent of the
value range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._gradients import edges
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 1 / (1 + math.exp(-5)) ** 2  # 0.9867, both factors at G = A = 1
HIGHER_IS_BETTER = True


def qg(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over pixels of Σ wᵢ Qᵢ / Σ wᵢ, the weight wᵢ being source i's edge strength.

    Qᵢ = 1 / (1 + e^(-10 (G - ½))) · 1 / (1 + e^(-20 (A - ¾))): G is the smaller edge strength
    of source and fused picture over the larger, A falls from 1 to 0 as their orientations part
    by up to 90°. 0…0.9867, higher is better. Any number of sources.
    """
    plane, planes = checked(fused, sources)
    fused_edges = edges(plane)
    weighted = np.zeros_like(plane)
    total = np.zeros_like(plane)
    for source in planes:
        source_edges = edges(source)
        weighted += source_edges[0] * _preservation(source_edges, fused_edges)
        total += source_edges[0]
    return float(np.mean(weighted / total))


def _preservation(source: tuple[Plane, Plane], fused: tuple[Plane, Plane]) -> Plane:
    relative = np.minimum(source[0], fused[0]) / np.maximum(source[0], fused[0])
    aligned = np.abs(np.abs(source[1] - fused[1]) * (2 / np.pi) - 1)
    kept: Plane = 1 / ((1 + np.exp(-10 * (relative - 0.5))) * (1 + np.exp(-20 * (aligned - 0.75))))
    return kept
