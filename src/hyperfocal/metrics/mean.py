"""Mean grey of the fused picture: its brightness, to be compared with that of the sources.

A descriptive number without a direction. Proportional to the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperfocal.metrics._grey import Grey, alone

BEST: float | None = None
HIGHER_IS_BETTER = True  # by convention of the tables only


def mean(fused: Grey, sources: Sequence[Grey] = ()) -> float:
    """Σ F / N; within the value range, nearest to the mean of the sources is best."""
    return float(alone(fused).mean())
