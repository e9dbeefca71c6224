"""In which order frames are neighbours: as they were given, unless what is sharp tells another.

Whether the given order is right, maps of detail tell at once. If it is not, frames are matched with
those that the maps call like them, at a size at which that costs little: the more defocus lies
between two frames, the less their placed previews correlate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import motion_estimation
from hyperfocal.alignment.motion_estimation import Pyramid
from hyperfocal.alignment.transforms import IDENTITY
from hyperfocal.frame import Grey
from hyperfocal.stack import ordering
from hyperfocal.stack.ordering import Distances

_CLEARLY = 0.9  # of the length of the given order; 45 stacks in order reach 0.93 and more
_MOST = 2000  # frames; the distances between all of them are held
_LONGEST = 160  # px, at which frames are matched to be ordered
_MATCHED = 10  # most alike frames that a frame is matched with


def order(details: Sequence[NDArray[np.float32]], preview_of: Callable[[int], Grey]) -> list[int]:
    """Places of the frames in an order in which each is like the next.

    The given one where maps of detail know none that is shorter by a tenth: it costs nothing, and
    frames between which focus hardly moved would change places by chance.
    """
    given = list(range(len(details)))
    if not 3 <= len(given) <= _MOST:
        return given
    between = ordering.distances(np.stack(details))
    enough = _CLEARLY * ordering.path_length(between, given)
    # No path is shorter than the tree, which is quickly found.
    if _tree_length(between) >= enough:
        return given
    if ordering.path_length(between, ordering.shortest_path(between)) >= enough:
        return given
    return ordering.shortest_path(_matched(between, preview_of))


def _matched(between: Distances, preview_of: Callable[[int], Grey]) -> Distances:
    """√(1 − correlation) of frames, placed; 1 for those that are not like each other by far."""
    small = [_shrunk(preview_of(place)) for place in range(len(between))]
    found: Distances = np.ones_like(between)
    np.fill_diagonal(found, 0)
    for place, nearest in enumerate(np.argsort(between, axis=1, kind="stable")):
        levels = motion_estimation.pyramid(small[place])
        for other in nearest[: _MATCHED + 1]:
            if found[place, other] == 1:
                other_levels = motion_estimation.pyramid(small[other])
                distance = _unlikeness(levels, other_levels)
                found[place, other] = found[other, place] = distance
    return found


def _unlikeness(first: Pyramid, second: Pyramid) -> float:
    found = motion_estimation.match([first], second, IDENTITY)
    return float(np.sqrt(1 - min(1.0, found.confidence)))


def _shrunk(preview: Grey) -> Grey:
    scale = min(1.0, _LONGEST / max(preview.shape))
    size = [max(1, round(side * scale)) for side in reversed(preview.shape)]
    return cv2.resize(preview, size, interpolation=cv2.INTER_AREA)


def _tree_length(between: Distances) -> float:
    """The length of the shortest tree through all frames (Prim, 1957)."""
    near = between[0].copy()
    near[0] = np.inf
    length = 0.0
    for _ in range(len(between) - 1):
        nearest = int(near.argmin())
        length += float(near[nearest])
        near = np.where(np.isinf(near), near, np.minimum(near, between[nearest]))
        near[nearest] = np.inf
    return length
