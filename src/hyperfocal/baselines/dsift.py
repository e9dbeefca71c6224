"""Dense SIFT: the frame with the larger descriptors in a block around a pixel.

The activity is the sum of a pixel's dense SIFT descriptor before it is normalised, over a block.
Regions too small are given to their neighbours. Decides on luma. Two things of the publication are
not done: pixels on which overlapping blocks disagree keep the decision of the block around them
(there: a comparison of spatial frequency in 7×7), and descriptors are not matched to compare
misregistered details; align first. Liu, Liu, Wang: Multi-focus image fusion with dense SIFT,
Information Fusion, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.decision.consistency import verified_stack
from hyperfocal.decision.verification import NoVerification
from hyperfocal.frame import FocusMap, Grey, IndexMap
from hyperfocal.options import option, taken

_CELLS = 4  # along each side of a descriptor
_GAUSSIAN = 5  # px; gradients are those of the frame blurred by σ 1


@dataclass(frozen=True)
class DescriptorSum:
    """Sum over all entries of each pixel's descriptor, over a block of pixels.

    Entries add up to the gradient magnitude under overlapping triangles, one a cell: orientations
    only distribute it.
    """

    scale: int = option(48, "twice the side of a descriptor", unit="px", low=8, high=512)
    block: int = option(8, "side of the block", unit="px", low=1, high=128)

    @property
    def halo(self) -> int:
        return _GAUSSIAN // 2 + 1 + len(self._triangles) // 2 + self.block

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> None:
        return None

    def __call__(self, tile: Grey, surveyed: None = None) -> FocusMap:
        smooth = cv2.GaussianBlur(tile, (_GAUSSIAN, _GAUSSIAN), 1, borderType=cv2.BORDER_REPLICATE)
        across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, borderType=cv2.BORDER_REPLICATE)
        window = self._triangles
        pooled = cv2.sepFilter2D(
            cv2.magnitude(across, down), cv2.CV_32F, window, window, borderType=cv2.BORDER_CONSTANT
        )
        return cv2.blur(pooled, (self.block, self.block), borderType=cv2.BORDER_REPLICATE)

    @property
    def _triangles(self) -> Grey:
        """The sum of the cells' triangles: flat inside, falling over one cell at either end."""
        cell = max(1, self.scale // 2 // _CELLS)
        triangle = 1 - np.abs(np.arange(1 - cell, cell)) / cell
        places = np.zeros((_CELLS - 1) * cell + 1)
        places[::cell] = 1
        window = np.convolve(triangle, places)
        return (window / window.sum()).astype(np.float32)


@dataclass(frozen=True)
class LargeRegions(NoVerification):
    """Each pixel from the frame it chose, small regions from the nearest large one's."""

    smallest: int = option(3600, "regions below this are given up", unit="px", low=0)

    def verify(self, index: IndexMap, *, frame_count: int) -> IndexMap:
        return verified_stack(index, frame_count=frame_count, radius=0, smallest=self.smallest)


@dataclass(frozen=True)
class Dsift(LargeRegions, DescriptorSum):
    """The published program's values as defaults."""

    @property
    def measure(self) -> DescriptorSum:
        return taken(DescriptorSum, self)

    @property
    def decision(self) -> LargeRegions:
        return taken(LargeRegions, self)
