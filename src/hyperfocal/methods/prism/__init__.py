"""Prism: a small network scores every frame at every pixel; a softmax over frames fuses them.

Trained without labels, on scenes composed of photographs (training/scenes.py), to make what one
pinhole would see. Two passes over the frames. The first notes what the stack has in each band of a
Laplacian pyramid: the largest and the mean energy, and a provisional composite. In the second the
network walks from the coarse band of each frame to the fine one and gives scores; frames, and the
bands of their luma, are averaged with the softmax of these. A last network makes one luma of both
averages and so takes away what no frame had right, such as halos where something near hides
something far; it runs once, however many frames there are, and its change goes to all channels.
All sums are folds: memory does not depend on the number of frames, nor the picture on their order.

Values never leave the range that the frames span within one pixel around, and are nowhere further
from the average of frames than the frames there are from each other: equal frames stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel, tiles
from hyperfocal.compute.buffers import Buffers, ThreadBuffers
from hyperfocal.compute.tiles import Tile, rounded_up
from hyperfocal.frame import Grey, Pixels, Weight, to_grey
from hyperfocal.inference import blocks
from hyperfocal.inference.blocks import EngineOptions
from hyperfocal.inference.engines import AnyPrecision
from hyperfocal.methods import DepthEstimate
from hyperfocal.methods.prism.softmax import FARTHEST, SoftmaxAverage
from hyperfocal.methods.prism.statistics import (
    FEATURES,
    REACH,
    STRIP,
    BlockFeatures,
    StackStatistics,
    pyramid,
)
from hyperfocal.options import option

Maps = NDArray[np.float32]  # (maps, height, width)

CHANNELS, MEND_CHANNELS = 32, 24  # features of the two networks
_NEVER = -FARTHEST  # score of a frame that has no data at a pixel
_STEEPER = np.float32(2)  # how much more the depth keeps to the best frame than the picture does
_LEVELS = 6  # see blur of 120 px, measured (tests/methods/test_prism_specks.py)
_SMALL = 256  # px; a pixel of the base is to be at most a quarter of the picture's shorter side
_strips = ThreadBuffers()


@dataclass(frozen=True)
class Prism(EngineOptions):
    """Options of the method; the network is the shipped one."""

    precision: AnyPrecision = option(  # type: ignore[assignment]
        "auto", "arithmetic of the network; auto: bf16 where the engine has it"
    )
    levels: int | None = option(
        None,
        f"bands of the pyramid: more see wider blur; none is {_LEVELS}, and {_LEVELS - 1} where "
        f"a side is below {_SMALL} px",
        low=3,
        high=8,
    )
    mend: bool = option(True, "mend the average of frames by that of their bands")

    has_depth: ClassVar[bool] = True

    @property
    def bytes_per_pixel(self) -> int:
        return 195

    @property
    def halo(self) -> int:
        # Steps and reductions of all levels, each twice as far as on the finer one; then depth.
        return rounded_up((2 * REACH + 4) * (2**self._most_levels - 1) + 6, self.grid)

    @property
    def grid(self) -> int:
        return 2 ** (self._most_levels + 1)

    @property
    def _most_levels(self) -> int:
        return self.levels or _LEVELS

    def levels_of(self, height: int, width: int) -> int:
        """Bands for a picture of this size, and for each of its tiles.

        A tile has at least `halo` rows, more than a small picture, or all rows of the picture.
        """
        return self.levels or (_LEVELS - 1 if min(height, width) < _SMALL else _LEVELS)

    def fold(self, height: int, width: int, channels: int) -> PrismFold:
        return PrismFold(self, (height, width, channels))


class PrismFold:
    """What is known of the stack, then the averages, for one tile."""

    def __init__(self, options: Prism, shape: tuple[int, int, int]):
        self._shape, self._count = shape, 0
        levels = options.levels_of(*shape[:2])
        grid = 2 ** (levels + 1)
        self._size = (rounded_up(shape[0], grid), rounded_up(shape[1], grid))
        self._known = StackStatistics(levels)
        self._steps = LevelNetworks(options)
        self._buffers = Buffers()
        height, width, channels = shape
        self._pixels = SoftmaxAverage((height, width), channels)
        sizes = [(self._size[0] >> at, self._size[1] >> at) for at in range(levels + 1)]
        self._places = SoftmaxAverage(sizes[1], 2)
        self._bands = [SoftmaxAverage(size, 1) for size in sizes] if options.mend else []
        self._best = np.zeros((height, width), np.float32)
        self._index = np.zeros((height, width), np.uint16)
        self._lowest = np.full((channels, height, width), np.inf, np.float32)
        self._highest = np.full((channels, height, width), -np.inf, np.float32)

    def observe(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._known.observe(self._luma(pixels), self._shares(covered))

    def add(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._known.close()
        bands, lows = self._known.pyramid(self._luma(pixels))
        score, scores = self._steps.scores(self._known, bands, lows)
        self._cover(score, scores, covered)
        self._add_pixels(pixels, score, True if covered is None else covered)
        self._add_place(score)
        for band in zip(self._bands, scores, [*bands, lows[-1]], strict=False):
            parallel.for_each(partial(_add_strip, *band), tiles.strips(len(band[1]), STRIP))
        self._count += 1

    def result(self) -> Pixels:
        for held in (self._buffers, self._known, self._steps):
            held.clear()
        planes, sure = self._pixels.means()
        sure *= self._best
        picture = cv2.merge(planes).reshape(self._shape)
        del planes, self._pixels, self._best
        if self._bands and self._count > 1:
            self._mend(picture, sure)
        return picture

    def depth_estimate(self) -> DepthEstimate:
        (depth, square), _ = self._places.means()
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

    def _add_place(self, score: Grey) -> None:
        """The frame's place in the stack, at half the size, with what its pixels around score."""
        number, size = np.float32(self._count), self._places.size
        half = self._buffers("half", *size)
        cv2.resize(score, size[::-1], half, interpolation=cv2.INTER_AREA)
        half = cv2.GaussianBlur(half, (5, 5), 1, self._buffers("soft", *size))
        half *= _STEEPER
        self._places.add(slice(None), half, [number, number * number])

    def _mend(self, picture: Pixels, sure: Weight) -> None:
        """Add to all channels by what the mended luma differs, within what the frames allow."""
        luma = to_grey(picture)
        blended = []
        while self._bands:
            blended.append(self._bands.pop().means()[0][0])
        change = self._steps.mended(self._known, self._padded(luma), blended, self._padded(sure))
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

    def _shares(self, covered: NDArray[np.bool_] | None) -> Weight | None:
        """How much of each pixel has data, padded; None: all."""
        if covered is None or covered.all():
            return None
        return self._padded(covered.astype(np.float32))

    def _cover(self, score: Grey, scores: list[Grey], covered: NDArray[np.bool_] | None) -> None:
        """Take the frame out of the averages where it has no data of its own."""
        share = self._shares(covered)
        if share is None:
            return
        score[share < 1] = _NEVER
        for level in scores:
            size = (level.shape[1], level.shape[0])
            level[cv2.resize(share, size, interpolation=cv2.INTER_AREA) < 1] = _NEVER


class LevelNetworks:
    """The networks, run level by level over blocks that fit a core's cache."""

    def __init__(self, options: Prism):
        self._options = options
        self._buffers = Buffers()

    def clear(self) -> None:
        """Give back the memory of the last frame."""
        self._buffers.clear()

    def scores(
        self, known: StackStatistics, bands: list[Grey], lows: list[Grey]
    ) -> tuple[Grey, list[Grey]]:
        """Of a frame's pixels, and of its bands, fine to coarse, and base.

        The next frame's overwrite them.
        """
        scores: list[Grey] = []
        features = _nothing_coarser(CHANNELS, lows[-1])
        for at in reversed(range(1, len(bands))):
            shown = partial(BlockFeatures.show, band=bands[at], low=lows[at])
            score = self._buffers("band", *bands[at].shape)
            height, width = lows[at + 1].shape
            made = self._buffers("base and features", 1 + CHANNELS, height, width)

            def take(
                part: BlockFeatures, found: Maps, score: Grey = score, made: Maps = made
            ) -> None:
                part.put_scores(found[:4], score)
                part.block.put(made, found[4:])

            self._step("coarse", known.levels[at], features, shown, take)
            if not scores:
                scores.append(made[0])
            scores.append(score)
            features = made[1:]
        pixels, band = (self._buffers(name, *bands[0].shape) for name in ("pixels", "band"))

        def take_both(part: BlockFeatures, found: Maps) -> None:
            part.put_scores(found[:4], pixels)
            part.put_scores(found[4:], band)

        shown = partial(BlockFeatures.show, band=bands[0], low=lows[0])
        self._step("fine", known.levels[0], features, shown, take_both)
        return pixels, [band, *reversed(scores)]

    def mended(self, known: StackStatistics, luma: Grey, blended: list[Grey], sure: Weight) -> Grey:
        """One luma of that of the averaged frames and of the averaged base and bands.

        Overwrites what is known of single frames.
        """
        bands, lows = pyramid(luma, len(known.levels))
        pools = [sure]
        for _ in bands[1:]:
            pools.append(cv2.resize(pools[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        low, other_low = lows.pop(), blended[0]
        features = _nothing_coarser(MEND_CHANNELS, low)
        for level, other in zip(reversed(known.levels), blended[1:], strict=True):
            band, raised = bands.pop(), cv2.pyrUp(low)
            other_low = cv2.pyrUp(other_low)
            other_low += other
            compared = partial(
                BlockFeatures.compare, band=band, other=other, low=lows.pop(), other_low=other_low,
                raised=raised, sure=pools.pop(),
            )  # fmt: skip
            kept = MEND_CHANNELS if bands else 0  # features, for the next level
            made = np.empty((kept, *low.shape), np.float32)
            change = np.empty_like(band)

            def take(
                part: BlockFeatures, found: Maps, change: Grey = change, made: Maps = made
            ) -> None:
                part.put_change(found[:4], change)
                part.block.put(made, found[4 : 4 + len(made)])

            self._step("mend", level, features, compared, take)
            features = made
            low = change
            low += raised
            low += band
        return low

    def _step(
        self,
        name: str,
        level: list[BlockFeatures],
        features: Maps,
        show: Callable[[BlockFeatures], None],
        take: Callable[[BlockFeatures, Maps], None],
    ) -> None:
        """A step of a network over a level, with features of the coarser one, (C, h/2, w/2)."""
        options = self._options
        network = blocks.opened(
            f"prism.{name}",
            options.engine,
            options.precision,
            (("coarser", (1, len(features), -1, -1)), ("squares", (1, 4 * FEATURES, -1, -1))),
        )

        def work(part: BlockFeatures) -> None:
            show(part)
            given = {"squares": part.seen, "coarser": part.block.cut(features, 2)}
            take(part, network(given)[0])

        parallel.for_each(work, level)


def _nothing_coarser(channels: int, base: Grey) -> Maps:
    """Features of the level that would follow the coarsest one."""
    height, width = base.shape
    return np.zeros((channels, height // 2, width // 2), np.float32)


def _add_strip(average: SoftmaxAverage, score: Grey, band: Grey, strip: Tile) -> None:
    average.add(strip.rows, score[strip.rows], [band[strip.rows]])
