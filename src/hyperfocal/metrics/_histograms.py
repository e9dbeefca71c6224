"""Joint histograms of pictures stretched to 256 grey levels, and their entropies in bits."""

from __future__ import annotations

import numpy as np

from hyperfocal.metrics._grey import Plane

LEVELS = 256


def joint(one: Plane, other: Plane) -> Plane:
    """Share of the pixels with level i in one picture (row) and j in the other (column)."""
    pairs = one.astype(np.intp) * LEVELS + other.astype(np.intp)
    counts = np.bincount(pairs.ravel(), minlength=LEVELS * LEVELS)
    return counts.reshape(LEVELS, LEVELS) / one.size


def entropy(shares: Plane) -> float:
    """Σ p log₂ 1/p, empty cells counting nothing."""
    filled = shares[shares > 0]
    return float(np.sum(filled * np.log2(1 / filled)))


def entropies(shares: Plane) -> tuple[float, float, float]:
    """Of the row picture, of the column picture, and of both together."""
    return entropy(shares.sum(axis=1)), entropy(shares.sum(axis=0)), entropy(shares)
