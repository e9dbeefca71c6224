"""Which frame is sharpest at each pixel: the arg-max over focus maps, as a fold."""

from __future__ import annotations

import numpy as np

from hyperfocal.frame import FocusMap, IndexMap, Weight


class ArgMax:
    """Arg-max over frames, one focus map at a time; a later frame wins a tie."""

    def __init__(self, height: int, width: int):
        self.index = np.zeros((height, width), np.uint16)
        self.best = np.full((height, width), -1, np.float32)
        self._second = np.zeros((height, width), np.float32)

    def add(self, frame: int, focus_map: FocusMap) -> None:
        np.copyto(self.index, np.uint16(frame), where=focus_map >= self.best)
        np.maximum(self._second, np.minimum(focus_map, self.best), out=self._second)
        np.maximum(self.best, focus_map, out=self.best)

    def confidence(self) -> Weight:
        """How far the best focus is above the second best: 1 − second/best, 0 where all is flat."""
        ratio = np.ones_like(self.best)
        np.divide(self._second, self.best, out=ratio, where=self.best > 0)
        return np.subtract(1, ratio, out=ratio)


def winners(index: IndexMap) -> list[int]:
    """The frames that were chosen anywhere, in their order."""
    return [int(frame) for frame in np.flatnonzero(np.bincount(index.ravel()))]
