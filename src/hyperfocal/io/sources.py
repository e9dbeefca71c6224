"""The one Source of all formats: a file, a decoder, and what their frame is known to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.io.files import LARGEST_RATIO, reading, require_room
from hyperfocal.io.metadata.exif import orientation_of, swaps_sides, turned, upright


@dataclass
class FileSource:
    """A frame in a file; `info` is upright, `stored` is as the file has it."""

    info: FrameInfo
    stored: FrameInfo
    path: Path
    decode: Callable[[Path], Samples]  # (height, width) or (height, width, samples per pixel)
    largest_ratio: float = LARGEST_RATIO
    is_sequential: bool = False  # going back to an earlier frame takes long

    def read(self) -> Samples:
        """The frame upright and without alpha, (height, width, channels)."""
        with reading(self.path):
            self.require_room()
            samples = self._as_declared(self.decode(self.path))
            return turned(samples, orientation_of(self.stored.exif))

    def require_room(self) -> None:
        """Raise FormatError where the file or this machine's memory cannot hold the frame."""
        require_room(self.path, self.stored, largest_ratio=self.largest_ratio)

    def _as_declared(self, samples: Samples) -> Samples:
        stored = self.stored
        if samples.ndim == 2:
            samples = samples[:, :, np.newaxis]
        samples = samples[:, :, : stored.channels]
        shape = (stored.height, stored.width, stored.channels)
        if samples.shape != shape or samples.dtype.name != stored.dtype.name:
            raise FormatError(f"{self.path} has changed since it was opened; open it again")
        return samples.astype(stored.dtype, copy=False)  # big-endian files give such arrays


def source(
    path: Path,
    stored: FrameInfo,
    decode: Callable[[Path], Samples],
    *,
    largest_ratio: float = LARGEST_RATIO,
    is_sequential: bool = False,
) -> FileSource:
    """A source whose `info` is upright; FormatError where the frame has no pixels."""
    if min(stored.height, stored.width) < 1:
        raise FormatError(f"{path} declares {stored.width}×{stored.height} pixels; export it again")
    if stored.exif is None:
        return FileSource(stored, stored, path, decode, largest_ratio, is_sequential)
    info = replace(stored, exif=upright(stored.exif))
    if swaps_sides(orientation_of(stored.exif)):
        sides = None if stored.pixel_um is None else (stored.pixel_um[1], stored.pixel_um[0])
        info = replace(info, height=stored.width, width=stored.height, pixel_um=sides)
    return FileSource(info, stored, path, decode, largest_ratio, is_sequential)
