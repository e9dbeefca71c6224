"""A part of a network that runs at inference by itself: as an ONNX file, or by torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import nn


@dataclass(frozen=True)
class Input:
    """An array that a graph takes."""

    shape: tuple[int, ...]  # with which the graph is traced
    free: Mapping[int, str] = field(default_factory=dict)  # axes of any length, with their names

    @classmethod
    def of_size(cls, *shape: int) -> Input:
        """Maps of any height and width."""
        return cls(shape, {2: "height", 3: "width"})


class Graph(nn.Module):
    """Made from a network; the parameters of `forward` are the inputs by name."""

    output: ClassVar[str]  # its name

    @classmethod
    def is_needed(cls, config: Any) -> bool:
        """Whether a network of this configuration has such a part."""
        return True

    def inputs(self) -> dict[str, Input]:
        """What `forward` takes, in its order."""
        raise NotImplementedError
