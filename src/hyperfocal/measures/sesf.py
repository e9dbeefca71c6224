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

from hyperfocal.consistency import box_sum
from hyperfocal.engines import Network, Precision
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.measures import _tiled
from hyperfocal.measures._tiled import Blocks, Shapes
from hyperfocal.options import option

_REACH = 4  # px, of four 3×3 convolutions in a row
_CHANNELS = 64
_BLOCKS = Blocks(side=192, border=_REACH)  # larger feature maps fall out of a core's cache
_WINDOW = 32  # px, side of the windows over which gates are pooled
_AREA_OF_A_WINDOW = 7500  # px of the frame for which one window stands…
_MOST_WINDOWS = 144  # …up to this many; decisions hardly change with more


@dataclass(frozen=True)
class Sesf:
    """Deep spatial frequency; needs the shipped weights and an inference engine."""

    attention: Literal["cse", "sse", "scse"] = option(
        "cse", "squeeze-and-excitation of the encoder"
    )
    radius: int = option(5, "window in which gradient energy is summed", unit="px", low=0, high=99)
    engine: Literal["auto", "openvino", "onnxruntime", "torch"] = option(
        "auto", "what runs the network; auto takes the fastest that is installed"
    )
    precision: Precision = option("fp32", "arithmetic of the network")

    @property
    def halo(self) -> int:
        return self.radius + 1 + _REACH

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> NDArray[np.float32]:
        """The channel gates of this frame, (1, 64, 1, 1), pooled over windows of it."""
        if self.attention == "sse":
            return np.ones((1, _CHANNELS, 1, 1), np.float32)
        windows = spread_windows(frame)
        return self._network(".gates", {"windows": windows.shape})({"windows": windows})

    def __call__(self, tile: Grey, surveyed: NDArray[np.float32]) -> FocusMap:
        return box_sum(self.gradient_energy(tile, surveyed), self.radius)

    def gradient_energy(self, tile: Grey, gates: NDArray[np.float32]) -> Grey:
        """(height, width) sum over channels of squared first differences; 0 in row and column 0.

        The published program pads with zeros there, which makes a false gradient.
        """
        return _BLOCKS.gradient(tile, gates, lambda shapes: self._network("", shapes))

    def _network(self, part: str, shapes: Shapes) -> Network:
        name = f"sesf-{self.attention}{part}"
        return _tiled.opened(name, self.engine, self.precision, tuple(sorted(shapes.items())))


def spread_windows(frame: Grey) -> NDArray[np.float32]:
    """(K, 1, 32, 32) windows on a regular grid over the frame; the whole of a small frame."""
    height, width = frame.shape
    count = min(_MOST_WINDOWS, height * width // _AREA_OF_A_WINDOW)
    if count < 4 or min(height, width) < _WINDOW:
        return frame[None, None] if min(frame.shape) > 2 * _REACH else _mirrored(frame)
    return _tiled.spread_windows(frame, side=_WINDOW, count=count)


def _mirrored(frame: Grey) -> NDArray[np.float32]:
    # A frame thinner than the network's reach has no pixel whose neighbourhood is whole.
    missing = [max(0, 2 * _REACH + 1 - length) for length in frame.shape]
    return np.pad(frame, [(0, extra) for extra in missing], mode="symmetric")[None, None]
