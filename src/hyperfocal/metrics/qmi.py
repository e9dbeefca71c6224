"""Normalized mutual information Q_MI: how much the grey levels of the sources tell of the fused.

Hossny, Nahavandi, Creighton: Comments on "Information measure for performance of image fusion",
Electronics Letters, 2008. Each picture is stretched to 256 whole levels first, so that the value
does not depend on the value range. It falls in favour of results that copy source pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperfocal.metrics._grey import Grey, checked
from hyperfocal.metrics._histograms import entropies, joint
from hyperfocal.metrics._stretched import stretched

BEST: float | None = 2.0
HIGHER_IS_BETTER = True


def qmi(fused: Grey, sources: Sequence[Grey]) -> float:
    """2 Σ Iᵢ / (H + Hᵢ) over two sources i; 0…2, higher is better.

    Iᵢ = H + Hᵢ - H_joint is the mutual information of fused picture and source, H their
    entropies. For other numbers of sources the sum is rescaled to the same range.
    """
    plane, planes = stretched(*checked(fused, sources))
    shared = 0.0
    for source in planes:
        of_source, of_fused, of_both = entropies(joint(source, plane))
        shared += (of_source + of_fused - of_both) / (of_source + of_fused)
    return 4 * shared / len(planes)
