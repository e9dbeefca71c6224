"""Spatial frequency of deep features: the focus measure of SESF-Fuse.

The encoder of networks/sesf.py gives 64 features a pixel; their squared first differences, summed
over channels and a window, say how sharp the frame is. Ma et al., 2020, eq. 3 to 5 (RF² + CF²;
the sum over channels is taken before the window's, which is the same and 64 times cheaper).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.filters import box_sum
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.inference import blocks
from hyperfocal.inference.blocks import Blocks, EngineOptions, Shapes
from hyperfocal.inference.engines import Network
from hyperfocal.options import option

_REACH = 4  # px, of four 3×3 convolutions in a row
_CHANNELS = 64
_BLOCKS = Blocks(side=192, border=_REACH)  # larger feature maps fall out of a core's cache
_POOLED_WHOLE = 500_000  # px; gates of larger frames are pooled over windows
_WINDOW = 32  # px, their side
_WINDOWS = 144  # about as many; decisions hardly change with more


@dataclass(frozen=True)
class SesfOptions(EngineOptions):
    """What can be chosen of the focus measure, here and in the method that uses it."""

    attention: Literal["cse", "sse", "scse"] = option(
        "cse", "squeeze-and-excitation of the encoder"
    )
    radius: int = option(5, "window in which gradient energy is summed", unit="px", low=0, high=99)


@dataclass(frozen=True)
class SesfMeasure(SesfOptions):
    """Deep spatial frequency; needs the shipped weights and an inference engine."""

    @property
    def halo(self) -> int:
        return self.radius + 1 + _REACH

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> NDArray[np.float32]:
        """The channel gates of this frame, (1, 64, 1, 1), pooled over it or over windows of it."""
        if self.attention == "sse":
            return np.ones((1, _CHANNELS, 1, 1), np.float32)
        windows, inside = pooled_over(frame)
        arrays = {"windows": windows, "inside": inside}
        shapes = {name: array.shape for name, array in arrays.items()}
        return self._network(".gates", shapes, alone=True)(arrays).copy()

    def __call__(self, tile: Grey, surveyed: NDArray[np.float32] | None = None) -> FocusMap:
        return box_sum(self.gradient_energy(tile, surveyed), self.radius)

    def gradient_energy(self, tile: Grey, gates: NDArray[np.float32] | None = None) -> Grey:
        """(height, width) sum over channels of squared first differences; 0 in row and column 0.

        The published program pads with zeros there, which makes a false gradient.
        """
        if gates is None:
            if self.attention != "sse" and tile.size <= _POOLED_WHOLE and min(tile.shape) > 1:
                return blocks.gradient_of_whole(tile, self._whole)
            gates = self.survey(tile)
        return _BLOCKS.gradient(tile, gates, lambda shapes: self._network("", shapes))

    def _whole(self, shapes: Shapes) -> Network:
        return self._network(".whole", shapes, alone=True)

    def _network(self, part: str, shapes: Shapes, *, alone: bool = False) -> Network:
        name = f"sesf-{self.attention}{part}"
        sorted_shapes = tuple(sorted(shapes.items()))
        return blocks.opened(name, self.engine, self.precision, sorted_shapes, alone=alone)


def pooled_over(frame: Grey) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(K, 1, S, S) pixels over which gates are pooled, and (1, 1, S, S) where they count.

    The frame itself, or if it is large 32 × 32 px windows on a regular grid over it, without their
    outermost pixels, of which the network sees only one side.
    """
    if frame.size <= _POOLED_WHOLE or min(frame.shape) < _WINDOW:
        return frame[None, None], np.ones((1, 1, *frame.shape), np.float32)
    inside = np.zeros((1, 1, _WINDOW, _WINDOW), np.float32)
    inside[:, :, _REACH:-_REACH, _REACH:-_REACH] = 1
    return blocks.spread_windows(frame, side=_WINDOW, count=_WINDOWS), inside
