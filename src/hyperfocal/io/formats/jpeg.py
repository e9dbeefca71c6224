"""JPEG: 8 bits, grey and colour, written at quality 95 without chroma subsampling.

Does not read CMYK or 12-bit JPEG, and does not keep XMP, comments or pixel density; XMP tells the
orientation where EXIF does not. Bytes between segments are passed over, as all decoders do. A
profile of which a part is missing is left out with a notice; an EXIF block above 64 KB (a TIFF may
have one) is not written, because JPEG cannot hold it.
ITU-T T.81, annex B; ICC.1:2022, annex B.4; CIPA DC-008 (EXIF 2.32).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.files import end_of, reading, require_dtype, require_signature, writing
from hyperfocal.io.limits import MOST_SCANS
from hyperfocal.io.metadata.profiles import fitting
from hyperfocal.io.sources import FileSource, source

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
SIGNATURES = (b"\xff\xd8\xff",)
DTYPES = ("uint8",)
METADATA = ("icc", "exif")
IS_LOSSY = True

_EOI, _SOS, _APP0, _APP1, _APP2 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2
_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_LARGEST_SEGMENT = 0xFFFF - 2
_LARGEST_SIDE = 65500  # libjpeg's
# Neither a stuffed zero, nor a restart or start marker: one that has a length, or the end.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")


def open(path: Path) -> list[Source]:
    """The one frame of the file, from the segments before its first scan."""
    return [first_of(path)]


def first_of(path: Path) -> FileSource:
    """The first picture of the file."""
    require_signature(path, SIGNATURES, "JPEG")
    with reading(path), path.open("rb") as file:
        segments = list(_segments(file))
        height, width, channels = _frame(path, segments)
        icc, is_damaged = _icc(segments)
        stored = FrameInfo(
            name=path.name,
            height=height,
            width=width,
            channels=channels,
            dtype=np.dtype(np.uint8),
            icc=icc,
            exif=_application(segments, _APP1, _EXIF),
            notices=("the damaged colour profile",) * is_damaged,
        )
    return source(path, stored, _decode, xmp=_application(segments, _APP1, _XMP))


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write these samples, as near as JPEG gets, with the profile and EXIF of `like`."""
    require_dtype(path, samples, DTYPES, "JPEG")
    height, width, channels = samples.shape
    if max(height, width) > _LARGEST_SIDE:
        raise FormatError(f"{path}: JPEG cannot hold {width}×{height}; choose .png or .tif")
    encoded = imagecodecs.jpeg8_encode(
        np.ascontiguousarray(samples[:, :, 0] if channels == 1 else samples),
        level=95,
        subsampling="444",
    )
    # JFIF wants its own segment first, and viewers look for EXIF next.
    first = 2
    if encoded[3] == _APP0:
        first += 2 + int.from_bytes(encoded[4:6], "big")
    with writing(path), path.open("wb") as file:
        file.write(encoded[:first])
        file.write(_metadata(fitting(like.icc, channels), like.exif))
        file.write(memoryview(encoded)[first:])


def _decode(path: Path) -> Samples:
    encoded = path.read_bytes()
    # libjpeg paints what is missing grey and calls that a warning.
    if not _is_complete(encoded):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    require_few_scans(path, encoded)
    samples: Samples = imagecodecs.jpeg8_decode(encoded)
    return samples


def is_whole(path: Path) -> bool:
    """Whether the end marker is there; reads the file's end alone where that is enough."""
    return b"\xff\xd9" in end_of(path) or _is_complete(path.read_bytes())


def _is_complete(encoded: bytes) -> bool:
    position = 2
    while found := _MARKER.search(encoded, position):
        position = found.end()
        if encoded[position - 1] == _EOI:
            return True
        position += int.from_bytes(encoded[position : position + 2], "big")
    return False


def require_few_scans(path: Path, encoded: bytes) -> None:
    """FormatError for a picture of so many scans that decoding it takes as long as a thousand."""
    scans, position = 0, 2
    while found := _MARKER.search(encoded, position):
        position = found.end()
        code = encoded[position - 1]
        if code == _EOI:
            break
        scans += code == _SOS
        position += int.from_bytes(encoded[position : position + 2], "big")
    if scans > MOST_SCANS:
        raise FormatError(
            f"{path} is a JPEG of {scans} scans, more than {MOST_SCANS}; save it again"
        )


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Markers and contents, up to the first scan or to where the file is cut."""
    file.seek(2)
    while code := _next_marker(file):
        if code in (_SOS, _EOI):
            return
        if code not in _LONE:
            length = int.from_bytes(file.read(2), "big")
            yield code, file.read(max(0, length - 2))


def _next_marker(file: BinaryIO) -> int:
    """The code of the next marker, whatever stands before it; 0 at the file's end."""
    byte = file.read(1)
    while byte:
        while byte and byte != b"\xff":
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if byte and byte != b"\0":
            return byte[0]
        byte = file.read(1)
    return 0


def _frame(path: Path, segments: list[tuple[int, bytes]]) -> tuple[int, int, int]:
    for code, content in segments:
        if code in _SOF:
            depth, height, width, channels = struct.unpack_from(">BHHB", content)
            if depth != 8 or channels not in (1, 3):
                kind = "CMYK" if channels == 4 else f"{depth}-bit, {channels}-channel"
                raise FormatError(f"{path} is a {kind} JPEG; convert it to 8-bit RGB or grey")
            return height, width, channels
    if is_whole(path):
        raise FormatError(f"{path} describes no picture in its header; export it again")
    raise FormatError(f"{path} is cut off in its header; copy it again from its source")


def exif_of(file: BinaryIO) -> bytes | None:
    """The EXIF block of an open JPEG."""
    return _application(list(_segments(file)), _APP1, _EXIF)


def has_more(file: BinaryIO) -> bool:
    """Whether an open JPEG says that other pictures stand behind it."""
    return _application(list(_segments(file)), _APP2, b"MPF\0") is not None


def _application(segments: list[tuple[int, bytes]], wanted: int, name: bytes) -> bytes | None:
    """The content of the first segment of this code and name."""
    for code, content in segments:
        if code == wanted and content.startswith(name):
            return content.removeprefix(name)
    return None


def _icc(segments: list[tuple[int, bytes]]) -> tuple[bytes | None, bool]:
    """The profile put together from its numbered parts, and whether one of them is missing."""
    parts = {
        content[12]: (content[13], content[14:])
        for code, content in segments
        if code == _APP2 and content.startswith(_ICC) and len(content) > 14
    }
    if not parts or sorted(parts) != list(range(1, parts[min(parts)][0] + 1)):
        return None, bool(parts)
    return b"".join(parts[number][1] for number in sorted(parts)), False


def _metadata(icc: bytes | None, exif: bytes | None) -> bytes:
    segments = b""
    if exif is not None and len(_EXIF + exif) <= _LARGEST_SEGMENT:
        segments += _segment(_APP1, _EXIF + exif)
    if icc is not None:
        size = _LARGEST_SEGMENT - 14
        parts = [icc[start : start + size] for start in range(0, len(icc), size)]
        for number, part in enumerate(parts, 1):
            segments += _segment(_APP2, _ICC + bytes((number, len(parts))) + part)
    return segments


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content
