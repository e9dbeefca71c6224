"""Fusion artefacts N^AB/F: edges of the fused picture that are stronger than in any source.

Petrović, Xydeas: Objective image fusion performance characterisation, ICCV, 2005, in the form of
Shreyamsha Kumar: Multifocus and multispectral image fusion based on pixel significance using
discrete cosine harmonic wavelet transform, Signal, Image and Video Processing, 2013. Depends
strongly on the value range: gradients count by their strength from 2 grey levels up only, and
all alike on 0…1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._gradients import mirrored_edges
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 0.0
HIGHER_IS_BETTER = False

_VISIBLE = 2.0  # grey levels a pixel
_LEAST_WEIGHT = 0.001


def nabf(fused: Grey, sources: Sequence[Grey]) -> float:
    """Σ (1 - Qᵢ) wᵢ over pixels whose edge outdoes all sources, over Σ wᵢ; 0…1, lower is better.

    Qᵢ² = 0.9999 / (1 + e^(-19 (G - ½))) · 0.9995 / (1 + e^(-22 (A - ½))), G and A as in Q_G;
    wᵢ is the edge strength gᵢ of source i to the power 1.5, 0.001 where gᵢ < 2. Any number of
    sources.
    """
    plane, planes = checked(fused, sources)
    strength, angle = mirrored_edges(plane)
    is_stronger = np.ones(plane.shape, np.bool_)
    lost = np.zeros_like(plane)
    total = 0.0
    for source_strength, source_angle in map(mirrored_edges, planes):
        weight = np.where(source_strength >= _VISIBLE, source_strength**1.5, _LEAST_WEIGHT)
        lost += (1 - _preservation(source_strength, strength, source_angle - angle)) * weight
        is_stronger &= strength > source_strength
        total += float(weight.sum())
    return float(lost[is_stronger].sum()) / total


def _preservation(source: Plane, fused: Plane, turn: Plane) -> Plane:
    larger = np.maximum(source, fused)
    relative = np.divide(
        np.minimum(source, fused), larger, out=np.zeros_like(larger), where=larger > 0
    )
    aligned = np.abs(np.abs(turn) * (2 / np.pi) - 1)
    of_strength = 0.9999 / (1 + np.exp(-19 * (relative - 0.5)))
    of_angle = 0.9995 / (1 + np.exp(-22 * (aligned - 0.5)))
    return np.sqrt(of_strength * of_angle)
