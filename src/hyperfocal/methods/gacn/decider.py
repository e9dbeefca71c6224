"""GACN's network at work: activities of a tile's frames, and the decision between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel
from hyperfocal.compute.buffers import ThreadBuffers
from hyperfocal.frame import Grey, Weight
from hyperfocal.inference.blocks import Block, Blocks
from hyperfocal.inference.engines import Network, Shapes
from hyperfocal.measures.sesf import POOLED_WHOLE, pooled_over
from hyperfocal.methods.gacn import boundary

if TYPE_CHECKING:
    from hyperfocal.methods.gacn import Gacn

_SIDE = 192  # px of a block that is encoded; larger feature maps fall out of a core's cache
_WIDE_SIDE = 400  # px of a block that is decided on, which sees farther
_DECIDED_WHOLE = 300_000  # px; larger pictures are decided on in blocks, one a core
_differences = ThreadBuffers()
Activity = NDArray[np.float32]  # (C, height, width)


class Decider:
    """The network's graphs, run over blocks."""

    def __init__(self, options: Gacn):
        self._options, self._config = options, options.config

    def gates(self, frame: Grey) -> NDArray[np.float32]:
        """(1, C, 1, 1), pooled over the frame or over windows of it."""
        windows, inside = pooled_over(frame, self._config.reach)
        arrays = {"windows": np.ascontiguousarray(windows), "inside": inside}
        shapes = {name: array.shape for name, array in arrays.items()}
        return self._opened("gates", shapes, alone=True)(arrays).copy()

    def new_activities(self, height: int, width: int) -> Activity:
        """Room for the activities of two frames, one behind the other."""
        return np.empty((2 * self._config.channels, height, width), np.float32)

    def encode(self, tile: Grey, gates: NDArray[np.float32] | None, made: Activity) -> None:
        """Put the activity of a tile into `made`; no gates: the tile is all of its frame."""
        if gates is None and tile.size <= POOLED_WHOLE:
            frame = np.ascontiguousarray(tile[None, None])
            network = self._opened("whole", {"frame": frame.shape}, alone=True)
            made[...] = network({"frame": frame})[0]
            return
        given = self.gates(tile) if gates is None else gates
        over = Blocks(side=_SIDE, border=self._config.activity_reach)
        size = (tile.shape[0], tile.shape[1])
        shapes = {"tile": (1, 1, *over.side_for(size)), "gates": given.shape}
        network = self._opened("activity", shapes)

        def fill(block: Block) -> None:
            block.put(made, network({"tile": block.cut(tile[None]), "gates": given})[0])

        parallel.for_each(fill, over.over(size))

    def decide(self, activities: Activity) -> Weight:
        """The decision map, 1 where the first of the two frames is sharper."""
        size = activities.shape[1], activities.shape[2]
        first, second = np.split(activities, 2)
        decision = np.empty((1, *size), np.float32)
        alone = size[0] * size[1] <= _DECIDED_WHOLE
        over = Blocks(side=max(size) if alone else _WIDE_SIDE, border=self._config.decision_reach)
        shapes = {"ahead": (1, len(first), *over.side_for(size))}
        network = self._options.opened("decision", shapes, alone=alone)

        def fill(block: Block) -> None:
            rows, columns = block.pixels
            ahead = _differences("ahead", *shapes["ahead"])
            np.subtract(first[:, rows, columns], second[:, rows, columns], out=ahead[0])
            block.put(decision, network({"ahead": ahead})[0])

        parallel.for_each(fill, over.over(size))
        return decision[0]

    def weigh(self, activities: Activity, first: Grey, second: Grey) -> tuple[Weight, Weight]:
        """The weight of the first frame, soft at borders, and how sure it is, both 0…1."""
        decision = self.decide(activities)
        guide = second + decision * (first - second)
        return boundary.softened(decision, guide)

    def _opened(self, graph: str, shapes: Shapes, *, alone: bool = False) -> Network:
        """A graph of the encoder, whose activities differ by little and so are always fp32."""
        return self._options.opened(graph, shapes, alone=alone, precision="fp32")
