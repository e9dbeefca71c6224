"""Pearson's correlation of two pictures."""

from __future__ import annotations

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Plane


def correlation(one: Plane, other: Plane) -> float:
    """-1…1; raises StackError where one of the pictures, or differences, is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise StackError(
            "a picture, or its difference to a source, is constant, so that it correlates with "
            "nothing; leave it out"
        )
    left, right = one - one.mean(), other - other.mean()
    return float(np.vdot(left, right) / np.sqrt(np.vdot(left, left) * np.vdot(right, right)))
