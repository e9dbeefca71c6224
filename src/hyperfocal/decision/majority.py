"""The optimisation of UMS-Fusion's decision matrix: each entry asks the window around it.

The most frequent index, or the median one (the paper's "fuzzy optimisation"). Xie et al.,
UMS-Fusion; the window size is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperfocal.compute.mode_filter import majority, median_index
from hyperfocal.decision.verification import NoVerification
from hyperfocal.frame import IndexMap
from hyperfocal.options import option


@dataclass(frozen=True)
class Majority(NoVerification):
    """Each pixel from the frame that its neighbourhood chose, and nothing else."""

    window: int | None = option(
        None,
        "side of the square that votes, made odd by adding 1; none = 1/20 of the shorter side",
        unit="px",
        low=1,
    )
    fuzzy: bool = option(False, "take the median index of the square, not the most frequent one")

    def verify(self, index: IndexMap, *, frame_count: int) -> IndexMap:
        window = published_window(*index.shape) if self.window is None else self.window | 1
        optimise = median_index if self.fuzzy else majority
        return optimise(index, window=window, frame_count=frame_count)


def published_window(height: int, width: int) -> int:
    """1/20 of the shorter side, rounded down, and 1 more where that is even; at least 1.

    published_window(4000, 6000) -> 201
    """
    return (min(height, width) // 20) | 1
