"""The mean over frames with the softmax of scores, one frame at a time."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hyperfocal.compute.buffers import ThreadBuffers
from hyperfocal.frame import Grey, Weight

# Scores beyond this count as this: e to them is then within float32, and no maximum is needed.
FARTHEST = np.float32(40)
_weights = ThreadBuffers()


class SoftmaxAverage:
    """Sums of weights and of weighted channels."""

    def __init__(self, size: tuple[int, int], channels: int):
        self.size = size
        self._share = np.zeros(size, np.float32)
        self._totals = [np.zeros(size, np.float32) for _ in range(channels)]

    def add(self, rows: slice, scores: Grey, values: Sequence[Grey | np.float32]) -> Weight:
        """Take in rows of a frame's channels; its weights there, not yet divided by their sum.

        The thread's next call overwrites the weights.
        """
        weight: Weight = _weights("weight", *scores.shape)
        np.clip(scores, -FARTHEST, FARTHEST, out=weight)
        cv2.exp(weight, weight)
        share = self._share[rows]
        share += weight
        for total, value in zip(self._totals, values, strict=True):
            if isinstance(value, np.ndarray):
                cv2.accumulateProduct(value, weight, total[rows])
            else:
                cv2.scaleAdd(weight, float(value), total[rows], total[rows])
        return weight

    def means(self) -> tuple[list[Grey], Weight]:
        """Of the channels, and 1 / the sum of weights. Once: the sums become the means."""
        share = np.reciprocal(self._share, out=self._share)
        for total in self._totals:
            total *= share
        return self._totals, share
