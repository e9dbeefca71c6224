"""Fusion methods, one a file: the choices of `--method`.

There are two kinds. A *selecting* method measures every frame, decides which frame each pixel
comes from, and blends the frames with the weights of that decision: two passes over the frames.
A *folding* method takes each frame's coefficients into a running result: one pass, or two where
its fold wants to have seen all frames before it adds the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.decision.verification import Decision
from hyperfocal.frame import Grey, IndexMap, Pixels, Weight
from hyperfocal.inference.networks import NetworkOptions
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
        """The composite of all frames; to be asked for once, when all have been added."""
        ...


@runtime_checkable
class TwoPassFold(Fold, Protocol):
    """A fold that is shown every frame of its tile once before any is added."""

    def observe(self, pixels: Pixels) -> None:
        """Take note of the next frame."""
        ...


@dataclass(frozen=True)
class DepthEstimate:
    """Where the pixels of a tile come from, (height, width) each."""

    index: IndexMap  # the frame that weighs most
    depth: NDArray[np.float32]  # mean position in the stack, in frames
    confidence: Weight  # how little the frames around it share, 0…1


@runtime_checkable
class DepthFold(Fold, Protocol):
    """A fold that knows where in the stack each pixel comes from, and where frames have data.

    It keeps none of the arrays that it is given; the next frame overwrites them. If it is a
    `TwoPassFold` too, `observe` is told as well where the frame has data.
    """

    def add(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        """Take in the next frame, where it has data of its own; None: everywhere."""
        ...

    def depth_estimate(self) -> DepthEstimate:
        """Of all frames; after `result`."""
        ...


@runtime_checkable
class Folding(Protocol):
    """Fuses coefficients frame by frame.

    A method whose folds are `DepthFold` says so by an attribute `has_depth`.

    A method whose folds hold more for each pixel of a tile than a pyramid does says so by an
    attribute `bytes_per_pixel` (of colour), so that tiles get smaller instead of memory larger.
    """

    @property
    def halo(self) -> int | None:
        """How many pixels around a pixel its result depends on; None: on the whole picture."""
        ...

    @property
    def grid(self) -> int:
        """Tile tops must be multiples of this."""
        ...

    def fold(self, height: int, width: int, channels: int) -> Fold:
        """A new, empty fold for a tile of this shape."""
        ...


@runtime_checkable
class Surveying(Folding, Protocol):
    """A folding method that must know something of a whole frame to work on a tile of it.

    Where the picture is cut into tiles, `add` of its folds is given that as `surveyed`; where it is
    not, the tile is the frame.
    """

    def survey(self, frame: Grey) -> Any:
        """What all tiles of this frame share; small, for it is kept for every frame."""
        ...


Method: TypeAlias = Selecting | Folding


def has_depth(method: Method) -> bool:
    """Whether the method tells where in the stack each pixel comes from."""
    return isinstance(method, Selecting) or getattr(method, "has_depth", False)


def files_of(method: Method) -> list[Path]:
    """Files of the user's that the results of a method depend on: weights, with their graphs."""
    parts: list[object] = [method]
    if isinstance(method, Selecting):
        parts.append(registry.make("measures", method.measure))
    own = [part for part in parts if isinstance(part, NetworkOptions) and part.weights is not None]
    return sorted({stamp.path for part in own for stamp in part.used_weights.stamps})
