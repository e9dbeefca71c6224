"""What Prism knows of a stack, level by level of a Laplacian pyramid, and shows its networks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel, tiles
from hyperfocal.compute.buffers import Buffers, ThreadBuffers
from hyperfocal.compute.tiles import Tile
from hyperfocal.frame import Grey, Weight
from hyperfocal.inference.blocks import Block, Blocks
from hyperfocal.methods.prism.config import FEATURES, RULE, PrismConfig

# A plane pixel-unshuffled by 2, as the networks take it: (4, height / 2, width / 2).
Unshuffled = NDArray[np.float32]

_SIDE = 128  # unshuffled pixels of a block; what fits a core's cache
STRIP = 64  # rows that are worked on at a time, to stay in the cache
_held = ThreadBuffers()


class StackStatistics:
    """What all frames have together, and what the network sees of one of them."""

    def __init__(self, level_count: int, config: PrismConfig):
        # Fine to coarse, when all frames have been looked at.
        self.levels: list[list[BlockFeatures]] = []
        self._level_count, self._config, self._count = level_count, config, 0
        self._sums: list[BandSums] = []
        self._base: Grey = np.empty((0, 0), np.float32)
        self._buffers = Buffers()

    def observe(self, grey: Grey, share: Weight | None = None) -> None:
        """Take note of a frame; `share` says how much of each pixel has data."""
        bands, lows = pyramid(grey, self._level_count, self._buffers)
        if not self._sums:
            self._sums = [BandSums(band.shape, self._config.epsilon) for band in bands]
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
            self.levels.insert(0, self._parts(self._sums.pop(), low))

    def pyramid(self, grey: Grey) -> tuple[list[Grey], list[Grey]]:
        """Of a frame; the next one's overwrites it."""
        return pyramid(grey, len(self.levels), self._buffers)

    def clear(self) -> None:
        """Give back the memory of the last frame."""
        self._buffers.clear()

    def _parts(self, sums: BandSums, low: Grey) -> list[BlockFeatures]:
        parts: list[BlockFeatures] = []
        size = low.shape[0] // 2, low.shape[1] // 2
        # A convolution of a step sees one unshuffled pixel more on each side.
        blocks = Blocks(side=_SIDE, border=self._config.depth, grid=2)
        parallel.for_each(
            lambda block: parts.append(BlockFeatures(block, sums, low, self._count, self._config)),
            blocks.over(size),
        )
        return parts


class BandSums:
    """Of the frames looked at, in one level: largest energy; sums over frames of its logarithm, of
    its square, and of bands weighted with that (the classical rule)."""

    def __init__(self, size: tuple[int, ...], epsilon: float):
        self.largest, self.logs, self.squared, self.bands = np.zeros((4, *size), np.float32)
        self._epsilon = np.float32(epsilon)

    def add(self, band: Grey, share: Weight | None) -> None:
        def take(strip: Tile) -> None:
            rows = strip.rows
            energy = _energy(band[strip.outer_rows], self._epsilon)[strip.inner_rows]
            if share is not None:
                energy[share[rows] < 1] = self._epsilon
            np.maximum(self.largest[rows], energy, out=self.largest[rows])
            self.logs[rows] += cv2.log(energy, _held("log", *energy.shape))
            energy *= energy
            self.squared[rows] += energy
            energy *= band[rows]
            self.bands[rows] += energy

        parallel.for_each(take, tiles.strips(len(band), STRIP, 1))

    def composite(self, low: Grey) -> Grey:
        """Low pass of the composite, from that of the next coarser level at this level's size.

        Sums of bands become those of the composite; `low` is overwritten.
        """
        self.bands /= self.squared
        low += self.bands
        return low


class BlockFeatures:
    """A block of a level, and what the networks see of it; all pixel-unshuffled by 2."""

    def __init__(self, block: Block, sums: BandSums, low: Grey, count: int, config: PrismConfig):
        self.block = block
        self._power, self._epsilon = np.float32(config.power), np.float32(config.epsilon)
        self._features = np.empty((FEATURES + 3, 4, *block.side), np.float32)
        self._scale, self._low, self._largest = self._features[FEATURES:]
        rows, columns = self._here = _pixels(block)
        largest = cv2.log(sums.largest[rows, columns])
        scale = np.exp(largest / -2)
        pixel_unshuffle(scale, self._scale)
        pixel_unshuffle(largest, self._largest)
        pixel_unshuffle(low[rows, columns], self._low)
        features = (
            sums.bands[rows, columns] * scale,
            (largest - sums.logs[rows, columns] / np.float32(count)) / 2,
            (largest + 9) / 3,
            cv2.log(sums.squared[rows, columns]) - 2 * largest,
        )
        for unshuffled, feature in zip(self._features[3:FEATURES], features, strict=True):
            pixel_unshuffle(feature, unshuffled)

    @property
    def features(self) -> Unshuffled:
        """(1, 28, h, w), for a network."""
        return self._features[:FEATURES].reshape(1, 4 * FEATURES, *self.block.side)

    def show(self, band: Grey, low: Grey) -> None:
        """Let the scoring network see this of a frame, and the energy of the band."""
        scaled, rule, lower = self._features[:3]
        energy = self._energy(band)
        pixel_unshuffle(cv2.log(energy, energy), rule)
        rule -= self._largest
        rule *= self._power
        pixel_unshuffle(band[self._here], scaled, np.multiply, self._scale)
        pixel_unshuffle(low[self._here], lower, np.subtract, self._low)
        lower *= self._scale
        _squash(lower)

    def compare(
        self, band: Grey, other: Grey, low: Grey, other_low: Grey, raised: Grey, max_weight: Weight
    ) -> None:
        """Let the refining network see this: bands and low passes of both averages, what is
        refined so far, the largest weight of a frame."""
        band, other, low, other_low, raised, max_weight = (
            plane[self._here] for plane in (band, other, low, other_low, raised, max_weight)
        )
        for place, plane in enumerate((band, other - band, low - other_low, raised + band - low)):
            pixel_unshuffle(plane, self._features[place], np.multiply, self._scale)
        _squash(self._features[2])
        pixel_unshuffle(max_weight, self._features[4])

    def put_scores(self, learned: Unshuffled, plane: Grey) -> None:
        """Write into the plane the scores by the rule and what the network adds to them."""
        self._put(np.add, learned, self._features[RULE], plane)

    def put_change(self, made: Unshuffled, plane: Grey) -> None:
        """Write into the plane what the network gives in units of the largest deviation."""
        self._put(np.divide, made, self._scale, plane)

    def _put(self, combine: np.ufunc, one: Unshuffled, other: Unshuffled, plane: Grey) -> None:
        (rows, columns), own = self.block.places()
        for place in range(4):
            down, right = divmod(place, 2)
            own_rows = slice(2 * rows.start + down, 2 * rows.stop, 2)
            own_columns = slice(2 * columns.start + right, 2 * columns.stop, 2)
            combine(one[place][own], other[place][own], out=plane[own_rows, own_columns])

    def _energy(self, band: Grey) -> Grey:
        """Of the block, with what lies around it."""
        around, inner = zip(*map(_widened, self._here, band.shape), strict=True)
        return _energy(band[around], self._epsilon)[inner]


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


def pixel_unshuffle(
    plane: Grey,
    out: Unshuffled,
    combine: np.ufunc | None = None,
    other: Unshuffled | None = None,
) -> None:
    """(2h, 2w) -> `out` (4, h, w), as torch has it; combined with another such array."""
    for place, part in enumerate(out):
        pixels = plane[place // 2 :: 2, place % 2 :: 2]
        if combine is None or other is None:
            part[...] = pixels
        else:
            combine(pixels, other[place], out=part)


def _energy(band: Grey, epsilon: np.float32) -> Grey:
    """Mean square around each pixel, and what counts as nothing.

    The thread's next call overwrites it.
    """
    square = np.multiply(band, band, out=_held("square", *band.shape))
    energy: Grey = cv2.GaussianBlur(square, (3, 3), 0, _held("energy", *band.shape))
    energy += epsilon
    return energy


def _squash(values: Unshuffled) -> None:
    """Bring values within −4…4, as they are around 0."""
    size = np.abs(values, out=_held("size", *values.shape))
    size *= np.float32(0.25)
    size += 1
    values /= size


def _pixels(block: Block) -> tuple[slice, slice]:
    """Rows and columns of a block of unshuffled pixels, in pixels."""
    rows, columns = (
        slice(2 * start, 2 * (start + length))
        for start, length in zip(block.corner, block.side, strict=True)
    )
    return rows, columns


def _widened(pixels: slice, size: int) -> tuple[slice, slice]:
    """One pixel more on both sides, where there is one; where the given ones lie in that."""
    first = max(0, pixels.start - 1)
    start = pixels.start - first
    wide = slice(first, min(size, pixels.stop + 1))
    return wide, slice(start, start + pixels.stop - pixels.start)
