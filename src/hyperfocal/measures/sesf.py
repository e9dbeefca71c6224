"""Spatial frequency of deep features: the focus measure of SESF-Fuse.

The encoder of networks/sesf.py gives 64 features a pixel; their squared first differences, summed
over channels and a window, say how sharp the frame is. Ma et al., 2020, eq. 3 to 5 (RF² + CF²;
the sum over channels is taken before the window's, which is the same and 64 times cheaper).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hyperfocal import engines
from hyperfocal.consistency import box_sum
from hyperfocal.engines import Network, Precision
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.options import option

_BLOCKS = 4  # 3×3 convolutions in a row, hence pixels the network looks far
_CHANNELS = 64
_TILE = 192  # px; larger feature maps fall out of a core's cache
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
        return self.radius + 1 + _BLOCKS

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
        energy = np.zeros(tile.shape, np.float32)
        side = tuple(min(_TILE, length) for length in tile.shape)
        if min(side) < 2:
            return energy
        shapes = {"tile": (1, 1, *side), "gates": gates.shape}
        network = self._network("", shapes)

        def fill(top: int, left: int) -> None:
            block = tile[None, None, top : top + side[0], left : left + side[1]]
            made = network({"tile": np.ascontiguousarray(block), "gates": gates})[0, 0]
            # Blocks overlap; each writes what it knows exactly. Borders of the picture are
            # exact, because there the network pads as it would for the whole.
            cut_top, cut_left = _BLOCKS * (top > 0), _BLOCKS * (left > 0)
            cut_bottom = side[0] - _BLOCKS * (top + side[0] < tile.shape[0])
            cut_right = side[1] - _BLOCKS * (left + side[1] < tile.shape[1])
            energy[top + cut_top + 1 : top + cut_bottom, left + cut_left + 1 : left + cut_right] = (
                made[cut_top : cut_bottom - 1, cut_left : cut_right - 1]
            )

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(lambda corner: fill(*corner), _corners(tile.shape, side)))
        return energy

    def _network(self, part: str, shapes: dict[str, tuple[int, ...]]) -> Network:
        name = f"sesf-{self.attention}{part}"
        return _opened(name, self.engine, self.precision, tuple(sorted(shapes.items())))


@functools.lru_cache(maxsize=8)
def _opened(
    name: str, engine: str, precision: Precision, shapes: tuple[tuple[str, tuple[int, ...]], ...]
) -> Network:
    return engines.open_network(name, engine=engine, precision=precision, shapes=dict(shapes))


def _corners(shape: tuple[int, ...], side: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    overlap = 2 * _BLOCKS + 1
    tops, lefts = (starts(length, part, overlap) for length, part in zip(shape, side, strict=True))
    return ((top, left) for top in tops for left in lefts)


def starts(length: int, part: int, overlap: int) -> list[int]:
    """Where parts of this size begin so that they cover `length` with at least this overlap.

    >>> starts(100, 40, 10)
    [0, 30, 60]
    """
    if part >= length:
        return [0]
    count = -(-(length - overlap) // (part - overlap))
    return [round(place * (length - part) / (count - 1)) for place in range(count)]


def spread_windows(frame: Grey) -> NDArray[np.float32]:
    """(K, 1, 32, 32) windows on a regular grid over the frame; the whole of a small frame."""
    height, width = frame.shape
    count = min(_MOST_WINDOWS, height * width // _AREA_OF_A_WINDOW)
    if count < 4 or min(height, width) < _WINDOW:
        return frame[None, None] if min(frame.shape) > 2 * _BLOCKS else _mirrored(frame)
    columns = max(1, min(round((count * width / height) ** 0.5), width // _WINDOW))
    rows = max(1, min(round(count / columns), height // _WINDOW))
    tops, lefts = _spread(height, rows), _spread(width, columns)
    cut = [frame[t : t + _WINDOW, s : s + _WINDOW] for t in tops for s in lefts]
    return np.stack(cut)[:, None]


def _spread(length: int, count: int) -> list[int]:
    return [round((place + 0.5) * length / count - _WINDOW / 2) for place in range(count)]


def _mirrored(frame: Grey) -> NDArray[np.float32]:
    # A frame thinner than the network's reach has no pixel whose neighbourhood is whole.
    missing = [max(0, 2 * _BLOCKS + 1 - length) for length in frame.shape]
    return np.pad(frame, [(0, extra) for extra in missing], mode="symmetric")[None, None]
