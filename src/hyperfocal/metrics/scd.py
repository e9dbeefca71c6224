"""Sum of the correlations of differences SCD: what each source alone has contributed.

Aslantas, Bendes: A new image quality metric for image fusion: the sum of the correlations of
differences, AEÜ International Journal of Electronics and Communications, 2015. Does not depend on
the value range. Made for sources of different kinds: a mean of two photographs scores low.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperfocal.metrics._correlation import correlation
from hyperfocal.metrics._grey import Grey, checked

BEST: float | None = None
HIGHER_IS_BETTER = True


def scd(fused: Grey, sources: Sequence[Grey]) -> float:
    """r(F - B, A) + r(F - A, B), r being Pearson's correlation; -2…2, higher is better.

    Two sources. Not defined where the fused picture equals one of them up to a constant.
    """
    plane, (one, other) = checked(fused, sources, count=2)
    return correlation(plane - other, one) + correlation(plane - one, other)
