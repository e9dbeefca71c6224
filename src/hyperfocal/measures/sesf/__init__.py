"""Spatial frequency of deep features: the focus measure of SESF-Fuse.

The encoder of `network.py` gives 64 features a pixel; their squared first differences, summed
over channels and a window, say how sharp the frame is. Ma et al., 2020, eq. 3 to 5 (RF² + CF²;
the sum over channels is taken before the window's, which is the same and 64 times cheaper).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.filters import box_sum
from hyperfocal.errors import FormatError
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.inference import blocks
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.engines import Network, Shapes
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.measures.sesf.config import Attention, SesfConfig
from hyperfocal.options import option

_SIDE = 192  # px of a block; larger feature maps fall out of a core's cache
POOLED_WHOLE = 500_000  # px; gates of larger frames are pooled over windows
_WINDOW = 32  # px, their side
_WINDOWS = 144  # about as many; decisions hardly change with more


@dataclass(frozen=True)
class SesfOptions(NetworkOptions):
    """What can be chosen of the focus measure, here and in the method that uses it."""

    attention: Attention | None = option(
        None, "squeeze-and-excitation of the encoder; default: cse, or that of your own weights"
    )
    radius: int = option(5, "window in which gradient energy is summed", unit="px", low=0, high=99)

    network: ClassVar[str] = "sesf"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None and self.attention not in (None, self.config.attention):
            raise FormatError(
                f"{self.weights} holds sesf with attention {self.config.attention}, not "
                f"{self.attention}; leave out one of them"
            )

    @property
    def stem(self) -> str:
        return f"sesf-{self.attention or SesfConfig.attention}"

    @property
    def config(self) -> SesfConfig:
        return self.used_weights.config(SesfConfig)


@dataclass(frozen=True)
class SesfMeasure(SesfOptions):
    """Deep spatial frequency; needs weights and an inference engine."""

    @property
    def halo(self) -> int:
        return self.radius + 1 + self.config.reach

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> NDArray[np.float32]:
        """The channel gates of this frame, (1, 64, 1, 1), pooled over it or over windows of it."""
        config = self.config
        if config.attention == "sse":
            return np.ones((1, config.channels, 1, 1), np.float32)
        windows, inside = pooled_over(frame, config.reach)
        arrays = {"windows": windows, "inside": inside}
        shapes = {name: array.shape for name, array in arrays.items()}
        return self.opened("gates", shapes, alone=True)(arrays).copy()

    def __call__(self, tile: Grey, surveyed: NDArray[np.float32] | None = None) -> FocusMap:
        return box_sum(self.gradient_energy(tile, surveyed), self.radius)

    def gradient_energy(self, tile: Grey, gates: NDArray[np.float32] | None = None) -> Grey:
        """(height, width) sum over channels of squared first differences; 0 in row and column 0.

        The published program pads with zeros there, which makes a false gradient.
        """
        config = self.config
        if gates is None:
            if config.attention != "sse" and tile.size <= POOLED_WHOLE and min(tile.shape) > 1:
                return blocks.gradient_of_whole(tile, self._whole)
            gates = self.survey(tile)
        over = Blocks(side=_SIDE, border=config.reach)
        return over.gradient(tile, gates, partial(self.opened, ""))

    def _whole(self, shapes: Shapes) -> Network:
        return self.opened("whole", shapes, alone=True)


def pooled_over(frame: Grey, reach: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(K, 1, S, S) pixels over which gates are pooled, and (1, 1, S, S) where they count.

    The frame itself, or if it is large 32 × 32 px windows on a regular grid over it, without their
    `reach` outermost pixels, around which the network does not see all.
    """
    if frame.size <= POOLED_WHOLE or min(frame.shape) < _WINDOW:
        return frame[None, None], np.ones((1, 1, *frame.shape), np.float32)
    inside = np.zeros((1, 1, _WINDOW, _WINDOW), np.float32)
    inside[:, :, reach:-reach, reach:-reach] = 1
    return blocks.spread_windows(frame, side=_WINDOW, count=_WINDOWS), inside
