"""Samples that fill a part of their range only: 10 bits in 16, floats in camera counts.

Frames are brought to 0…1 by a power of two, which changes no digit of a sample, so that no measure
or network sees a picture that is all but black, and results go back to the scale of the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hyperfocal.frame import Pixels, WrappedSource, to_pixels
from hyperfocal.stack.stack import Stack

_LOOKED_AT = 5  # frames, spread over the stack
_ROWS = 256  # read at once
_HALF, _TWICE = 0.5, 2.0  # of the range; what lies between is taken as it is


@dataclass(frozen=True)
class ScaledSource(WrappedSource):
    """A frame whose pixels are multiplied by a number."""

    scale: float

    def read(self) -> Pixels:
        pixels: Pixels = to_pixels(self.source.read()) * np.float32(self.scale)
        return pixels


def scale_of(stack: Stack) -> float:
    """The power of two that brings a stack's pixels to 0…1; 1 for all that fill half of it.

    A few frames are looked at, first and last among them. 8 bits are always taken as they are.
    """
    if stack.info.dtype == np.uint8:
        return 1.0
    count = min(len(stack), _LOOKED_AT)
    places = {round(place * (len(stack) - 1) / max(1, count - 1)) for place in range(count)}
    largest = max(_largest(stack, index) for index in sorted(places))
    if largest <= 0 or not math.isfinite(largest):
        return 1.0
    # Just below a power of two, as 1023 of 1024 is.
    filled = 2.0 ** math.ceil(math.log2(largest))
    return 1.0 if _HALF < largest <= _TWICE else 1 / filled


def scaled(stack: Stack, scale: float) -> Stack:
    """The stack with its pixels multiplied; itself where there is nothing to do."""
    if scale == 1:
        return stack
    made = Stack([ScaledSource(source, scale) for source in stack.sources], stack.ignored)
    if stack.is_spooled:
        made.spool()
    return made


def _largest(stack: Stack, index: int) -> float:
    stack.load(index)
    tops = range(0, stack.info.height, _ROWS)
    return max(float(stack.read(index, slice(top, top + _ROWS)).max()) for top in tops)
