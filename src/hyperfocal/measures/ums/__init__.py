"""Spatial frequency of deep features over five levels: the focus measure of UMS-Fusion.

The network of `network.py` gives 16 features a pixel; √(RF² + CF²) of each, summed over
channels and a window, says how sharp the frame is (the sum over channels is taken before the
window's, which is the same). Xie et al.

A feature depends on pixels up to 306 away, but hardly on those beyond 47: cutting blocks there
changes 1 decision in 30,000 (docs/algorithms/ums.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.filters import box_sum
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.inference import blocks
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.engines import Network, Shapes
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.measures.ums.config import UmsConfig
from hyperfocal.options import option

_SIDE = 512  # px of a block; 160 MiB of feature maps each
# Windows over which gates are pooled; their sides in px of the network's lowest level, which sees
# one where the picture has `grid`, and does not pool the outermost.
_WINDOW, _SMALLEST = 8, 4
_AREA_OF_A_WINDOW = 30_000  # px of the frame for which one window stands…
_FEWEST_WINDOWS, _MOST_WINDOWS = 9, 36  # …within these
_HELD_WHOLE = 1_200_000  # px, in 0.9 GB; larger frames go through the network in blocks


@dataclass(frozen=True)
class UmsOptions(NetworkOptions):
    """What can be chosen of the focus measure, here and in the method that uses it."""

    radius: int = option(15, "window in which the gradient is summed", unit="px", low=0, high=99)
    median: bool = option(False, "remove noise by a 5×5 median before measuring")

    network: ClassVar[str] = "ums"

    @property
    def config(self) -> UmsConfig:
        return self.used_weights.config(UmsConfig)


@dataclass(frozen=True)
class UmsMeasure(UmsOptions):
    """Deep spatial frequency; needs weights and an inference engine."""

    @property
    def grid(self) -> int:
        """Tiles must begin on multiples of this, or the network's levels fall elsewhere."""
        return self.config.grid

    @property
    def halo(self) -> int:
        config = self.config
        return rounded_up(self.radius + 1 + config.reach + 2 * self.median, config.grid)

    def survey(self, frame: Grey) -> NDArray[np.float32]:
        """The channel gates of this frame, (1, 368, 1, 1), pooled over windows of it."""
        windows = windows_of(self._quiet(frame), self.config.grid)
        network = self.opened("gates", {"windows": windows.shape}, alone=True)
        return network({"windows": windows}).copy()

    def __call__(self, tile: Grey, surveyed: NDArray[np.float32] | None = None) -> FocusMap:
        quiet = self._quiet(tile)
        if surveyed is None and tile.size <= _HELD_WHOLE and min(tile.shape) >= self.config.grid:
            return box_sum(blocks.gradient_of_whole(quiet, self._whole), self.radius)
        gates = self.survey(tile) if surveyed is None else surveyed
        return box_sum(self.gradient(quiet, gates), self.radius)

    def gradient(self, tile: Grey, gates: NDArray[np.float32]) -> Grey:
        """(height, width) sum over channels of √(RF² + CF²); 0 in row and column 0."""
        config, (height, width) = self.config, tile.shape
        on_grid = _mirrored(tile, rounded_up(height, config.grid), rounded_up(width, config.grid))
        over = Blocks(side=_SIDE, border=config.reach, grid=config.grid)
        found = over.gradient(on_grid, gates, partial(self.opened, ""))
        return np.ascontiguousarray(found[:height, :width])

    def _quiet(self, grey: Grey) -> Grey:
        return cv2.medianBlur(grey, 5) if self.median else grey

    def _whole(self, shapes: Shapes) -> Network:
        return self.opened("whole", shapes, alone=True)


def windows_of(frame: Grey, grid: int = UmsConfig().grid) -> NDArray[np.float32]:
    """(K, 1, S, S) windows spread over the frame, S = 8 · grid; the whole of a small frame."""
    window = _WINDOW * grid
    height, width = (max(_SMALLEST * grid, rounded_up(length, grid)) for length in frame.shape)
    if min(frame.shape) < window or height * width <= _FEWEST_WINDOWS * window**2:
        return _mirrored(frame, height, width)[None, None]
    count = max(_FEWEST_WINDOWS, min(_MOST_WINDOWS, frame.size // _AREA_OF_A_WINDOW))
    return blocks.spread_windows(frame, side=window, count=count)


def _mirrored(grey: Grey, height: int, width: int) -> Grey:
    """Enlarged to this size, by reflection below and on the right."""
    missing = (height - grey.shape[0], width - grey.shape[1])
    return np.pad(grey, [(0, extra) for extra in missing], mode="reflect")
