"""Blending of weighted frames: the composite as a running weighted mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Pixels, Weight


class Blend:
    """Weighted mean of frames, and of their numbers (the depth), one piece of a frame at a time.

    Convex: no value leaves the range that the frames span at its pixel.
    """

    def __init__(self, height: int, width: int, channels: int):
        self._total = np.zeros((height, width, channels), np.float32)
        self._position = np.zeros((height, width), np.float32)
        self._share = np.zeros((height, width), np.float32)

    def add(self, frame: int, rows: slice, pixels: Pixels, weight: Weight) -> None:
        """Take in these rows of a frame."""
        self._total[rows] += pixels * weight[:, :, None]
        self._position[rows] += weight * np.float32(frame)
        self._share[rows] += weight

    def result(self) -> tuple[Pixels, NDArray[np.float32]]:
        """The composite and the depth in frames; the blend is used up."""
        self._total /= self._share[:, :, None]
        self._position /= self._share
        return self._total, self._position
