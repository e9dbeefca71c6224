"""JPEG XL: 8 and 16 bits, grey and colour, written without loss.

Carries EXIF, but no colour profile: the library gives none out and takes none, so that frames of
other colours than sRGB are refused when writing, and read with a notice. 10 and 12 bits become 16.
Does not read floats or animations. Orientation is the codestream's, not the EXIF's, as the
standard has it; transparency is left out with a notice.
ISO/IEC 18181-2:2024 (container).
"""

from __future__ import annotations

import os
import struct
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.bit_depth import stretched
from hyperfocal.io.containers import jxl as jxl_header
from hyperfocal.io.containers.boxes import boxes
from hyperfocal.io.files import reading, require_dtype, require_signature, writing
from hyperfocal.io.limits import LARGEST_METADATA, LARGEST_RATIO_OF_MODELS
from hyperfocal.io.metadata.exif import upright
from hyperfocal.io.sources import source

SUFFIXES = (".jxl",)
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
SIGNATURES = (b"\xff\x0a", _CONTAINER)
DTYPES = ("uint8", "uint16")
METADATA = ("exif",)
IS_SRGB = True

_FILE_TYPE = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
_HEADER_BYTES = 4096


def open(path: Path) -> list[Source]:
    """The one frame of the file, from its headers alone."""
    require_signature(path, SIGNATURES, "JPEG XL")
    with reading(path), path.open("rb") as file:
        codestream, exif = _parts(file)
        try:
            header = jxl_header.parse(codestream)
        except jxl_header.AnimationError:
            message = f"{path} is a moving picture; export its frames as PNG or TIFF"
            raise FormatError(message) from None
        if header.is_float or header.bits > 16:
            raise FormatError(f"{path} has {header.bits}-bit samples; convert it to 8 or 16 bits")
        notices = ("transparency",) * header.has_extra
        notices += ("the colour profile",) * (not header.is_srgb)
        stored = FrameInfo(
            name=path.name,
            height=header.height,
            width=header.width,
            channels=1 if header.is_grey else 3,
            dtype=np.dtype(np.uint8 if header.bits <= 8 else np.uint16),
            # The decoder turns the picture already.
            exif=None if exif is None else upright(exif),
            notices=notices,
        )
    return [
        source(
            path, stored, partial(_decode, bits=header.bits), largest_ratio=LARGEST_RATIO_OF_MODELS
        )
    ]


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples, with the EXIF of `like`."""
    require_dtype(path, samples, DTYPES, "JPEG XL")
    channels = samples.shape[2]
    encoded = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(samples[:, :, 0] if channels == 1 else samples),
        lossless=True,
        effort=3,
        photometric="gray" if channels == 1 else "rgb",
        usecontainer=True,
    )
    found = boxes(BytesIO(encoded), 0, len(encoded))
    parts = {box.kind: bytes(encoded[box.start : box.end]) for box in found}
    codestream = jxl_header.as_srgb(parts[b"jxlc"])
    with writing(path), path.open("wb") as file:
        file.write(_CONTAINER + _FILE_TYPE)
        if b"jxll" in parts:
            file.write(_box(b"jxll", parts[b"jxll"]))
        if like.exif is not None:
            # The first four bytes say how far the TIFF header is from here.
            file.write(_box(b"Exif", bytes(4) + upright(like.exif)))
        # 0 is to the file's end: lengths of eight bytes make readers of 2022 stumble.
        length = 8 + len(codestream)
        file.write(struct.pack(">I4s", length if length < 1 << 32 else 0, b"jxlc"))
        file.write(codestream)


def is_whole(path: Path) -> bool:
    """Whether the container is as long as it says; a bare codestream does not say."""
    with path.open("rb") as file:
        if file.read(2) == b"\xff\x0a":
            return True
        size = file.seek(0, os.SEEK_END)
        found = list(boxes(file, 0, size))
        kinds = {box.kind for box in found}
        # The last part of a codestream has the highest bit of its number set.
        if b"jxlp" in kinds:
            last = [box for box in found if box.kind == b"jxlp"][-1]
            file.seek(last.start)
            if not file.read(1)[:1] >= b"\x80":
                return False
        return bool(kinds & {b"jxlc", b"jxlp"}) and all(box.end <= size for box in found)


def _decode(path: Path, *, bits: int) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    encoded = path.read_bytes()
    return stretched(imagecodecs.jpegxl_decode(encoded), bits)


def _parts(file: BinaryIO) -> tuple[bytes, bytes | None]:
    """The start of the codestream, and the EXIF block."""
    start = file.read(_HEADER_BYTES)
    if start.startswith(b"\xff\x0a"):
        return start, None
    codestream, exif = b"", None
    for box in boxes(file, 0, file.seek(0, os.SEEK_END)):
        file.seek(box.start)
        if box.kind == b"Exif" and box.end - box.start <= LARGEST_METADATA:
            content = file.read(box.end - box.start)
            exif = content[4 + int.from_bytes(content[:4], "big") :]
        elif box.kind in (b"jxlc", b"jxlp") and not codestream:
            file.seek(box.start + 4 * (box.kind == b"jxlp"))
            codestream = file.read(min(_HEADER_BYTES, box.end - box.start))
    return codestream, exif


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
