"""BMP, as USB microscopes and machine-vision programs save it: 8 bits, grey and colour.

Palettes become RGB, or grey where they are; 16 and 32 bits a pixel in their usual order. Carries no
metadata. Transparency is left out with a notice where the file says that it has some. Written with
24 bits a pixel, grey with a palette.
Microsoft, Bitmap Storage; the headers of OS/2 (12 bytes) to Windows 98 (124 bytes).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.files import reading, require_dtype, require_signature, writing
from hyperfocal.io.limits import LARGEST_RATIO_OF_MODELS
from hyperfocal.io.sources import source

SUFFIXES = (".bmp", ".dib")
SIGNATURES = (b"BM????\0\0\0\0",)
DTYPES = ("uint8",)
METADATA: tuple[str, ...] = ()

_PLAIN, _MASKED, _MASKED_ALPHA = 0, 3, 6
_RUNS = (1, 2)  # compressed by run lengths
_OLDEST = 12  # bytes of a header
# Of red, green, blue, as OpenCV reads them.
_MASKS = ((0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F), (0xFF0000, 0xFF00, 0xFF))
# Runs of 255 pixels in two bytes, and all of a row left out in two.


class _Header(NamedTuple):
    """Where the samples begin, how many bytes they are, and how they are to be understood."""

    start: int
    byte_count: int
    height: int
    width: int
    channels: int
    has_alpha: bool


def open(path: Path) -> list[Source]:
    """The one frame of the file, from its header and palette."""
    require_signature(path, SIGNATURES, "BMP")
    with reading(path):
        header = _header(path)
    stored = FrameInfo(
        name=path.name,
        height=header.height,
        width=header.width,
        channels=header.channels,
        dtype=np.dtype(np.uint8),
        notices=("transparency",) * header.has_alpha,
    )
    return [source(path, stored, _decode, largest_ratio=LARGEST_RATIO_OF_MODELS)]


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples."""
    require_dtype(path, samples, DTYPES, "BMP")
    height, width, channels = samples.shape
    row = -(-width * channels // 4) * 4
    palette = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4) * (channels == 1)
    start = 14 + 40 + 1024 * (channels == 1)
    if start + row * height >= 1 << 32:
        raise FormatError(f"{path}: BMP cannot hold {width}×{height}; choose .png or .tif")
    rows = np.zeros((height, row), np.uint8)
    # From the lowest row up, blue first.
    rows[:, : width * channels] = samples[::-1, :, ::-1].reshape(height, -1)
    with writing(path), path.open("wb") as file:
        file.write(b"BM" + struct.pack("<IHHI", start + rows.nbytes, 0, 0, start))
        bits = 8 * channels
        file.write(struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, 0, 2835, 2835, 0, 0))
        if channels == 1:
            palette[:, 3] = 0
            file.write(palette.tobytes())
        file.write(rows.data)


def is_whole(path: Path) -> bool:
    """Whether the samples lie inside the file."""
    header = _header(path)
    return header.start + header.byte_count <= path.stat().st_size


def _decode(path: Path) -> Samples:
    header = _header(path)
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    encoded = np.fromfile(path, np.uint8)
    samples = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if samples is None:
        raise FormatError(f"{path} cannot be decoded; save it as a plain BMP or as PNG")
    # Grey was made colour by its palette.
    return samples[:, :, :1] if header.channels == 1 else cv2.cvtColor(samples, cv2.COLOR_BGR2RGB)


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(14 + 124)
        (start, length) = struct.unpack_from("<II", head, 10)
        if length == _OLDEST:
            width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
            compression = byte_count = used = 0
        else:
            width, height, _, bits, compression, byte_count, _, _, used = struct.unpack_from(
                "<iiHHIIiiI", head, 18
            )
        _refuse(path, head, length, bits, compression)
        palette = b""
        if bits <= 8:
            file.seek(14 + length)
            entry = 3 if length == _OLDEST else 4
            palette = file.read(min(used or 2**bits, 2**bits) * entry)
            is_grey = palette[0::entry] == palette[1::entry] == palette[2::entry]
    if compression not in _RUNS:
        byte_count = -(-width * bits // 32) * 4 * abs(height)
    # The fourth mask of headers that have one.
    has_alpha = bits == 32 and length >= 56 and any(head[14 + 52 : 14 + 56])
    channels = 1 if palette and is_grey else 3
    return _Header(start, byte_count, abs(height), width, channels, has_alpha)


def _refuse(path: Path, head: bytes, length: int, bits: int, compression: int) -> None:
    """Raise FormatError for what cannot be read honestly."""
    is_known = compression in (_PLAIN, *_RUNS, _MASKED, _MASKED_ALPHA)
    if bits not in (1, 4, 8, 16, 24, 32) or not is_known or length < _OLDEST:
        raise FormatError(
            f"{path} is a BMP of {bits} bits in way {compression}; save it plain or as PNG"
        )
    if compression in (_MASKED, _MASKED_ALPHA):
        masks = struct.unpack_from("<III", head, 14 + 40)
        if masks not in _MASKS:
            raise FormatError(f"{path} has its colours in an odd order; save it plain or as PNG")
