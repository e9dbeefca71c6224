"""PNG: 8 and 16 bits, grey and colour; palettes and 1, 2 and 4 bits are read as 8.

Each frame of a moving picture (APNG) is a frame of the stack. Transparency is left out with a
notice, and so is a colour profile that is damaged. Does not keep pixel density, XMP (which tells
the orientation where EXIF does not), or the chunks cICP, gAMA, cHRM and sRGB; an ICC profile is the
only description of colour that is carried.
Portable Network Graphics, third edition, W3C 2025.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers.animation import Animation, Disposal, Patch, with_alpha
from hyperfocal.io.files import end_of, reading, require_dtype, require_signature, writing
from hyperfocal.io.limits import LARGEST_METADATA
from hyperfocal.io.metadata.profiles import fitting
from hyperfocal.io.sources import film_sources, source

SUFFIXES = (".png",)
SIGNATURES = (b"\x89PNG\r\n\x1a\n",)
DTYPES = ("uint8", "uint16")
METADATA = ("icc", "exif")

_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}  # by colour type
_HEADER_END = 8 + 25  # signature and IHDR, always first
_SLACK = 1 << 16  # bytes
_TOLD = (b"IHDR", b"iCCP", b"eXIf", b"tRNS", b"acTL")
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # to decode
_XMP = b"XML:com.adobe.xmp\0"
_STORED = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples a pixel, by colour type
# Of interlaced pictures: the first row and column of a pass, and the distance to the next.
_PASSES = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip
_DISPOSALS: tuple[Disposal, ...] = ("keep", "clear", "restore")

_Spans = tuple[tuple[int, int], ...]


def open(path: Path) -> list[Source]:
    """The frame of the file, or those of a moving picture, from its chunks' headers alone."""
    require_signature(path, SIGNATURES, "PNG")
    with reading(path), path.open("rb") as file:
        chunks = dict(_chunks(file))
        width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
        icc = _inflated(chunks.get(b"iCCP"))
        has_alpha = colour in (4, 6) or b"tRNS" in chunks
        stored = FrameInfo(
            name=path.name,
            height=height,
            width=width,
            channels=_CHANNELS[colour],
            dtype=np.dtype(np.uint16 if depth == 16 else np.uint8),
            icc=icc,
            exif=chunks.get(b"eXIf"),
            notices=("transparency",) * has_alpha
            + ("the damaged colour profile",) * (b"iCCP" in chunks and icc is None),
        )
        patches = list(_patches(file)) if b"acTL" in chunks else []
    xmp = _xmp(chunks.get(b"iTXt", b""))
    if len(patches) < 2:
        return [source(path, stored, _decode, xmp=xmp)]
    shape = (height, width, stored.channels + 1)
    decode = partial(_decode_patch, channels=stored.channels)
    film = Animation(path, shape, stored.dtype, patches, decode)
    return film_sources(path, stored, film.decoders(), xmp=xmp)


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples, with the profile and EXIF of `like`."""
    require_dtype(path, samples, DTYPES, "PNG")
    channels = samples.shape[2]
    # Run lengths over differences: three times as fast as zlib's search, and smaller on photos.
    encoded = imagecodecs.png_encode(
        np.ascontiguousarray(samples[:, :, 0] if channels == 1 else samples),
        level=1,
        strategy=imagecodecs.PNG.STRATEGY.RLE,
        filter=imagecodecs.PNG.FILTER.SUB,
    )
    icc = fitting(like.icc, channels)
    with writing(path), path.open("wb") as file:
        file.write(encoded[:_HEADER_END])
        if icc is not None:
            file.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
        if like.exif is not None:
            file.write(_chunk(b"eXIf", like.exif))
        file.write(memoryview(encoded)[_HEADER_END:])


def _decode(path: Path) -> Samples:
    return _samples(_essential(path.read_bytes()))


def _samples(encoded: bytes) -> Samples:
    """The samples of a file that holds what is needed, and nothing else."""
    _require_no_more(encoded)
    is_interlaced = encoded[_HEADER_END - 5] == 1
    samples: Samples = _woven(encoded) if is_interlaced else imagecodecs.png_decode(encoded)
    return samples


def _require_no_more(encoded: bytes) -> None:
    """ValueError where there are more compressed bytes than the picture has, however stored.

    libpng inflates what is left over, to throw it away.
    """
    file = io.BytesIO(encoded)
    given = sum(end - start for name, start, end in _places(file) if name == b"IDAT")
    width, height, depth, colour = struct.unpack_from(">IIBB", encoded, 16)
    row = 1 + -(-width * depth * _STORED.get(colour, 4) // 8)
    if given > 2 * row * height + _SLACK:
        raise ValueError("more samples than it declares")


def _woven(encoded: bytes) -> Samples:
    """An interlaced picture, put together from its passes, each of which is a picture.

    libpng would read it too, but complains on the terminal of how imagecodecs asks for it.
    """
    file = io.BytesIO(encoded)
    parts = [(name, _span(file, (start, end))) for name, start, end in _places(file)]
    width, height, depth, colour = struct.unpack_from(">IIBB", parts[0][1])
    others = b"".join(_chunk(*part) for part in parts[1:-1] if part[0] != b"IDAT")
    sizes = [
        (len(range(top, height, down)), len(range(left, width, across)))
        for top, left, down, across in _PASSES
    ]
    bits = depth * _STORED[colour]
    lengths = [rows * (1 + -(-columns * bits // 8)) * (columns > 0) for rows, columns in sizes]
    compressed = b"".join(content for name, content in parts if name == b"IDAT")
    # One byte more, so that the end with its check sum is read.
    rows = zlib.decompressobj().decompress(compressed, sum(lengths) + 1)
    if len(rows) != sum(lengths):
        raise ValueError("its passes are not as long as they should be")
    samples: Samples | None = None
    at = 0
    for (top, left, down, across), size, length in zip(_PASSES, sizes, lengths, strict=True):
        if length:
            header = struct.pack(">IIBBBBB", size[1], size[0], depth, colour, 0, 0, 0)
            content = _chunk(b"IDAT", zlib.compress(rows[at : at + length], 0))
            alone = encoded[:8] + _chunk(b"IHDR", header) + others + content + _chunk(b"IEND", b"")
            decoded = imagecodecs.png_decode(alone)
            if samples is None:
                samples = np.empty((height, width, *decoded.shape[2:]), decoded.dtype)
            samples[top::down, left::across] = decoded
        at += length
    assert samples is not None  # the first pass has the first pixel
    return samples


def _essential(encoded: bytes) -> bytes:
    """The file without what says nothing of its samples: libpng prints what it finds odd there."""
    kept, at = [encoded[:8]], 8
    while at + 8 <= len(encoded):
        length, name = struct.unpack_from(">I4s", encoded, at)
        if name in _NEEDED:
            kept.append(encoded[at : at + length + 12])
        at += length + 12
    return b"".join(kept)


def _decode_patch(path: Path, spans: _Spans, *, channels: int) -> Samples:
    """One picture of a moving one as if it were alone in the file, with alpha."""
    with path.open("rb") as file:
        alone = [file.read(8)]
        size, header = _span(file, spans[0]), b""
        for name, content in _chunks(file, wanted=(b"IHDR", b"PLTE", b"tRNS")):
            header = size + content[8:] if name == b"IHDR" else content
            alone.append(_chunk(name, header))
        alone += [_chunk(b"IDAT", _span(file, span)) for span in spans[1:]]
    return with_alpha(_samples(b"".join([*alone, _chunk(b"IEND", b"")])), channels)


def _span(file: BinaryIO, span: tuple[int, int]) -> bytes:
    file.seek(span[0])
    content = file.read(span[1] - span[0])
    if len(content) < span[1] - span[0]:
        raise ValueError("one of its pictures is cut off")
    return content


def _patches(file: BinaryIO) -> Iterator[Patch]:
    """The pictures of a moving one, each by the spans of its size and of its samples."""
    waiting: list[Patch] = []
    for name, start, end in _places(file):
        if name == b"fcTL":
            yield from waiting
            file.seek(start + 4)
            width, height, left, top, _, _, disposal, blending = struct.unpack(
                ">IIIIHHBB", file.read(22)
            )
            spans = ((start + 4, start + 12),)
            patch = Patch(spans, top, left, height, width, blending == 1, _DISPOSALS[disposal])
            waiting = [patch]
        elif waiting and name in (b"IDAT", b"fdAT"):
            # Samples of all but the first picture begin with a number.
            span = (start + 4 * (name == b"fdAT"), end)
            waiting = [waiting[0]._replace(content=(*waiting[0].content, span))]
    yield from waiting


def is_whole(path: Path) -> bool:
    """Whether the end chunk is there; reads the file's end alone where that is enough."""
    return b"IEND" in end_of(path) or b"IEND" in path.read_bytes()


def _chunks(
    file: BinaryIO, wanted: tuple[bytes, ...] = (*_TOLD, b"iTXt")
) -> Iterator[tuple[bytes, bytes]]:
    """Header and metadata, to the file's end: eXIf may stand behind the samples."""
    for name, start, end in _places(file):
        if name in wanted and end - start <= LARGEST_METADATA:
            file.seek(start)
            content = file.read(end - start)
            # Of all texts the one that matters.
            if name != b"iTXt" or content.startswith(_XMP):
                yield name, content


def _places(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The names of chunks, and where their contents begin and end."""
    start = 8
    file.seek(start)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        yield name, start + 8, start + 8 + length
        start += length + 12
        file.seek(start)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _inflated(chunk: bytes | None) -> bytes | None:
    """The profile in its chunk; None where it is damaged."""
    if chunk is None:
        return None
    _, _, compressed = chunk.partition(b"\0")
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(compressed[1:], LARGEST_METADATA)
    except zlib.error:
        return None
    return profile if inflater.eof else None


def _xmp(chunk: bytes) -> bytes | None:
    """The packet in a text chunk: behind flags, a language and a translated name."""
    flag, texts = chunk[len(_XMP) : len(_XMP) + 1], chunk[len(_XMP) + 2 :]
    packet = texts.split(b"\0", 2)[-1]
    if flag != b"\1":
        return packet
    try:
        return zlib.decompressobj().decompress(packet, LARGEST_METADATA)
    except zlib.error:
        return None
