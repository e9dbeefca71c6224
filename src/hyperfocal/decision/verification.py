"""What becomes of the arg-max over frames: nothing, or consistency verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import filters
from hyperfocal.decision import consistency
from hyperfocal.frame import Grey, IndexMap, Weight
from hyperfocal.options import option, taken


class Decision(Protocol):
    """What a selecting method does with the arg-max over frames."""

    @property
    def halo(self) -> int:
        """How many pixels around a pixel `weigh` looks at."""
        ...

    @property
    def needs_guide(self) -> bool:
        """Whether `weigh` looks at the picture; if not, the guide is not made."""
        ...

    def verify(self, index: IndexMap, *, frame_count: int) -> IndexMap:
        """The index map of the whole picture, made consistent."""
        ...

    def weigh(self, mask: NDArray[np.bool_], guide: Grey | None) -> Weight:
        """The weight of the frame that was chosen in `mask`; `guide` is on 0…255 where needed."""
        ...


@dataclass(frozen=True)
class NoVerification:
    """Each pixel from the frame with the largest focus measure, and nothing else."""

    @property
    def halo(self) -> int:
        return 0

    @property
    def needs_guide(self) -> bool:
        return False

    def verify(self, index: IndexMap, *, frame_count: int) -> IndexMap:
        return index

    def weigh(self, mask: NDArray[np.bool_], guide: Grey | None) -> Weight:
        return mask.astype(np.float32)


@dataclass(frozen=True)
class ConsistencyVerification:
    """Consistency verification and guided filter of SESF-Fuse; see consistency.py."""

    opening_radius: int = option(
        5, "disk that must fit into a region for it to be kept", unit="px", low=0, high=99
    )
    smallest_share: float = option(
        0.01,
        "regions below this share of the picture are given up; with N frames, below 2/N of it",
        low=0,
        high=1,
    )
    guide_radius: int = option(4, "window of the guided filter", unit="px", low=1, high=99)
    epsilon: float = option(
        0.1, "variance below which the guided filter smooths", unit="levels² of 255", low=1e-9
    )

    @property
    def needs_guide(self) -> bool:
        return True

    @property
    def halo(self) -> int:
        return 2 * self.guide_radius

    def verify(self, index: IndexMap, *, frame_count: int) -> IndexMap:
        smallest = self.smallest_share * index.size * 2 / frame_count
        if frame_count == 2:
            first = consistency.verified_pair(
                index == 0, radius=self.opening_radius, smallest=smallest
            )
            return (~first).astype(np.uint16)
        return consistency.verified_stack(
            index, frame_count=frame_count, radius=self.opening_radius, smallest=smallest
        )

    def weigh(self, mask: NDArray[np.bool_], guide: Grey | None) -> Weight:
        assert guide is not None
        weight = np.zeros(mask.shape, np.float32)
        # The filtered mask is exactly 0 further away than the filter looks.
        window = consistency.support(mask, margin=2 * self.halo)
        if window is not None:
            weight[window] = filters.guided_filter(
                guide[window], mask[window], radius=self.guide_radius, epsilon=self.epsilon
            )
        return weight


@dataclass(frozen=True)
class VerificationOptions(ConsistencyVerification):
    """The published values of SESF-Fuse as defaults."""

    @property
    def decision(self) -> Decision:
        return taken(ConsistencyVerification, self)
