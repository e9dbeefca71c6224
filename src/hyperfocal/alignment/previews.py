"""Previews of frames: small enough to be matched quickly, kept on disk while they are needed.

A preview pixel is the mean of a square of frame pixels, so positions convert exactly.
"""

from __future__ import annotations

import dataclasses
import math
from types import TracebackType

import cv2
import numpy as np

from hyperfocal.alignment.clipping import is_clipped
from hyperfocal.alignment.hot_pixels import Candidates, HotPixels
from hyperfocal.alignment.transforms import Matrix, rescaled
from hyperfocal.frame import FrameInfo, Grey, Pixels, to_grey
from hyperfocal.io.coverage import Mask, filled
from hyperfocal.io.scratch import Scratch
from hyperfocal.stack.stack import Stack

_LARGEST = 2e6  # px of a preview
_CELL = 16  # px of a preview that make one cell for comparing brightness
_ROWS = 256  # of a frame, read at once


class Previews:
    """Grey previews of a stack's frames, and their colours cell by cell; close it, or use `with`.

    Each frame is decoded once, memory does not depend on how many there are. `seeks_hot_pixels`
    looks for them on the way, for `hot_pixels`.
    """

    def __init__(self, stack: Stack, *, seeks_hot_pixels: bool = False):
        info = stack.info
        self.stack = stack
        # A frame thinner than the square stays as it is; there is nothing to gain.
        wanted = math.ceil(math.sqrt(info.height * info.width / _LARGEST))
        self.factor = max(1, min(wanted, info.height, info.width))
        self.shape = info.height // self.factor, info.width // self.factor
        self.cells = max(1, self.shape[0] // _CELL), max(1, self.shape[1] // _CELL)
        self._hot = Candidates(info.height, info.width) if seeks_hot_pixels else None
        self._hidden: Mask | None = None
        self._greys = _spool(info, self.shape, 1)
        self._levels = _spool(info, self.cells, 2 * info.channels + 1)

    def __enter__(self) -> Previews:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was kept on disk."""
        self._greys.close()
        self._levels.close()

    def grey(self, index: int, *, is_whole: bool = False) -> Grey:
        """(height, width) of `shape`, brought to a mean of 0.4 so that dark frames match too.

        What was hidden is filled with what lies beside it, unless the whole is wanted.
        """
        self._have(index)
        grey = self._greys.rows(index, slice(None))[:, :, 0]
        if self._hidden is not None and not is_whole:
            grey = filled(grey[:, :, None], ~self._hidden, self._hidden)[:, :, 0]
        return grey * np.float32(0.4 / max(float(grey.mean()), 0.004))

    def hot_pixels(self) -> HotPixels | None:
        """Those that all frames of the stack seem to have; None where none are, or were sought."""
        if self._hot is None:
            return None
        for index in range(len(self.stack)):
            self._have(index)
        return self._hot.found()

    @property
    def known(self) -> Grey | None:
        """0 where frames are hidden, else 1; None: 1 everywhere."""
        return None if self._hidden is None else (~self._hidden).astype(np.float32)

    def hide(self, mask: Mask | None) -> None:
        """Show no more what lies here in all frames, (height, width) of `shape`; None: all."""
        self._hidden = mask

    def levels(self, index: int) -> tuple[Pixels, Pixels]:
        """Mean and mean square of the pixels of each cell, both (height, width, channels)."""
        self._have(index)
        levels = self._levels.rows(index, slice(None))
        channels = levels.shape[2] // 2
        return levels[:, :, :channels], levels[:, :, channels:-1]

    def clipped(self, index: int) -> Grey:
        """The share of each cell's pixels that are clipped in any channel, (height, width)."""
        self._have(index)
        return self._levels.rows(index, slice(None))[:, :, -1]

    def light(self, index: int) -> float:
        """The mean of a frame."""
        return float(self.levels(index)[0].mean())

    def to_frame(self, matrix: Matrix) -> Matrix:
        """The same motion in pixels of a frame."""
        return rescaled(matrix, self.factor, self.factor)

    def to_preview(self, matrix: Matrix) -> Matrix:
        """The same motion in pixels of a preview."""
        return rescaled(matrix, 1 / self.factor, 1 / self.factor)

    def to_cells(self, matrix: Matrix) -> Matrix:
        """A motion in pixels of a preview, in cells."""
        (height, width), (rows, columns) = self.shape, self.cells
        return rescaled(matrix, columns / width, rows / height)

    def _have(self, index: int) -> None:
        if index in self._levels:
            return
        self.stack.load(index, then=index + 1)
        height, width = self.shape
        channels = self.stack.info.channels
        means, squares = np.empty((2, height, width, channels), np.float32)
        clipped = np.empty((height, width, 1), np.float32)
        step = max(1, _ROWS // self.factor)
        for top in range(0, height, step):
            strip = slice(top, min(height, top + step))
            rows = slice(strip.start * self.factor, strip.stop * self.factor)
            if strip.stop == height:
                rows = slice(rows.start, self.stack.info.height)
            pixels = self.stack.read(index, rows)
            if self._hot is not None:
                self._hot.take(rows.start, pixels)
            pixels = pixels[:, : width * self.factor]
            pixels = pixels[: (strip.stop - strip.start) * self.factor]
            shape = strip.stop - strip.start, width
            means[strip] = _reduced(pixels, shape)
            squares[strip] = _reduced(pixels * pixels, shape)
            clipped[strip] = _reduced(is_clipped(pixels)[:, :, None].astype(np.float32), shape)
        self._greys.put(index, to_grey(means)[:, :, None])
        levels = [_reduced(part, self.cells) for part in (means, squares, clipped)]
        self._levels.put(index, np.concatenate(levels, axis=2))


def _reduced(pixels: Pixels, shape: tuple[int, int]) -> Pixels:
    small = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA)
    return small.reshape(*shape, pixels.shape[2])


def _spool(info: FrameInfo, shape: tuple[int, int], channels: int) -> Scratch:
    kind = dataclasses.replace(
        info, height=shape[0], width=shape[1], channels=channels, dtype=np.dtype(np.float32)
    )
    return Scratch(kind)
