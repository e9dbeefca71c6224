"""What defines GACN's network; it is written into its weights file, and read from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GacnConfig:
    """Widths, and the numbers of the comparison."""

    growth: int = 16  # channels each block of the encoder adds
    blocks: int = 4
    reduction: int = 8  # of the squeeze in cSE
    decision: tuple[int, ...] = (48, 32, 16, 1)  # channels that the decision path's blocks leave
    gate: int = 7  # px, kernel of its sSE
    radius: int = 5  # px, window in which squared differences are summed
    steepness: float = 1000.0  # of both logistic functions

    def __post_init__(self) -> None:
        object.__setattr__(self, "decision", tuple(self.decision))  # a list in the weights file

    @property
    def channels(self) -> int:
        """Of the features."""
        return self.growth * self.blocks

    @property
    def reach(self) -> int:
        """How many px around a pixel its features depend on, by 3×3 convolutions in a row."""
        return self.blocks

    @property
    def activity_reach(self) -> int:
        """The same for the spatial frequency of the features."""
        return self.reach + 1 + self.radius

    @property
    def decision_reach(self) -> int:
        """How many px of spatial frequency around a pixel its decision depends on."""
        return len(self.decision) * (self.gate // 2 + 1) + self.gate // 2
