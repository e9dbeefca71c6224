"""Blocks from the frame where their spatial frequency is largest.

Blocks that are about equally sharp in several frames are averaged; then each block follows the
majority of its 3×3 neighbours. Decides on luma. Leaves blocks visible along depth edges. Li, Kwok,
Wang: Combination of images with diverse focuses using the spatial frequency, 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.mode_filter import majority
from hyperfocal.frame import Grey, IndexMap, Pixels, to_grey
from hyperfocal.options import option


@dataclass(frozen=True)
class Sf:
    """Block size and threshold are those of the SESF-Fuse comparison."""

    block: int = option(7, "side of a block", unit="px", low=2, high=256)
    threshold: float = option(
        0.5, "blocks closer to the best than this are averaged", unit="levels of 255", low=0
    )

    @property
    def halo(self) -> int:
        return self.block

    @property
    def grid(self) -> int:
        return self.block

    def fold(self, height: int, width: int, channels: int) -> BlockFold:
        return BlockFold(self.block, np.float32(self.threshold / 255), (height, width, channels))


class BlockFold:
    """First the largest spatial frequency of every block, then the pixels."""

    def __init__(self, block: int, threshold: np.float32, shape: tuple[int, int, int]):
        self._block, self._threshold = block, threshold
        rows, columns = (-(-side // block) for side in shape[:2])
        self._best, self._second = np.full((2, rows, columns), -1, np.float32)
        self._index: IndexMap = np.zeros((rows, columns), np.uint16)
        self._count = self._added = 0
        self._total = np.zeros(shape, np.float32)
        self._share = np.zeros(shape[:2], np.float32)

    def observe(self, pixels: Pixels) -> None:
        frequency = spatial_frequency(to_grey(pixels), self._block)
        np.copyto(self._index, np.uint16(self._count), where=frequency >= self._best)
        np.maximum(self._second, np.minimum(frequency, self._best), out=self._second)
        np.maximum(self._best, frequency, out=self._best)
        self._count += 1

    def add(self, pixels: Pixels) -> None:
        if self._added == 0:
            self._index = majority(self._index, window=3, frame_count=self._count)
        frequency = spatial_frequency(to_grey(pixels), self._block)
        is_unsure = self._best - self._second <= self._threshold
        is_near = frequency >= self._best - self._threshold
        weight = np.where(is_unsure, is_near, self._index == self._added).astype(np.float32)
        height, width = self._share.shape
        weight = np.repeat(np.repeat(weight, self._block, 0), self._block, 1)[:height, :width]
        self._total += weight[:, :, None] * pixels
        self._share += weight
        self._added += 1

    def result(self) -> Pixels:
        self._total /= self._share[:, :, None]
        return self._total


def spatial_frequency(grey: Grey, block: int) -> NDArray[np.float32]:
    """√(RF² + CF²) of every block; differences do not reach over a block's border.

    A block that the picture cuts short has fewer pixels, and is averaged over those.
    """
    energy = np.zeros_like(grey)
    across, down = np.diff(grey, axis=1) ** 2, np.diff(grey, axis=0) ** 2
    across[:, block - 1 :: block] = 0
    down[block - 1 :: block] = 0
    energy[:, 1:] += across
    energy[1:] += down
    rows, columns = (-(-side // block) for side in grey.shape)
    padded = ((0, rows * block - grey.shape[0]), (0, columns * block - grey.shape[1]))
    # OpenCV's area interpolation by a whole factor is the mean of every block.
    sums = cv2.resize(np.pad(energy, padded), (columns, rows), interpolation=cv2.INTER_AREA)
    share = cv2.resize(
        np.pad(np.ones_like(grey), padded), (columns, rows), interpolation=cv2.INTER_AREA
    )
    return np.sqrt(sums / share)
