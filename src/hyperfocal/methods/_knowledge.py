"""What Prism knows of a stack, level by level of a Laplacian pyramid, and shows its networks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal import tiles, workers
from hyperfocal.buffers import Buffers
from hyperfocal.frame import Grey, Weight
from hyperfocal.tiles import Tile

# Pixels in squares of 2×2, as the networks take them: (4, height / 2, width / 2).
Squares = NDArray[np.float32]

FEATURES = 7  # that the networks see of a level; the last two are of the stack for both of them
_RULE, _LARGEST, _SHARERS = 1, 5, 6
POWER = np.float32(1.309)  # of the energy in the rule that scores start from
_NOTHING = np.float32(1e-6)  # energy of a band that counts as nothing
_STRIP = 64  # rows that are worked on at a time, to stay in the cache


class Knowledge:
    """What all frames have together, and what the network sees of one of them."""

    def __init__(self, level_count: int):
        self.levels: list[Level] = []  # fine to coarse, when all frames have been looked at
        self._level_count, self._count = level_count, 0
        self._sums: list[Sums] = []
        self._base: Grey = np.empty((0, 0), np.float32)
        self._buffers = Buffers()

    def look(self, grey: Grey, share: Weight | None = None) -> None:
        """Take note of a frame; `share` says how much of each pixel has data."""
        bands, lows = pyramid(grey, self._level_count, self._buffers)
        if not self._sums:
            self._sums = [Sums(*band.shape) for band in bands]
            self._base = np.zeros_like(lows[-1])
        for band, sums in zip(bands, self._sums, strict=True):
            sums.add(band, share)
            if share is not None:
                share = cv2.resize(share, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        self._base += lows[-1]
        self._count += 1

    def close(self) -> None:
        """All frames have been looked at. More calls change nothing."""
        low = self._base / np.float32(self._count)
        while self._sums:
            low = self._sums[-1].composite(cv2.pyrUp(low))
            self.levels.insert(0, Level(self._sums.pop(), low, self._count))

    def show(self, grey: Grey) -> list[Grey]:
        """Let the network see this frame; its bands and base, for as long as it is shown."""
        bands, lows = pyramid(grey, self._level_count, self._buffers)
        for band, low, level in zip(bands, lows, self.levels, strict=False):
            level.show(band, low)
        return [*bands, lows[-1]]

    def clear(self) -> None:
        """Give back the memory of the last frame."""
        self._buffers.clear()


class Sums:
    """Of the frames looked at, in one level: largest energy; sums over frames of its logarithm, of
    its square, and of bands weighted with that (the classical rule)."""

    def __init__(self, height: int, width: int):
        self.largest, self.logs, self.squared, self.bands = np.zeros((4, height, width), np.float32)

    def add(self, band: Grey, share: Weight | None) -> None:
        def take(strip: Tile) -> None:
            rows = strip.rows
            energy = _energy(band, strip)
            if share is not None:
                energy[share[rows] < 1] = _NOTHING
            np.maximum(self.largest[rows], energy, out=self.largest[rows])
            self.logs[rows] += cv2.log(energy)
            energy *= energy
            self.squared[rows] += energy
            energy *= band[rows]
            self.bands[rows] += energy

        _each_strip(take, band)

    def composite(self, low: Grey) -> Grey:
        """Low pass of the composite, from that of the next coarser level at this level's size.

        Sums of bands become those of the composite; `low` is overwritten.
        """
        self.bands /= self.squared
        low += self.bands
        return low


class Level:
    """A level of the stack; `squares` (7, 4, h/2, w/2) is what the networks see there."""

    def __init__(self, sums: Sums, low: Grey, count: int):
        height, width = low.shape
        self.squares = np.empty((FEATURES, 4, height // 2, width // 2), np.float32)
        self._scale, self._low = np.empty((2, *self.squares.shape[1:]), np.float32)

        def take(strip: Tile) -> None:
            rows, halves = strip.rows, _halves(strip)
            largest = cv2.log(sums.largest[rows])
            scale = np.exp(largest / -2)
            to_squares(scale, self._scale[:, halves])
            to_squares(low[rows], self._low[:, halves])
            features = (
                sums.bands[rows] * scale,
                (largest - sums.logs[rows] / np.float32(count)) / 2,
                (largest + 9) / 3,
                cv2.log(sums.squared[rows]) - 2 * largest,
            )
            for place, feature in zip((3, 4, _LARGEST, _SHARERS), features, strict=True):
                to_squares(feature, self.squares[place, :, halves])

        _each_strip(take, low)

    def show(self, band: Grey, low: Grey) -> None:
        """Put in what the scoring network sees of a frame: its band, energy and low pass."""

        def take(strip: Tile) -> None:
            rows, halves = strip.rows, _halves(strip)
            squares, scale = self.squares[:, :, halves], self._scale[:, halves]
            energy = squares[_RULE]
            to_squares(cv2.log(_energy(band, strip)), energy)
            energy -= 3 * squares[_LARGEST] - 9
            energy *= POWER
            to_squares(band[rows], squares[0])
            squares[0] *= scale
            to_squares(low[rows], squares[2])
            squares[2] -= self._low[:, halves]
            squares[2] *= scale
            _squash(squares[2])

        _each_strip(take, band)

    def compare(
        self, band: Grey, other: Grey, low: Grey, other_low: Grey, raised: Grey, sure: Weight
    ) -> None:
        """Put in what the mending network sees: bands and low passes of both averages, what is
        mended so far, the largest weight of a frame."""

        def take(strip: Tile) -> None:
            rows, halves = strip.rows, _halves(strip)
            squares, scale = self.squares[:, :, halves], self._scale[:, halves]
            seen = (band[rows], other[rows] - band[rows], low[rows] - other_low[rows])
            for place, plane in enumerate((*seen, raised[rows] + band[rows] - low[rows])):
                to_squares(plane, squares[place])
                squares[place] *= scale
            _squash(squares[2])
            to_squares(sure[rows], squares[4])

        _each_strip(take, band)

    def scores(self, learned: Squares, plane: Grey) -> Grey:
        """By the rule and what the network adds to it, written into `plane`."""
        return to_plane(np.add, learned, self.squares[_RULE], plane)

    def change(self, squares: Squares) -> Grey:
        """Of a picture's band, of what the network gives in units of the largest deviation."""
        plane = np.empty((2 * squares.shape[1], 2 * squares.shape[2]), np.float32)
        return to_plane(np.divide, squares, self._scale, plane)


def pyramid(
    plane: Grey, levels: int, buffers: Buffers | None = None
) -> tuple[list[Grey], list[Grey]]:
    """Bands of a Laplacian pyramid, and what each was taken from, then the base."""
    buffers = buffers or Buffers()
    bands, lows = [], [plane]
    for _ in range(levels):
        height, width = plane.shape
        smaller = cv2.pyrDown(plane, buffers("low", height // 2, width // 2))
        band = cv2.pyrUp(smaller, buffers("band", height, width))
        bands.append(np.subtract(plane, band, out=band))
        lows.append(smaller)
        plane = smaller
    return bands, lows


def to_squares(plane: Grey, squares: Squares) -> None:
    """(2h, 2w): its pixels as squares of 2×2, (4, h, w)."""
    for place, part in enumerate(squares):
        part[...] = plane[place // 2 :: 2, place % 2 :: 2]


def to_plane(combine: np.ufunc, one: Squares, other: Squares, plane: Grey) -> Grey:
    """Two arrays of squares of 2×2 pixels, (4, h, w), combined into the plane (2h, 2w)."""
    for place, parts in enumerate(zip(one, other, strict=True)):
        combine(*parts, out=plane[place // 2 :: 2, place % 2 :: 2])
    return plane


def _energy(band: Grey, strip: Tile) -> Grey:
    """Mean square around each pixel of the strip, never below that of 8-bit rounding."""
    around = band[strip.outer_rows]
    energy: Grey = cv2.GaussianBlur(around * around, (3, 3), 0)[strip.inner_rows]
    energy += _NOTHING
    return energy


def _squash(values: Squares) -> None:
    """Bring values within −4…4, as they are around 0."""
    size = np.abs(values)
    size *= np.float32(0.25)
    size += 1
    values /= size


def _each_strip(work: Callable[[Tile], None], plane: Grey) -> None:
    """Work on the rows of a plane strip by strip; a strip's outer rows are one more."""
    workers.each(work, tiles.strips(len(plane), _STRIP, 1))


def _halves(strip: Tile) -> slice:
    """The rows of squares of a strip."""
    return slice(strip.top // 2, strip.bottom // 2)
