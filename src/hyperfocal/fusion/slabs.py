"""Slabs: overlapping parts of a long stack that are fused on their own, then together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hyperfocal.errors import OptionError
from hyperfocal.options import shown


@dataclass(frozen=True)
class Slab:
    """Frames in a slab, and how many of them it shares with the one before."""

    size: int
    overlap: int

    def cuts(self, count: int) -> list[slice]:
        """The slabs of so many frames, all of one size: the last overlaps by more where it must.

        >>> [(cut.start, cut.stop) for cut in Slab(10, 3).cuts(20)]
        [(0, 10), (7, 17), (10, 20)]
        """
        if count <= self.size:
            return [slice(0, count)]
        starts = range(0, count - self.size, self.size - self.overlap)
        return [slice(start, start + self.size) for start in [*starts, count - self.size]]


def parse_slab(text: str) -> Slab:
    """`10:3`, or `10` where slabs share nothing; raises OptionError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*(?::\s*(\d{1,6})\s*)?", text)
    slab = Slab(int(match[1]), int(match[2] or 0)) if match else Slab(0, 0)
    if slab.size < 2 or slab.overlap >= slab.size:
        raise OptionError(
            f"slab is {shown(text)}; write SIZE:OVERLAP, such as 10:3, with a size of 2 or more "
            "and a smaller overlap"
        )
    return slab
