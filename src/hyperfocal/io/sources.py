"""The one Source of all formats: a file, a decoder, and what their frame is known to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.coverage import Coverage, Mask
from hyperfocal.io.files import reading, require_room
from hyperfocal.io.limits import LARGEST_PICTURE, LARGEST_RATIO, require_frame_count
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
    orientation: int = 1  # how `stored` is turned to be upright, as EXIF counts
    coverage: Coverage | None = None  # where the stack's frames have data, where some lack it
    number: int = 0  # of the frame in it
    largest_picture: float = LARGEST_PICTURE  # megapixels that are believed
    stored_bytes: int | None = None  # that hold the frame, where it has no file of its own

    def read(self) -> Samples:
        """The frame upright and without alpha, (height, width, channels), as large as in `info`."""
        with reading(self.path):
            self.require_room()
            samples = self._shown(self._as_declared(self.decode(self.path)))
        if self.coverage is not None:
            samples = self.coverage.completed(self.number, samples)
        return samples

    def covered(self, rows: slice) -> Mask | None:
        """Where the frame has data of its own in these rows; None: everywhere."""
        return None if self.coverage is None else self.coverage.covered(self.number, rows)

    def matched(self, first: Source) -> Source:
        """The frame itself; formats that are developed do more."""
        return self

    def opacity(self) -> Mask | None:
        """Where the frame is not transparent; None where its file has no transparency."""
        with reading(self.path):
            self.require_room()
            samples = np.atleast_3d(self.decode(self.path))
            if samples.shape[2] <= self.stored.channels:
                return None
            opaque = (samples[:, :, self.stored.channels] > 0).astype(np.uint8)
            return self._shown(opaque[:, :, np.newaxis])[:, :, 0].view(bool)

    def _shown(self, samples: Samples) -> Samples:
        upright = turned(samples, self.orientation)
        return np.ascontiguousarray(upright[: self.info.height, : self.info.width])

    def oriented(self, orientation: int) -> FileSource:
        """The same frame, turned otherwise than its file says."""
        return replace(self, info=_shown(self.stored, orientation), orientation=orientation)

    def require_room(self) -> None:
        """Raise FormatError where the file or this machine's memory cannot hold the frame."""
        require_room(
            self.path,
            self.stored,
            largest_ratio=self.largest_ratio,
            largest_picture=self.largest_picture,
            file_bytes=self.stored_bytes,
        )

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
    xmp: bytes | None = None,
    orientation: int | None = None,
) -> FileSource:
    """A source whose `info` is upright; FormatError where the frame has no pixels.

    Which way is up tells `orientation`, or else the EXIF of `stored`, or else the XMP packet.
    """
    if min(stored.height, stored.width) < 1:
        raise FormatError(f"{path} declares {stored.width}×{stored.height} pixels; export it again")
    if orientation is None:
        orientation = orientation_of(stored.exif, xmp)
    info = _shown(stored, orientation)
    return FileSource(info, stored, path, decode, largest_ratio, is_sequential, orientation)


def film_sources(
    path: Path,
    stored: FrameInfo,
    decoders: Sequence[Callable[[Path], Samples]],
    *,
    largest_ratio: float = LARGEST_RATIO,
    xmp: bytes | None = None,
    orientation: int | None = None,
) -> list[Source]:
    """The frames of a moving picture, `burst.gif[0]` and on, or its only one under its own name."""
    is_film = len(decoders) > 1
    require_frame_count(path, len(decoders))
    return [
        source(
            path,
            replace(stored, name=f"{path.name}[{index}]") if is_film else stored,
            decode,
            largest_ratio=largest_ratio,
            is_sequential=is_film,
            xmp=xmp,
            orientation=orientation,
        )
        for index, decode in enumerate(decoders)
    ]


def with_notices(sources: list[Source], notices: Sequence[str]) -> list[Source]:
    """The frames of a file, the first of which tells what is not in any of them."""
    if not notices:
        return sources
    first = sources[0]
    assert isinstance(first, FileSource)
    info = replace(first.info, notices=(*first.info.notices, *notices))
    return [replace(first, info=info), *sources[1:]]


def _shown(stored: FrameInfo, orientation: int) -> FrameInfo:
    """What is known of a frame once it is upright."""
    info = stored if stored.exif is None else replace(stored, exif=upright(stored.exif))
    if swaps_sides(orientation):
        sides = None if stored.pixel_um is None else (stored.pixel_um[1], stored.pixel_um[0])
        info = replace(info, height=stored.width, width=stored.height, pixel_um=sides)
    return info
