"""GACN over more than two frames: what each frame is compared with, and what is kept of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel
from hyperfocal.frame import Grey, Pixels, Weight, to_grey
from hyperfocal.methods import DepthEstimate
from hyperfocal.methods.gacn.decider import Activity, Decider

Covered = NDArray[np.bool_]  # where a frame has data of its own


class RunningFold:
    """Each frame against the winner so far, whose activities are kept at every pixel."""

    def __init__(self, decider: Decider, shape: tuple[int, int, int]):
        self._decider, self._shape, self._count = decider, shape, 0
        height, width = shape[:2]
        self._picture = np.zeros(shape, np.float32)
        self._grey = np.zeros((height, width), np.float32)
        self._activities = decider.new_activities(height, width)
        half = len(self._activities) // 2
        self._winner, self._frame = self._activities[:half], self._activities[half:]
        self._index = np.zeros((height, width), np.uint16)
        self._depth = np.zeros((height, width), np.float32)
        self._confidence = np.ones((height, width), np.float32)
        self._has_data: Covered | None = None  # anywhere so far; None: everywhere

    def add(
        self,
        pixels: Pixels,
        covered: Covered | None = None,
        surveyed: NDArray[np.float32] | None = None,
    ) -> None:
        grey = to_grey(pixels)
        if self._count == 0:
            self._begin(pixels, grey, surveyed)
            self._has_data = None if covered is None else covered.copy()
        else:
            self._compare(pixels, grey, surveyed, covered)
            if self._has_data is not None:
                self._has_data |= True if covered is None else covered
        self._count += 1

    def result(self) -> Pixels:
        return self._picture

    def depth_estimate(self) -> DepthEstimate:
        return DepthEstimate(self._index, self._depth, self._confidence)

    def _begin(self, pixels: Pixels, grey: Grey, gates: NDArray[np.float32] | None) -> None:
        self._picture[...], self._grey[...] = pixels, grey
        self._decider.encode(grey, gates, self._winner)

    def _compare(
        self, pixels: Pixels, grey: Grey, gates: NDArray[np.float32] | None, covered: Covered | None
    ) -> None:
        kept, sure = self._weigh(grey, gates, covered)
        self._blend(pixels, grey, kept, sure)
        _take(self._winner, self._frame, kept < 0.5)

    def _weigh(
        self, grey: Grey, gates: NDArray[np.float32] | None, covered: Covered | None
    ) -> tuple[Weight, Weight]:
        """The weight of what is there already, and how sure it is; no contest without data."""
        self._decider.encode(grey, gates, self._frame)
        kept, sure = self._decider.weigh(self._activities, self._grey, grey)
        if self._has_data is not None:
            kept[~self._has_data] = 0
        if covered is not None:
            kept[~covered] = 1
        return kept, sure

    def _blend(self, pixels: Pixels, grey: Grey, kept: Weight, sure: Weight) -> None:
        # As steps towards the frame, so that equal frames stay as they are to the last bit.
        share = 1 - kept
        self._picture += share[:, :, None] * (pixels - self._picture)
        self._grey += share * (grey - self._grey)
        self._depth += share * (self._count - self._depth)
        is_new = kept < 0.5
        self._index[is_new] = self._count
        self._confidence = np.where(is_new, sure, np.minimum(self._confidence, sure))


class SerialFold(RunningFold):
    """Each frame against the result so far, which is encoded each time."""

    def _compare(
        self, pixels: Pixels, grey: Grey, gates: NDArray[np.float32] | None, covered: Covered | None
    ) -> None:
        if self._count > 1:
            self._decider.encode(self._grey, None, self._winner)
        self._blend(pixels, grey, *self._weigh(grey, gates, covered))


_NOT_NOTHING = 1e-4  # added to what is divided by


class FirstFrameFold(RunningFold):
    """Each frame against the first, as published: one map a frame, the largest of them wins.

    v₀ = m₁, v₁ = 1 − m₁, vᵢ = v₀ (1 − mᵢ) / (mᵢ + 10⁻⁴), where mᵢ is the weight of the first frame
    against frame i. Pixels come unchanged from the frame of the largest v; a pair is blended.
    """

    def _begin(self, pixels: Pixels, grey: Grey, gates: NDArray[np.float32] | None) -> None:
        super()._begin(pixels, grey, gates)
        self._first = grey.copy()
        self._hard = pixels.copy()

    def _compare(
        self, pixels: Pixels, grey: Grey, gates: NDArray[np.float32] | None, covered: Covered | None
    ) -> None:
        self._grey = self._first
        kept, sure = self._weigh(grey, gates, covered)
        if self._count == 1:
            self._of_first, self._best = kept, np.maximum(kept, 1 - kept)
            is_new = 1 - kept > kept
            self._hard[is_new] = pixels[is_new]
            self._blend(pixels, grey.copy(), kept, sure)
            return
        if self._count == 2:
            self._picture, self._depth = self._hard, self._index.astype(np.float32)
        value = self._of_first * (1 - kept) / (kept + np.float32(_NOT_NOTHING))
        is_new = value > self._best
        self._picture[is_new] = pixels[is_new]
        self._index[is_new] = self._count
        self._depth[is_new] = self._count
        self._confidence = np.where(is_new, sure, np.minimum(self._confidence, sure))
        np.maximum(self._best, value, out=self._best)


def _take(winner: Activity, frame: Activity, is_new: NDArray[np.bool_]) -> None:
    """Activities of the winner, where it is another now."""
    mask = is_new.view(np.uint8)

    def one(channel: int) -> None:
        cv2.copyTo(frame[channel], mask, winner[channel])

    parallel.for_each(one, range(len(winner)))
