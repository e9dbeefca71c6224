"""Prism's averages: what is known of the stack, then the frames, added one by one, for one tile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel, tiles
from hyperfocal.compute.buffers import Buffers, ThreadBuffers
from hyperfocal.compute.tiles import Tile, rounded_up
from hyperfocal.frame import Grey, Pixels, Weight, to_grey
from hyperfocal.methods import DepthEstimate
from hyperfocal.methods.prism.level_networks import LevelNetworks
from hyperfocal.methods.prism.softmax import FARTHEST, SoftmaxAverage
from hyperfocal.methods.prism.statistics import STRIP, StackStatistics

if TYPE_CHECKING:
    from hyperfocal.methods.prism import Prism

_NEVER = -FARTHEST  # score of a frame that has no data at a pixel
_STEEPER = np.float32(2)  # how much more the depth keeps to the best frame than the picture does
_strips = ThreadBuffers()


class PrismFold:
    """What is known of the stack, then the averages, for one tile."""

    def __init__(self, options: Prism, shape: tuple[int, int, int]):
        self._shape, self._count = shape, 0
        levels = options.levels_of(*shape[:2])
        grid = 2 ** (levels + 1)
        self._size = (rounded_up(shape[0], grid), rounded_up(shape[1], grid))
        self._statistics = StackStatistics(levels, options.config)
        self._networks = LevelNetworks(options)
        self._buffers = Buffers()
        height, width, channels = shape
        self._pixels = SoftmaxAverage((height, width), channels)
        sizes = [(self._size[0] >> at, self._size[1] >> at) for at in range(levels + 1)]
        self._depth_moments = SoftmaxAverage(sizes[1], 2)
        self._bands = [SoftmaxAverage(size, 1) for size in sizes] if options.refine else []
        self._best = np.zeros((height, width), np.float32)
        self._index = np.zeros((height, width), np.uint16)
        self._lowest = np.full((channels, height, width), np.inf, np.float32)
        self._highest = np.full((channels, height, width), -np.inf, np.float32)

    def observe(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._statistics.observe(self._luma(pixels), self._coverage(covered))

    def add(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._statistics.close()
        bands, lows = self._statistics.pyramid(self._luma(pixels))
        score, scores = self._networks.scores(self._statistics, bands, lows)
        self._cover(score, scores, covered)
        self._add_pixels(pixels, score, True if covered is None else covered)
        self._add_depth(score)
        for band in zip(self._bands, scores, [*bands, lows[-1]], strict=False):
            parallel.for_each(partial(_add_strip, *band), tiles.strips(len(band[1]), STRIP))
        self._count += 1

    def result(self) -> Pixels:
        nowhere = self._lowest > self._highest  # no frame has data of its own
        for held in (self._buffers, self._statistics, self._networks):
            held.clear()
        planes, max_weight = self._pixels.means()
        max_weight *= self._best
        picture = cv2.merge(planes).reshape(self._shape)
        del planes, self._pixels, self._best
        if self._bands and self._count > 1:
            if nowhere.any():
                for plane, low, high, here in zip(
                    cv2.split(picture), self._lowest, self._highest, nowhere, strict=True
                ):
                    low[here] = high[here] = plane[here]
            self._refine(picture, max_weight)
        return picture

    def depth_estimate(self) -> DepthEstimate:
        (depth, square), _ = self._depth_moments.means()
        variance = np.maximum(square - depth * depth, 0)
        parts = depth, np.reciprocal(1 + np.sqrt(variance))
        height, width = self._shape[:2]
        depth, confidence = (
            np.ascontiguousarray(cv2.resize(part, self._size[::-1])[:height, :width])
            for part in parts
        )
        np.clip(depth, 0, self._count - 1, out=depth)  # rounding
        return DepthEstimate(self._index, depth, confidence)

    def _add_pixels(
        self, pixels: Pixels, score: Grey, covered: NDArray[np.bool_] | Literal[True]
    ) -> None:
        def take(strip: Tile) -> None:
            rows = strip.rows
            shape = pixels[rows].shape[:2]
            parts = [_strips(f"channel {place}", *shape) for place in range(self._shape[2])]
            cv2.split(pixels[rows], parts)
            weight = self._pixels.add(rows, score[rows, : self._shape[1]], parts)
            best = self._best[rows]
            number = np.full(shape, self._count, np.uint16)
            cv2.copyTo(number, (weight > best).view(np.uint8), self._index[rows])
            np.maximum(best, weight, out=best)
            here = covered if covered is True else covered[rows]
            for part, low, high in zip(parts, self._lowest, self._highest, strict=True):
                np.minimum(low[rows], part, out=low[rows], where=here)
                np.maximum(high[rows], part, out=high[rows], where=here)

        parallel.for_each(take, tiles.strips(self._shape[0], STRIP))

    def _add_depth(self, score: Grey) -> None:
        """The frame's place in the stack, at half the size, with what its pixels around score."""
        number, size = np.float32(self._count), self._depth_moments.size
        half = self._buffers("half", *size)
        cv2.resize(score, size[::-1], half, interpolation=cv2.INTER_AREA)
        half = cv2.GaussianBlur(half, (5, 5), 1, self._buffers("soft", *size))
        half *= _STEEPER
        self._depth_moments.add(slice(None), half, [number, number * number])

    def _refine(self, picture: Pixels, max_weight: Weight) -> None:
        """Add to all channels by what the refined luma differs, within what the frames allow."""
        luma = to_grey(picture)
        blended = []
        while self._bands:
            blended.append(self._bands.pop().means()[0][0])
        change = self._networks.refined(
            self._statistics, self._padded(luma), blended, self._padded(max_weight)
        )
        change = change[: self._shape[0], : self._shape[1]]
        change -= luma
        around = np.ones((3, 3), np.uint8)

        def limit(strip: Tile) -> None:
            outer, inner, rows = strip.outer_rows, strip.inner_rows, strip.rows
            for channel, planes in enumerate(zip(self._lowest, self._highest, strict=True)):
                low, high = (plane[outer] for plane in planes)
                plane = picture[rows, :, channel]
                apart = cv2.dilate(high - low, around)[inner]
                low = np.maximum(cv2.erode(low, around)[inner], plane - apart)
                high = np.minimum(cv2.dilate(high, around)[inner], plane + apart)
                plane += change[rows]
                np.clip(plane, low, high, out=plane)

        parallel.for_each(limit, tiles.strips(self._shape[0], STRIP, 1))

    def _luma(self, pixels: Pixels) -> Grey:
        """Padded; the next frame's overwrites it."""
        grey = to_grey(pixels, self._buffers("grey", *self._shape[:2]))
        return self._padded(grey, self._buffers("luma", *self._size))

    def _padded(self, plane: Grey, out: Grey | None = None) -> Grey:
        below, right = (self._size[axis] - self._shape[axis] for axis in (0, 1))
        return cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT_101, out)

    def _coverage(self, covered: NDArray[np.bool_] | None) -> Weight | None:
        """How much of each pixel has data, padded; None: all."""
        if covered is None or covered.all():
            return None
        return self._padded(covered.astype(np.float32))

    def _cover(self, score: Grey, scores: list[Grey], covered: NDArray[np.bool_] | None) -> None:
        """Take the frame out of the averages where it has no data of its own."""
        share = self._coverage(covered)
        if share is None:
            return
        score[share < 1] = _NEVER
        for level in scores:
            size = (level.shape[1], level.shape[0])
            level[cv2.resize(share, size, interpolation=cv2.INTER_AREA) < 1] = _NEVER


def _add_strip(average: SoftmaxAverage, score: Grey, band: Grey, strip: Tile) -> None:
    average.add(strip.rows, score[strip.rows], [band[strip.rows]])
