"""Pictures stretched to whole grey levels 0…255, as the entropy and vision metrics take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Plane


def stretched(fused: Plane, sources: Sequence[Plane]) -> tuple[Plane, list[Plane]]:
    """Each picture from its minimum to its maximum on 0…255, rounded, halves up."""
    return _stretched(fused, "the fused picture"), [
        _stretched(source, f"source {number} of {len(sources)}")
        for number, source in enumerate(sources, start=1)
    ]


def _stretched(picture: Plane, name: str) -> Plane:
    low, high = float(picture.min()), float(picture.max())
    if low == high:
        raise StackError(
            f"{name} is {low:g} everywhere, so that its contrast cannot be stretched; leave it out"
        )
    return np.floor((picture - low) / (high - low) * 255 + 0.5)
