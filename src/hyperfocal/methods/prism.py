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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal import tiles, workers
from hyperfocal.engines import AnyPrecision
from hyperfocal.frame import Grey, Pixels, Weight, to_grey
from hyperfocal.measures import _tiled
from hyperfocal.measures._tiled import EngineOptions
from hyperfocal.methods import Location
from hyperfocal.options import option
from hyperfocal.tiles import Tile, rounded_up

Maps = NDArray[np.float32]  # (maps, height, width)
Planes = Sequence[Grey]  # the channels of a picture, each by itself

CHANNELS, MEND_CHANNELS = 32, 24  # features of the two networks
_REACH = 2  # convolutions of a step, each one square of 2×2 px
_BLOCKS = _tiled.Blocks(side=256, border=2 * _REACH, grid=4)
_NOTHING = np.float32(1e-6)  # energy of a band that counts as nothing
_SEEN = 8  # maps that a step takes; of the first network:
_BAND, _ENERGY, _LOW, _LARGEST, _MEAN, _SHARERS, _COMPOSITE_BAND, _COMPOSITE_LOW = range(_SEEN)
# The last network takes the same arrays: what is not of the stack gives way to, in this order, the
# bands of both averages, their low passes, the largest weight, and what is mended so far.
_MENDED = (0, 1, 2, 4, 6, 7)
_NEVER = np.float32(-1e4)  # score of a frame that has no data at a pixel
_STRIP = 64  # rows that are averaged at a time, to stay in the cache


@dataclass(frozen=True)
class Prism(EngineOptions):
    """Options of the method; the network is the shipped one."""

    precision: AnyPrecision = option(  # type: ignore[assignment]
        "auto", "arithmetic of the network; auto: bf16 where the engine has it"
    )
    levels: int = option(5, "bands of the pyramid: more see wider blur", low=3, high=8)
    mend: bool = option(True, "mend the average of frames by that of their bands")

    locates: ClassVar[bool] = True

    @property
    def bytes_per_pixel(self) -> int:
        return 260

    @property
    def halo(self) -> int:
        # Steps and reductions of all levels, each twice as far as on the finer one.
        return rounded_up((2 * _REACH + 4) * (2**self.levels - 1), self.grid)

    @property
    def grid(self) -> int:
        return 2 ** (self.levels + 1)

    def fold(self, height: int, width: int, channels: int) -> PrismFold:
        return PrismFold(self, (height, width, channels))


class PrismFold:
    """What is known of the stack, then the averages, for one tile."""

    def __init__(self, options: Prism, shape: tuple[int, int, int]):
        self._shape, self._count = shape, 0
        self._size = (rounded_up(shape[0], options.grid), rounded_up(shape[1], options.grid))
        self._known = Knowledge(options.levels)
        self._steps = Steps(options)
        height, width, channels = shape
        self._pixels = Average((height, width), channels + 2)
        sizes = [tuple(side >> level for side in self._size) for level in range(options.levels + 1)]
        self._bands = [Average(size, 1) for size in sizes] if options.mend else []
        self._index = np.zeros((height, width), np.uint16)
        self._lowest = np.full((channels, height, width), np.inf, np.float32)
        self._highest = np.full((channels, height, width), -np.inf, np.float32)

    def look(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._known.look(self._padded(to_grey(pixels)), self._shares(covered))

    def add(self, pixels: Pixels, covered: NDArray[np.bool_] | None = None) -> None:
        self._known.close()
        bands = self._known.show(self._padded(to_grey(pixels)))
        score, scores = self._steps.scores(self._known)
        self._cover(score, scores, covered)
        self._add_pixels(cv2.split(pixels), score, True if covered is None else covered)
        for band in zip(self._bands, scores, bands, strict=False):
            workers.each(partial(_add_strip, *band), tiles.strips(len(band[1]), _STRIP))
        self._count += 1

    def result(self) -> Pixels:
        planes, sure = self._pixels.result(slice(self._shape[2]))
        picture = cv2.merge(planes).reshape(self._shape)
        if self._bands and self._count > 1:
            luma = to_grey(picture)
            blended = [band.result(slice(1))[0][0] for band in self._bands]
            mended = self._steps.mended(
                self._known, self._padded(luma), blended, self._padded(sure)
            )
            change = mended[: self._shape[0], : self._shape[1]] - luma
            for channel in range(self._shape[2]):
                self._limit(change, picture[:, :, channel], channel)
        return picture

    def location(self) -> Location:
        depth, square = self._pixels.result(slice(-2, None))[0]
        variance = np.maximum(square - depth * depth, 0)
        return Location(self._index, depth, np.reciprocal(1 + np.sqrt(variance)))

    def _add_pixels(
        self, planes: Planes, score: Grey, covered: NDArray[np.bool_] | Literal[True]
    ) -> None:
        number = np.float32(self._count)

        def take(strip: Tile) -> None:
            rows = strip.rows
            parts = [plane[rows] for plane in planes]
            is_best = self._pixels.add(
                rows, score[rows, : self._shape[1]], [*parts, number, number * number]
            )
            np.copyto(self._index[rows], np.uint16(self._count), where=is_best)
            here = covered if covered is True else covered[rows]
            for part, low, high in zip(parts, self._lowest, self._highest, strict=True):
                np.minimum(low[rows], part, out=low[rows], where=here)
                np.maximum(high[rows], part, out=high[rows], where=here)

        workers.each(take, tiles.strips(self._shape[0], _STRIP))

    def _limit(self, change: Grey, plane: Grey, channel: int) -> None:
        """Add the change to the plane, within what the frames allow."""
        square = np.ones((3, 3), np.uint8)
        low, high = self._lowest[channel], self._highest[channel]
        apart = cv2.dilate(high - low, square)
        low = np.maximum(cv2.erode(low, square), plane - apart)
        high = np.minimum(cv2.dilate(high, square), plane + apart)
        plane += change
        np.clip(plane, low, high, out=plane)

    def _padded(self, plane: Grey) -> Grey:
        below, right = (self._size[axis] - self._shape[axis] for axis in (0, 1))
        return cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT_101)

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


class Steps:
    """The networks, run level by level over blocks that fit a core's cache."""

    def __init__(self, options: Prism):
        self._options = options

    def scores(self, known: Knowledge) -> tuple[Grey, list[Grey]]:
        """Of the frame that is shown: of its pixels, and of its bands, fine to coarse, and base."""
        made: list[Grey] = []
        coarsest = known.seen[-1].shape
        features = np.zeros((CHANNELS, coarsest[1] // 4, coarsest[2] // 4), np.float32)
        for maps in reversed(known.seen[1:]):
            found = self._stepped("coarse", maps, features, 5 + CHANNELS, 2)
            if not made:
                made.append(found[4])
            made.append(unsquared(found[:4]))
            features = found[5:]
        pixels, band = self._stepped("fine", known.seen[0], features, 2, 1)
        return pixels, [band, *reversed(made)]

    def mended(self, known: Knowledge, luma: Grey, blended: list[Grey], sure: Weight) -> Grey:
        """One luma of that of the averaged frames and of the averaged bands and base.

        Overwrites what is known of single frames.
        """
        bands, lows = pyramid(luma, len(known.seen))
        other_low, low = blended[-1], lows[-1]
        other_lows = []
        for band in reversed(blended[:-1]):
            other_low = band + cv2.pyrUp(other_low)
            other_lows.append(other_low)
        pools = [sure]
        for _ in bands[1:]:
            pools.append(cv2.resize(pools[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        coarsest = bands[-1].shape
        features = np.zeros((MEND_CHANNELS, coarsest[0] // 4, coarsest[1] // 4), np.float32)
        for level, other_low in zip(reversed(range(len(bands))), other_lows, strict=True):
            maps, raised = known.seen[level], cv2.pyrUp(low)
            given = (bands[level], blended[level], lows[level], other_low, pools[level], raised)
            for place, part in zip(_MENDED, given, strict=True):
                maps[place] = part
            found = self._stepped("mend", maps, features, 4 + MEND_CHANNELS, 2)
            features = found[4:]
            low = raised + bands[level] + unsquared(found[:4]) * np.exp(0.5 * maps[_LARGEST])
        return low

    def _stepped(self, part: str, maps: Maps, features: Maps, count: int, scale: int) -> Maps:
        """(count, h / scale, w / scale): a step over maps (8, h, w), features (C, h/4, w/4)."""
        height, width = maps.shape[1:]
        made = np.empty((count, height // scale, width // scale), np.float32)
        options = self._options
        network = _tiled.opened(
            f"prism.{part}",
            options.engine,
            options.precision,
            (("coarser", (1, len(features), -1, -1)), ("maps", (1, len(maps), -1, -1))),
        )

        def fill(block: _tiled.Block) -> None:
            given = {"maps": block.cut(maps), "coarser": block.cut(features, 4)}
            block.put(made, network(given)[0], scale)

        workers.each(fill, _BLOCKS.over((height, width)))
        return made


class Knowledge:
    """What all frames together have in each band, and what the network sees of one frame.

    `seen` is (8, h, w) of each level, fine to coarse: band, log energy and low pass of the frame;
    largest and mean log energy, log of how many share the largest, band and low pass of a
    provisional composite by the classical rule (each band weighted with its squared energy).
    """

    def __init__(self, levels: int):
        self._levels, self._count, self._is_closed = levels, 0, False
        self.seen: list[Maps] = []
        self._base: Grey = np.empty((0, 0), np.float32)

    def look(self, grey: Grey, share: Weight | None = None) -> None:
        """Take note of a frame; `share` says how much of each pixel has data."""
        bands, lows = pyramid(grey, self._levels)
        if not self.seen:
            self.seen = [np.zeros((_SEEN, *band.shape), np.float32) for band in bands]
            self._base = np.zeros_like(lows[-1])
        for band, seen in zip(bands, self.seen, strict=True):
            energy = energy_of(band)
            if share is not None:
                energy[share < 1] = _NOTHING
                share = cv2.resize(share, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            np.maximum(seen[_LARGEST], energy, out=seen[_LARGEST])
            seen[_MEAN] += cv2.log(energy)
            energy *= energy
            seen[_SHARERS] += energy
            energy *= band
            seen[_COMPOSITE_BAND] += energy
        self._base += lows[-1]
        self._count += 1

    def close(self) -> None:
        """All frames have been looked at; sums become means. More calls change nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        low = self._base / np.float32(self._count)
        for seen in reversed(self.seen):
            seen[_COMPOSITE_BAND] /= seen[_SHARERS]
            seen[_MEAN] /= np.float32(self._count)
            seen[_LARGEST] = cv2.log(seen[_LARGEST])
            seen[_SHARERS] = cv2.log(seen[_SHARERS]) - 2 * seen[_LARGEST]
            low = seen[_COMPOSITE_BAND] + cv2.pyrUp(low)
            seen[_COMPOSITE_LOW] = low

    def show(self, grey: Grey) -> list[Grey]:
        """Put this frame's maps into `seen`; its bands and base."""
        bands, lows = pyramid(grey, self._levels)
        for band, low, seen in zip(bands, lows, self.seen, strict=False):
            seen[_BAND], seen[_LOW] = band, low
            cv2.log(energy_of(band), seen[_ENERGY])
        return [*bands, lows[-1]]


class Average:
    """Mean over frames with the softmax of scores, one frame at a time."""

    def __init__(self, size: Sequence[int], channels: int):
        self._best = np.full(size, -np.inf, np.float32)
        self._share = np.zeros(size, np.float32)
        self._totals = np.zeros((channels, *size), np.float32)

    def add(
        self, rows: slice, scores: Grey, values: Sequence[Grey | np.float32]
    ) -> NDArray[np.bool_]:
        """Take in rows of a frame's channels; where it weighs most so far."""
        best = self._best[rows]
        is_best = scores > best
        higher = np.maximum(best, scores)
        kept = np.exp(best - higher)
        weight = np.exp(scores - higher)
        best[...] = higher
        share = self._share[rows]
        share *= kept
        share += weight
        for total, value in zip(self._totals, values, strict=True):
            part = total[rows]
            part *= kept
            part += weight * value
        return is_best

    def result(self, channels: slice) -> tuple[list[Grey], Weight]:
        """The means of these channels, and the largest weight of a frame."""
        sure = np.reciprocal(self._share)
        return [total * sure for total in self._totals[channels]], sure


def _add_strip(average: Average, score: Grey, band: Grey, strip: Tile) -> None:
    average.add(strip.rows, score[strip.rows], [band[strip.rows]])


def pyramid(plane: Grey, levels: int) -> tuple[list[Grey], list[Grey]]:
    """Bands of a Laplacian pyramid, and what each was taken from, then the base."""
    bands, lows = [], [plane]
    for _ in range(levels):
        smaller = cv2.pyrDown(plane)
        bands.append(plane - cv2.pyrUp(smaller))
        lows.append(smaller)
        plane = smaller
    return bands, lows


def energy_of(band: Grey) -> Grey:
    """Mean square around each pixel, never below that of 8-bit rounding."""
    return cv2.GaussianBlur(band * band, (3, 3), 0) + _NOTHING


def unsquared(squares: Maps) -> Grey:
    """(4, h, w): the pixels of squares of 2×2 -> (2h, 2w)."""
    _, height, width = squares.shape
    plane = np.empty((2 * height, 2 * width), np.float32)
    for place, part in enumerate(squares):
        plane[place // 2 :: 2, place % 2 :: 2] = part
    return plane
