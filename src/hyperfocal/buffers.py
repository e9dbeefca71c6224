"""Arrays that are used again from frame to frame.

Fresh memory is dear: the system clears it page by page, which takes longer than a pass over it.
"""

from __future__ import annotations

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


class ThreadBuffers(threading.local, Buffers):
    """The same, of each thread its own."""
