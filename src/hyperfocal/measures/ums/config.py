"""What defines UMS-Fusion's network; it is written into its weights file, and read from there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class UmsConfig:
    """Widths, and the grey levels that the network was trained on."""

    channels: tuple[int, ...] = (16, 16, 32, 32, 64)  # of the levels, finest first
    kernel: int = 7  # px
    reduction: int = 2  # of the squeeze in cSE
    mean: float = 0.5  # of the grey levels, 0…1
    deviation: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # a list in the weights file

    @property
    def places(self) -> Iterator[tuple[int, int]]:
        """(level, column) of all nodes, in the order in which they are computed."""
        levels = len(self.channels)
        return ((level, column) for column in range(levels) for level in range(levels - column))

    @property
    def gate_count(self) -> int:
        return sum(self.channels[level] for level, _ in self.places)

    @property
    def grid(self) -> int:
        """Px, of which the lowest level sees one."""
        return int(2 ** (len(self.channels) - 1))

    @property
    def reach(self) -> int:
        """Px beyond which a pixel hardly matters: 47 for the published network, as measured."""
        return math.ceil(47 * (self.kernel - 1) / 6 * self.grid / 16)
