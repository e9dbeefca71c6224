"""Feature mutual information FMI of edge maps.

Haghighat, Razian: Fast-FMI: non-reference image fusion metric, AICT, 2014. The published program
calls the edge detector of its environment: this is that of GNU Octave, which keeps a little more
than MATLAB's, where edges are thinned along the steeper direction only. Does not depend on the
value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hyperfocal.metrics._feature_information import PLACES, shared
from hyperfocal.metrics._gradients import clamped_strength
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_CUTOFF = 4  # times the mean squared gradient


def fmi_edge(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows and sources of 2 I / (H + Hᵢ); 0…1, higher is better.

    Any number of sources.
    """
    plane, planes = checked(fused, sources, smallest=3)
    codes = _codes(_edges(plane))
    return float(np.mean([_information(_codes(_edges(source)), codes) for source in planes]))


def _edges(picture: Plane) -> NDArray[np.bool_]:
    """Pixels of strong gradient that outdo both neighbours in the row or in the column."""
    strength = clamped_strength(picture)
    ringed = np.pad(strength, 1)
    inner_rows, inner_columns = ringed[1:-1], ringed[:, 1:-1]
    in_row = (strength > inner_rows[:, :-2]) & (strength > inner_rows[:, 2:])
    in_column = (strength > inner_columns[:-2]) & (strength > inner_columns[2:])
    is_edge: NDArray[np.bool_] = (in_row | in_column) & (strength > _CUTOFF * strength.mean())
    return is_edge


def _codes(is_edge: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Each 3×3 window as nine bits, column after column."""
    height, width = (side - 2 for side in is_edge.shape)
    code = np.zeros((height, width), np.intp)
    for place in range(PLACES):
        column, row = divmod(place, 3)
        code |= is_edge[row : row + height, column : column + width].astype(np.intp) << place
    return code


def _information(source: NDArray[np.intp], fused: NDArray[np.intp]) -> float:
    # Few of the 2¹⁸ pairs of windows occur, each in many places.
    counts = np.bincount((source << PLACES | fused).ravel())
    pairs = np.flatnonzero(counts)
    place = np.arange(PLACES)[:, None]
    left, right = (pairs >> PLACES + place) & 1, (pairs >> place) & 1
    found = shared(left.astype(np.float64), right.astype(np.float64))
    return float(np.average(found, weights=counts[pairs]))
