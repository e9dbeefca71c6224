"""WebP: 8 bits, in colour; written without loss.

Lossless, because WebP's other kind halves the resolution of colour. Grey is written as colour, as
WebP has no grey. Each frame of a moving picture is a frame of the stack; transparency is left out
with a notice. Carries ICC profile and EXIF, not XMP, which tells the orientation where EXIF does
not.
RFC 9649, section 2 (container), 3.4 (lossless header); RFC 6386, section 9.1 (lossy header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers.animation import Animation, Disposal, Patch, with_alpha
from hyperfocal.io.files import reading, require_dtype, require_signature, start_of, writing
from hyperfocal.io.limits import LARGEST_METADATA, LARGEST_RATIO_OF_MODELS
from hyperfocal.io.metadata.profiles import fitting
from hyperfocal.io.sources import film_sources, source

SUFFIXES = (".webp",)
SIGNATURES = (b"RIFF????WEBP",)
DTYPES = ("uint8",)
METADATA = ("icc", "exif")
CHANNELS = (3,)

_HAS_ICC, _HAS_EXIF, _HAS_ALPHA = 0x20, 0x08, 0x10
_LARGEST_SIDE = 16383
_EXIF = b"Exif\0\0"


def open(path: Path) -> list[Source]:
    """The frame of the file, or those of a moving picture, from its chunks' headers alone."""
    require_signature(path, SIGNATURES, "WebP")
    with reading(path), path.open("rb") as file:
        chunks = dict(_chunks(file))
        width, height, has_alpha = _header(chunks)
        patches = list(_patches(file))
        exif = chunks.get(b"EXIF")
        stored = FrameInfo(
            name=path.name,
            height=height,
            width=width,
            channels=3,
            dtype=np.dtype(np.uint8),
            icc=chunks.get(b"ICCP"),
            exif=None if exif is None else exif.removeprefix(_EXIF),
            notices=("transparency",) if has_alpha else (),
        )
    xmp = chunks.get(b"XMP ")
    if not patches:
        decode = partial(_decode, has_alpha=has_alpha)
        return [source(path, stored, decode, largest_ratio=LARGEST_RATIO_OF_MODELS, xmp=xmp)]
    film = Animation(path, (height, width, 4), stored.dtype, patches, _decode_patch)
    return film_sources(
        path, stored, film.decoders(), largest_ratio=LARGEST_RATIO_OF_MODELS, xmp=xmp
    )


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples, in colour, with the profile and EXIF of `like`."""
    require_dtype(path, samples, DTYPES, "WebP")
    height, width, channels = samples.shape
    if max(height, width) > _LARGEST_SIDE:
        raise FormatError(f"{path}: WebP cannot hold {width}×{height}; choose .png or .tif")
    colour = np.repeat(samples, 3, axis=2) if channels == 1 else np.ascontiguousarray(samples)
    encoded = imagecodecs.webp_encode(colour, lossless=True, level=70, method=3)
    # The profile of grey says nothing of the colours that it has become.
    icc = fitting(like.icc, 3) if channels == 3 else None
    flags = (icc is not None) * _HAS_ICC | (like.exif is not None) * _HAS_EXIF
    content = b"WEBP"
    if flags:
        sides = struct.pack("<II", width - 1, height - 1)
        content += _chunk(b"VP8X", bytes((flags, 0, 0, 0)) + sides[:3] + sides[4:7])
    if icc is not None:
        content += _chunk(b"ICCP", icc)
    content += encoded[12:]
    if like.exif is not None:
        content += _chunk(b"EXIF", like.exif)
    with writing(path), path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(content)) + content)


def is_whole(path: Path) -> bool:
    """Whether the file is as long as its header says."""
    return path.stat().st_size >= 8 + int.from_bytes(start_of(path)[4:8], "little")


def _decode(path: Path, *, has_alpha: bool) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    samples: Samples = imagecodecs.webp_decode(path.read_bytes(), hasalpha=has_alpha)
    return samples


def _decode_patch(path: Path, span: tuple[int, int]) -> Samples:
    """(height, width, 4), one picture of a moving one as if it were alone in the file."""
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    with path.open("rb") as file:
        file.seek(span[0])
        head = file.read(16)
        content = file.read(span[1] - span[0] - 16)
    # The size as it stands there; alpha in a chunk of its own needs the header that tells of it.
    whole = b"WEBP" + _chunk(b"VP8X", bytes((_HAS_ALPHA, 0, 0, 0)) + head[6:12]) + content
    encoded = b"RIFF" + struct.pack("<I", len(whole)) + whole
    return with_alpha(imagecodecs.webp_decode(encoded, hasalpha=True), 3)


def _patches(file: BinaryIO) -> Iterator[Patch]:
    """The pictures of a moving one, none of a still one."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        start = file.tell()
        if kind == b"ANMF":
            head = file.read(16)
            left, top, width, height = (
                int.from_bytes(head[at : at + 3], "little") for at in (0, 3, 6, 9)
            )
            disposal: Disposal = "clear" if head[15] & 1 else "keep"
            span = (start, start + length)
            is_blended = not head[15] & 2
            yield Patch(span, 2 * top, 2 * left, height + 1, width + 1, is_blended, disposal)
        file.seek(start + length + length % 2)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Metadata, and the first bytes of the first picture."""
    file.seek(12)
    pictures = 0
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        after = file.tell() + length + length % 2
        if kind in (b"VP8X", b"ICCP", b"EXIF", b"XMP ") and length <= LARGEST_METADATA:
            yield kind, file.read(length)
        elif kind in (b"VP8 ", b"VP8L") and not pictures:
            pictures += 1
            yield kind, file.read(10)
        file.seek(after)


def _header(chunks: dict[bytes, bytes]) -> tuple[int, int, bool]:
    """Width, height, and whether there is transparency."""
    if b"VP8X" in chunks:
        content = chunks[b"VP8X"]
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
        return width, height, bool(content[0] & _HAS_ALPHA)
    if b"VP8L" in chunks:
        (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 6)
    return width & 0x3FFF, height & 0x3FFF, False


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
