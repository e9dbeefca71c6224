"""Which end of a stack is near, where the camera wrote how far away it focused.

Only EXIF's SubjectDistance is asked. The growth of the picture through the stack does not tell: a
lens that moves out to focus near enlarges near frames, one that focuses inside may shrink them, and
a camera on a rail enlarges far ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from hyperfocal.frame import Source
from hyperfocal.io import formats

End: TypeAlias = Literal["first", "last"]

_AGREED = 0.8  # of all pairs of frames that differ; cameras round distances and hunt a little
_MOST = 2000  # frames; all are compared with all


def near_end(sources: Sequence[Source]) -> End | None:
    """The end of frames in their order that was focused nearest; None where EXIF does not tell."""
    found = [formats.capture_info(source.info.exif).distance_m for source in sources[:_MOST]]
    distances = [distance for distance in found if distance is not None]
    if len(distances) < 2:
        return None
    pairs = itertools.combinations(distances, 2)
    signs = np.array([np.sign(after - before) if after != before else 0 for before, after in pairs])
    count = int(np.count_nonzero(signs))
    if not count or abs(signs.sum()) < _AGREED * count:
        return None
    return "first" if signs.sum() > 0 else "last"
