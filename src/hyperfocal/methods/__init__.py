"""Fusion methods, one a file: the choices of `--method`.

There are two kinds. A *selecting* method measures every frame, decides which frame each pixel
comes from, and blends the frames with the weights of that decision: two passes over the frames.
A *folding* method takes each frame's coefficients into a running result: one pass.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

from hyperfocal.decision import Decision
from hyperfocal.frame import Pixels
from hyperfocal.measures import Measure


@runtime_checkable
class Selecting(Protocol):
    """Chooses pixels through a decision."""

    @property
    def measure(self) -> str | Measure:
        """The focus measure, by name or as an object."""
        ...

    @property
    def decision(self) -> Decision:
        """What becomes of the arg-max over the frames' focus maps."""
        ...


class Fold(Protocol):
    """The running result of a folding method for one tile."""

    def add(self, pixels: Pixels) -> None:
        """Take in the next frame."""
        ...

    def result(self) -> Pixels:
        """The composite of all frames so far."""
        ...


@runtime_checkable
class Folding(Protocol):
    """Fuses coefficients frame by frame."""

    @property
    def halo(self) -> int:
        """How many pixels around a pixel its result depends on."""
        ...

    @property
    def grid(self) -> int:
        """Tile tops must be multiples of this."""
        ...

    def fold(self, height: int, width: int, channels: int) -> Fold:
        """A new, empty fold for a tile of this shape."""
        ...


Method: TypeAlias = Selecting | Folding
