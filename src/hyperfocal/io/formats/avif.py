"""AVIF: 8, 10 and 12 bits, grey and colour; only read.

Carries ICC profile and EXIF; 10 and 12 bits become 16. The frames of a moving picture are those of
the stack; the library decodes them all at once, so that they are held in memory until the last is
read. Of a file with several still pictures the primary one is read, with a notice. Colours that are
told by number (BT.2020, PQ) and not by a profile are left untold, with a notice; transparency is
left out with one. Not written, because the library at hand puts neither profile nor EXIF into the
file.
AV1 Image File Format 1.1, Alliance for Open Media.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.bit_depth import stretched
from hyperfocal.io.containers import heif as items
from hyperfocal.io.files import reading, require_room, require_signature, start_of
from hyperfocal.io.limits import (
    LARGEST_RATIO_OF_FILMS,
    LARGEST_RATIO_OF_MODELS,
    require_frame_count,
)
from hyperfocal.io.metadata.exif import upright
from hyperfocal.io.sources import film_sources, with_notices

SUFFIXES = (".avif",)
SIGNATURES = (b"????ftypavif", b"????ftypavis")
DTYPES = ("uint8", "uint16")
METADATA: tuple[str, ...] = ()


def open(path: Path) -> list[Source]:
    """The primary picture of the file or all of a moving one, from its boxes alone."""
    require_signature(path, SIGNATURES, "AVIF")
    with reading(path):
        pictures, primary = items.read_all(path)
        picture = pictures[primary]
        if picture.is_cropped:  # the decoder gives all of it, and no one writes such
            raise FormatError(f"{path} is cropped by its container; export it again")
        stored = info_of(path, picture)
        count = items.moving_count(path) if start_of(path)[8:12] == b"avis" else 1
        # A picture of a film takes a byte at least.
        require_frame_count(path, count)
        if count > path.stat().st_size:
            raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    told = ["all but the first picture"] * (len(pictures) > 1)
    if count < 2:
        decoders = [partial(_decode, picture=picture)]
    else:
        film = _Film(path, picture, stored, count)
        decoders = [partial(_decode_frame, film=film, index=index) for index in range(count)]
    sources = film_sources(
        path,
        stored,
        decoders,
        largest_ratio=LARGEST_RATIO_OF_MODELS,
        orientation=picture.orientation,
    )
    return with_notices(sources, told)


is_whole = items.is_whole


def info_of(path: Path, picture: items.HeifPicture) -> FrameInfo:
    """What a frame says of itself; its EXIF upright, because the boxes say how to turn it."""
    return FrameInfo(
        name=path.name,
        height=picture.height,
        width=picture.width,
        channels=picture.channels,
        dtype=np.dtype(np.uint8 if picture.bits <= 8 else np.uint16),
        icc=picture.icc,
        exif=None if picture.exif is None else upright(picture.exif),
        notices=("transparency",) * picture.has_alpha
        + ("the description of colours",) * (not picture.is_srgb),
    )


def _decode(path: Path, *, picture: items.HeifPicture) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    return stretched(imagecodecs.avif_decode(path.read_bytes(), index=0), picture.bits)


@dataclass
class _Film:
    """All pictures of a moving one; safe to read from several threads."""

    path: Path
    picture: items.HeifPicture
    stored: FrameInfo
    count: int
    _frames: Samples | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def frame(self, index: int) -> Samples:
        with self._lock:
            frames = self._frames
            if frames is None:
                whole = replace(self.stored, height=self.stored.height * self.count)
                require_room(self.path, whole, largest_ratio=LARGEST_RATIO_OF_FILMS)
                # One by one they are decoded wrongly by imagecodecs 2026.3.6.
                frames = imagecodecs.avif_decode(self.path.read_bytes())
                if len(frames) != self.count:
                    raise FormatError(f"{self.path} has changed since it was opened; open it again")
            self._frames = frames if index < self.count - 1 else None
            return stretched(frames[index], self.picture.bits)


def _decode_frame(path: Path, *, film: _Film, index: int) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    return film.frame(index)
