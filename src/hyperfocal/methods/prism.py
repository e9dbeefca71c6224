"""Prism: a small network scores every frame at every pixel; a softmax over frames fuses them.

Trained without labels, on scenes composed of photographs (training/scenes.py), to make what one
pinhole would see. Two passes over the frames. The first notes what the stack has in each band of a
Laplacian pyramid: the largest and the mean energy, and a provisional composite. In the second the
network walks from the coarse band of each frame to the fine one and gives two scores a pixel; the
frames are averaged with the softmax of each. A last network takes out of the first average, with
the help of the second, what no frame had right, such as halos where something near hides something
far; it runs once, however many frames there are. All sums are folds: neither the memory nor the
result depends on the frames' number or order.

Values never leave the range that the frames span within one pixel around.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal import tiles
from hyperfocal.engines import Precision
from hyperfocal.frame import Grey, Pixels, Weight, to_grey
from hyperfocal.measures import _tiled
from hyperfocal.measures._tiled import EngineOptions
from hyperfocal.methods import Location
from hyperfocal.options import option
from hyperfocal.tiles import rounded_up

Maps = NDArray[np.float32]  # (maps, height, width)

_CHANNELS, _MEND_CHANNELS = 32, 16  # features of the two networks
_REACH = 2  # convolutions of a step, each one square of 2×2 px
_SIDE = 512  # px of a block, at most
_NOTHING = np.float32(1e-6)  # energy of a band that counts as nothing
_SEEN = 8  # maps that a step takes
_BAND, _ENERGY, _LOW, _LARGEST, _MEAN, _SHARERS, _COMPOSITE_BAND, _COMPOSITE_LOW = range(_SEEN)
_STRIP = 64  # rows that are averaged at a time, to stay in the cache


@dataclass(frozen=True)
class Prism(EngineOptions):
    """Options of the method; the network is the shipped one."""

    precision: Precision = option("bf16", "arithmetic of the network, where the processor has it")
    levels: int = option(5, "bands of the pyramid: more see wider blur", low=3, high=8)
    mend: bool = option(True, "take out of the average what no frame had right")

    locates: ClassVar[bool] = True

    @property
    def bytes_per_pixel(self) -> int:
        return 220

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
    """What is known of the stack, then the two averages, for one tile."""

    def __init__(self, options: Prism, shape: tuple[int, int, int]):
        self._options, self._shape = options, shape
        height, width, channels = shape
        self._size = (rounded_up(height, options.grid), rounded_up(width, options.grid))
        self._knowledge = Knowledge(options.levels)
        self._average = Average(height, width, channels + 2)
        self._other = Average(height, width, channels)
        self._lowest = np.full(shape, np.inf, np.float32)
        self._highest = np.full(shape, -np.inf, np.float32)
        self._index = np.zeros(shape[:2], np.uint16)
        self._added = 0

    def look(self, pixels: Pixels) -> None:
        self._knowledge.look(self._grey(pixels))

    def add(self, pixels: Pixels) -> None:
        knowledge = self._knowledge
        knowledge.close()
        scores = self._scores(self._grey(pixels))
        number = np.float32(self._added)
        height, width, _ = self._shape

        def take(strip: tiles.Tile) -> None:
            rows = strip.rows
            part = pixels[rows]
            place = np.broadcast_to(number, (*part.shape[:2], 1))
            values = np.concatenate([part, place, place * place], 2)
            is_best = self._average.add(rows, scores[0, rows, :width], values)
            np.copyto(self._index[rows], np.uint16(self._added), where=is_best)
            self._other.add(rows, scores[1, rows, :width], part)
            np.minimum(self._lowest[rows], part, out=self._lowest[rows])
            np.maximum(self._highest[rows], part, out=self._highest[rows])

        _each(take, tiles.strips(height, _STRIP))
        self._added += 1

    def result(self) -> Pixels:
        channels = self._shape[2]
        first, sure = self._average.result()
        second, _ = self._other.result()
        picture = first[:, :, :channels]
        if self._options.mend and self._added > 1:
            mended = [
                self._mended(picture[:, :, channel], second[:, :, channel], sure)
                for channel in range(channels)
            ]
            picture = np.stack(mended, axis=2)
        square = np.ones((3, 3), np.uint8)
        for channel in range(channels):
            low = cv2.erode(self._lowest[:, :, channel], square)
            high = cv2.dilate(self._highest[:, :, channel], square)
            np.clip(picture[:, :, channel], low, high, out=picture[:, :, channel])
        return picture

    def location(self) -> Location:
        channels = self._shape[2]
        means, _ = self._average.result()
        depth = np.ascontiguousarray(means[:, :, channels])
        variance = np.maximum(means[:, :, channels + 1] - depth * depth, 0)
        return Location(self._index, depth, np.reciprocal(1 + np.sqrt(variance)))

    def _grey(self, pixels: Pixels) -> Grey:
        below, right = (self._size[axis] - self._shape[axis] for axis in (0, 1))
        return cv2.copyMakeBorder(to_grey(pixels), 0, below, 0, right, cv2.BORDER_REFLECT_101)

    def _scores(self, grey: Grey) -> Maps:
        """(2, height, width), higher where the frame is to be taken."""
        known = self._knowledge
        known.show(grey)
        coarser = np.zeros(
            (_CHANNELS, *(side // 4 for side in known.seen[-1].shape[1:])), np.float32
        )
        for maps in reversed(known.seen[1:]):
            half = tuple(side // 2 for side in maps.shape[1:])
            coarser = self._stepped(
                "coarse", maps, coarser, np.empty((_CHANNELS, *half), np.float32)
            )
        return self._stepped("fine", known.seen[0], coarser, np.empty((2, *grey.shape), np.float32))

    def _mended(self, first: Grey, second: Grey, sure: Weight) -> Grey:
        """One channel of the first average, mended; all (height, width)."""
        known = self._knowledge
        size = [self._size[axis] - self._shape[axis] for axis in (0, 1)]
        first, second, sure = (
            cv2.copyMakeBorder(
                np.ascontiguousarray(part), 0, size[0], 0, size[1], cv2.BORDER_REFLECT_101
            )
            for part in (first, second, sure)
        )
        bands, lows = pyramid(first, self._options.levels)
        others, other_lows = pyramid(second, self._options.levels)
        pools = [sure]
        for _ in bands[1:]:
            pools.append(cv2.resize(pools[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        coarser = np.zeros((_MEND_CHANNELS, *(side // 4 for side in bands[-1].shape)), np.float32)
        low = lows[-1]
        for level in reversed(range(len(bands))):
            raised = cv2.pyrUp(low)
            seen = known.seen[level]
            maps = np.stack(
                [
                    bands[level],
                    others[level],
                    lows[level],
                    other_lows[level],
                    seen[_LARGEST],
                    seen[_SHARERS],
                    pools[level],
                    raised,
                ]
            )
            half = tuple(side // 2 for side in raised.shape)
            made = self._stepped(
                "mend", maps, coarser, np.empty((4 + _MEND_CHANNELS, *half), np.float32)
            )
            coarser = made[4:]
            change = np.empty_like(raised)
            for place in range(4):
                change[place // 2 :: 2, place % 2 :: 2] = made[place]
            low = raised + bands[level] + change * np.exp(0.5 * seen[_LARGEST])
        return low[: self._shape[0], : self._shape[1]]

    def _stepped(self, part: str, maps: Maps, coarser: Maps, made: Maps) -> Maps:
        """`made` (…, h/s, w/s), filled by a step of the network over maps (…, h, w)."""
        scale = maps.shape[1] // made.shape[1]
        size = maps.shape[1:]
        border = rounded_up(2 * _REACH, 4)
        blocks = _tiled.Blocks(side=_SIDE, border=border, grid=4)
        side = tuple(blocks.fitting(length) for length in size)
        quarter = tuple(length // 4 for length in side)
        options = self._options
        shapes = {"maps": (1, len(maps), *side), "coarser": (1, len(coarser), *quarter)}
        network = _tiled.opened(
            f"prism.{part}", options.engine, options.precision, tuple(sorted(shapes.items()))
        )

        def fill(corner: tuple[int, int]) -> None:
            top, left = corner
            found = network(
                {
                    "maps": np.ascontiguousarray(
                        maps[None, :, top : top + side[0], left : left + side[1]]
                    ),
                    "coarser": np.ascontiguousarray(
                        coarser[
                            None,
                            :,
                            top // 4 : top // 4 + quarter[0],
                            left // 4 : left // 4 + quarter[1],
                        ]
                    ),
                }
            )[0]
            cut_top, cut_left = border * (top > 0), border * (left > 0)
            cut_bottom = side[0] - border * (top + side[0] < size[0])
            cut_right = side[1] - border * (left + side[1] < size[1])
            made[
                :,
                (top + cut_top) // scale : (top + cut_bottom) // scale,
                (left + cut_left) // scale : (left + cut_right) // scale,
            ] = found[
                :, cut_top // scale : cut_bottom // scale, cut_left // scale : cut_right // scale
            ]

        _each(fill, blocks.corners(size, side))
        return made


class Knowledge:
    """What all frames together have in each band, and what the network sees of one frame.

    `seen` is (8, h, w) of each level, fine to coarse: band, log energy and low pass of the frame;
    largest and mean log energy, log of how many share the largest, band and low pass of a
    provisional composite by the classical rule (each band weighted with its squared energy).
    """

    def __init__(self, levels: int):
        self._levels, self._count = levels, 0
        self.seen: list[Maps] = []
        self._base: Grey = np.empty((0, 0), np.float32)
        self._is_closed = False

    def look(self, grey: Grey) -> None:
        bands, lows = pyramid(grey, self._levels)
        if not self.seen:
            self.seen = [np.zeros((_SEEN, *band.shape), np.float32) for band in bands]
            self._base = np.zeros_like(lows[-1])
        for band, seen in zip(bands, self.seen, strict=True):
            energy = energy_of(band)
            np.maximum(seen[_LARGEST], energy, out=seen[_LARGEST])
            seen[_MEAN] += cv2.log(energy)
            energy *= energy
            seen[_SHARERS] += energy
            seen[_COMPOSITE_BAND] += energy * band
        self._base += lows[-1]
        self._count += 1

    def close(self) -> None:
        """The frames have been looked at; sums become means. More calls change nothing."""
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

    def show(self, grey: Grey) -> None:
        """Put this frame's maps into `seen`."""
        bands, lows = pyramid(grey, self._levels)
        for band, low, seen in zip(bands, lows, self.seen, strict=False):
            seen[_BAND], seen[_LOW] = band, low
            seen[_ENERGY] = cv2.log(energy_of(band))


class Average:
    """Mean over frames with the softmax of scores, one frame at a time."""

    def __init__(self, height: int, width: int, channels: int):
        self._best = np.full((height, width), -np.inf, np.float32)
        self._share = np.zeros((height, width), np.float32)
        self._total = np.zeros((height, width, channels), np.float32)

    def add(self, rows: slice, scores: Grey, values: Pixels) -> NDArray[np.bool_]:
        """Take in rows of a frame, values (rows, width, channels); where it weighs most so far."""
        is_best = scores > self._best[rows]
        best = np.maximum(self._best[rows], scores)
        kept = np.exp(self._best[rows] - best)
        weight = np.exp(scores - best)
        self._best[rows] = best
        self._share[rows] = self._share[rows] * kept + weight
        total = self._total[rows]
        total *= kept[:, :, None]
        total += weight[:, :, None] * values
        return is_best

    def result(self) -> tuple[Pixels, Weight]:
        """The mean, and the largest weight of a frame."""
        sure = np.reciprocal(self._share)
        return self._total * sure[:, :, None], sure


def pyramid(grey: Grey, levels: int) -> tuple[list[Grey], list[Grey]]:
    """Bands of a Laplacian pyramid, and what each was taken from, then the base."""
    bands, lows = [], [grey]
    for _ in range(levels):
        smaller = cv2.pyrDown(grey)
        bands.append(grey - cv2.pyrUp(smaller))
        lows.append(smaller)
        grey = smaller
    return bands, lows


def energy_of(band: Grey) -> Grey:
    """Mean square around each pixel, never below that of 8-bit rounding."""
    return cv2.GaussianBlur(band * band, (3, 3), 0) + _NOTHING


def _each(work: Callable[..., None], parts: Iterator[object]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(work, parts))
