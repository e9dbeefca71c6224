"""GIF: a still one is a frame, a moving one its frames; colours or, with grey palettes, grey.

Only read. Transparency is left out with a notice.
GIF89a (1990), CompuServe.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers.animation import Animation, Disposal, Patch
from hyperfocal.io.files import reading, require_signature
from hyperfocal.io.limits import LARGEST_RATIO_OF_MODELS
from hyperfocal.io.sources import film_sources

SUFFIXES = (".gif",)
SIGNATURES = (b"GIF87a", b"GIF89a")
DTYPES = ("uint8",)
METADATA: tuple[str, ...] = ()

_IMAGE, _EXTENSION, _CONTROL, _END = 0x2C, 0x21, 0xF9, 0x3B
_HAS_COLOURS, _HAS_TRANSPARENT = 0x80, 0x01
_DISPOSALS: dict[int, Disposal] = {2: "clear", 3: "restore"}


class _Image(NamedTuple):
    """A picture of the file, by where its compressed indices lie."""

    start: int
    end: int
    is_interlaced: bool
    colours: bytes  # of the palette, three a colour
    transparent: int | None  # the index of no colour
    height: int
    width: int


def open(path: Path) -> list[Source]:
    """The frames of the file, from the headers of its blocks."""
    require_signature(path, SIGNATURES, "GIF")
    with reading(path), path.open("rb") as file:
        width, height = struct.unpack("<HH", file.read(10)[6:])
        patches = list(_patches(file))
        if not patches:
            raise FormatError(f"{path} holds no picture; export it again")
        images = [patch.content for patch in patches]
        channels = 1 if all(_is_grey(image.colours) for image in images) else 3
        has_alpha = any(image.transparent is not None for image in images[:1])
        shape = (height, width, channels + 1)
        decode = _decode_grey if channels == 1 else _decode
        film = Animation(path, shape, np.dtype(np.uint8), patches, decode)
    stored = FrameInfo(
        name=path.name,
        height=height,
        width=width,
        channels=channels,
        dtype=np.dtype(np.uint8),
        notices=("transparency",) * has_alpha,
    )
    return film_sources(path, stored, film.decoders(), largest_ratio=LARGEST_RATIO_OF_MODELS)


def is_whole(path: Path) -> bool:
    """Whether all blocks end inside the file; some programs leave out the end mark."""
    with path.open("rb") as file:
        try:
            return bool(list(_patches(file)))
        except (struct.error, IndexError):
            return False


def _patches(file: BinaryIO) -> Iterator[Patch]:
    """The pictures; struct.error or IndexError where the file ends within one."""
    file.seek(10)
    flags = file.read(3)[0]
    shared = _colours(file, flags)
    disposal: Disposal = "keep"
    transparent: int | None = None
    while (kind := file.read(1)) not in (b"", bytes((_END,))):
        if kind[0] == _EXTENSION:
            label, start = file.read(1)[0], file.tell()
            if label == _CONTROL:
                _, packed, _, index = struct.unpack("<BBHB", file.read(5))
                disposal = _DISPOSALS.get(packed >> 2 & 7, "keep")
                transparent = index if packed & _HAS_TRANSPARENT else None
            _skip(file, start)
        elif kind[0] == _IMAGE:
            left, top, width, height, flags = struct.unpack("<HHHHB", file.read(9))
            colours = _colours(file, flags) or shared
            start = file.tell()
            end = _skip(file, start + 1)
            is_interlaced = bool(flags & 0x40)
            image = _Image(start, end, is_interlaced, colours, transparent, height, width)
            yield Patch(image, top, left, height, width, True, disposal)
            disposal, transparent = "keep", None
        else:
            raise ValueError("bytes between its blocks")


def _colours(file: BinaryIO, flags: int) -> bytes:
    if not flags & _HAS_COLOURS:
        return b""
    length = 3 * 2 ** ((flags & 7) + 1)
    colours = file.read(length)
    if len(colours) < length:
        raise IndexError("a palette is cut off")
    return colours


def _skip(file: BinaryIO, start: int) -> int:
    """Where the blocks end that begin at a place; IndexError where the file ends before."""
    file.seek(start)
    while length := file.read(1)[0]:
        file.seek(length, 1)
    return file.tell()


def _is_grey(colours: bytes) -> bool:
    return colours[0::3] == colours[1::3] == colours[2::3]


def _decode(path: Path, image: _Image) -> Samples:
    """(height, width, 4), one picture of the file as if it were alone in it."""
    with path.open("rb") as file:
        file.seek(image.start)
        indices = file.read(image.end - image.start)
    size = struct.pack("<HH", image.width, image.height)
    palette = image.colours.ljust(768, b"\0")
    alone = b"GIF89a" + size + bytes((_HAS_COLOURS | 7, 0, 0)) + palette
    alone += bytes((_IMAGE, 0, 0, 0, 0)) + size + bytes((0x40 * image.is_interlaced,))
    alone += indices + bytes((_END,))
    chosen = imagecodecs.gif_decode(alone, index=0, asrgb=False)
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = np.frombuffer(palette, np.uint8).reshape(256, 3)
    table[:, 3] = 255
    if image.transparent is not None:
        table[image.transparent, 3] = 0
    return table[chosen]


def _decode_grey(path: Path, image: _Image) -> Samples:
    return _decode(path, image)[:, :, 2:]
