"""AVIF: 8, 10 and 12 bits, grey and colour; only read.

Carries ICC profile and EXIF; 10 and 12 bits become 16. Colours that are told by number (BT.2020,
PQ) and not by a profile are left untold, with a notice; transparency is left out with one. Not
written, because the library at hand puts neither profile nor EXIF into the file.
AV1 Image File Format 1.1, Alliance for Open Media.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.bit_depth import stretched
from hyperfocal.io.containers import heif as items
from hyperfocal.io.files import reading, require_signature
from hyperfocal.io.metadata.exif import upright
from hyperfocal.io.sources import source

SUFFIXES = (".avif",)
SIGNATURES = (b"????ftypavif", b"????ftypavis")
DTYPES = ("uint8", "uint16")
METADATA: tuple[str, ...] = ()

# An even picture is described once, whatever its size.
_LARGEST_RATIO = 1e6


def open(path: Path) -> list[Source]:
    """The primary picture of the file, from its boxes alone."""
    require_signature(path, SIGNATURES, "AVIF")
    with reading(path):
        picture = items.read(path)
        if picture.is_cropped:  # the decoder gives all of it, and no one writes such
            raise FormatError(f"{path} is cropped by its container; export it again")
        stored = info_of(path, picture)
    decode = partial(_decode, picture=picture)
    return [source(path, stored, decode, largest_ratio=_LARGEST_RATIO)]


is_whole = items.is_whole


def info_of(path: Path, picture: items.HeifPicture) -> FrameInfo:
    """What a frame says of itself; its EXIF upright, because decoders turn by the boxes."""
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
    samples = stretched(imagecodecs.avif_decode(path.read_bytes(), index=0), picture.bits)
    samples = np.rot90(samples, picture.quarters)
    return samples if picture.flip is None else np.flip(samples, picture.flip)
