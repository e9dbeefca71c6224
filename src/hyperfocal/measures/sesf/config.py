"""What defines SESF-Fuse's network; it is written into its weights files, and read from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Attention = Literal["cse", "sse", "scse"]


@dataclass(frozen=True)
class SesfConfig:
    """Squeeze-and-excitation, widths, and the grey levels that the network was trained on."""

    attention: Attention = "cse"
    growth: int = 16  # channels each block adds
    blocks: int = 4
    reduction: int = 8  # of the squeeze in cSE
    mean: float = 0.4500517361627943  # of the grey levels of MS-COCO, 0…1
    deviation: float = 0.26465333914691797

    @property
    def channels(self) -> int:
        """Of the features."""
        return self.growth * self.blocks

    @property
    def reach(self) -> int:
        """How many px around a pixel its features depend on, by 3×3 convolutions in a row."""
        return self.blocks
