"""Clipped samples of frames that were made darker: white there, but not the white of the others.

Such a sample says how bright its place is at least, and no more. So the brighter of that and of
what the frame shows in whose light all are is taken: white stays white, and no grey patches come.
Where a frame hides much by clipping it has no data there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.clipping import CLIPPED, reach_any
from hyperfocal.alignment.gain_offset import Correction
from hyperfocal.alignment.resampling import Filling
from hyperfocal.compute import tiles
from hyperfocal.frame import Pixels, Samples, Source, WrappedSource, in_both, to_pixels
from hyperfocal.io.coverage import Coverage

_HIDDEN = 0.1  # of white, by which a clipped sample may be too dark and yet have a say
_STRIP = 256  # rows


def are_darkened(correction: Correction) -> bool:
    """Whether clipped samples of a frame come to be darker than white."""
    return _white(correction) < 1


def unclipped(
    frames: Mapping[int, Source], darkened: Mapping[int, Correction], usual: Source
) -> dict[int, Source]:
    """The darkened frames, of those placed; `usual` is the frame in whose light they are."""
    light = Filling(usual, None)
    coverage: Coverage | None = None
    found: dict[int, Source] = {}
    for index, correction in darkened.items():
        source = UnclippedSource(frames[index], correction, light)
        if _white(correction) < 1 - _HIDDEN:
            if coverage is None:
                coverage = Coverage(source.info.height, source.info.width)
                coverage.anywhere[:] = True  # by the frame of usual light
            coverage.add(index, ~source.clipped())
            source = replace(source, coverage=coverage, number=index)
        found[index] = source
    return found


def _white(correction: Correction) -> float:
    """What white comes to, in the channel where it is darkest."""
    return float((correction.gain + correction.offset).min())


@dataclass(frozen=True)
class UnclippedSource(WrappedSource):
    """A placed and darkened frame that takes what clipping hides from the frame of usual light."""

    correction: Correction  # that it has gone through
    light: Filling
    coverage: Coverage | None = None  # where it does not hide much by clipping; None: nowhere
    number: int = 0  # there

    def read(self) -> Samples | Pixels:
        pixels = to_pixels(self.source.read())
        for strip in tiles.strips(len(pixels), _STRIP):
            part = pixels[strip.rows]
            clipped = self._are_clipped(part)
            if clipped.any():
                light = to_pixels(self.light.samples[strip.rows])
                part[clipped] = np.maximum(part[clipped], light[clipped])
        return pixels

    def clipped(self) -> NDArray[np.bool_]:
        """Where the frame is clipped."""
        return self._are_clipped(to_pixels(self.source.read()))

    def _are_clipped(self, pixels: Pixels) -> NDArray[np.bool_]:
        return reach_any(pixels, CLIPPED * self.correction.gain + self.correction.offset)

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        seen = None if self.coverage is None else self.coverage.covered(self.number, rows)
        return in_both(self.source.covered(rows), seen)
