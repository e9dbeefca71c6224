"""Arrays that are used again from frame to frame.

Fresh memory is dear: the system clears it page by page, which takes longer than a pass over it.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray


class Buffers:
    """Arrays by name and shape. What an array held is overwritten when it is asked for again."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}

    def __call__(self, name: str, *shape: int) -> NDArray[np.float32]:
        """The array of this name and shape, with whatever it holds."""
        held = self._held.get((name, shape))
        if held is None:
            held = self._held[name, shape] = np.empty(shape, np.float32)
        return held

    def clear(self) -> None:
        """Give all memory back."""
        self._held.clear()


class ThreadBuffers(threading.local):
    """Arrays by name, of each thread its own, for as long as the thread lives.

    A name has one array, whatever its shape, so that memory is that of the largest.
    """

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.float32]] = {}

    def __call__(self, name: str, *shape: int) -> NDArray[np.float32]:
        """The array of this name, in this shape, with whatever it holds."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size, np.float32)
        return held[:size].reshape(shape)
