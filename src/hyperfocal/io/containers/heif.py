"""The pictures of a HEIF or AVIF file, as its boxes describe them, and their metadata.

Size, depth, turning, colour profile and EXIF are found without the picture's own library.
ISO/IEC 23008-12:2022 (HEIF), sections 6.5 and 10; ISO/IEC 14496-12:2022, sections 8.11 and 12.1.5.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from hyperfocal.io.containers.boxes import boxes
from hyperfocal.io.limits import LARGEST_METADATA, MOST_PICTURES

# Of AV1 and of HEVC.
_ALPHA = (b":alpha", b":auxid:1")


# Items that are metadata or made for other screens, and no pictures.
_NO_PICTURES = (b"Exif", b"mime", b"uri ", b"tmap")
_TURNS = {
    (0, None): 1, (0, 0): 4, (0, 1): 2, (1, None): 8, (1, 0): 5, (1, 1): 7, (2, None): 3, (2, 0): 2,
    (2, 1): 4, (3, None): 6, (3, 0): 7, (3, 1): 5,
}  # fmt: skip


@dataclass
class HeifPicture:
    """What a file says of a picture; height and width as stored."""

    height: int
    width: int
    bits: int
    channels: int
    icc: bytes | None
    exif: bytes | None
    is_srgb: bool  # or says nothing of its colours
    has_alpha: bool
    orientation: int  # how to turn what is stored, as EXIF counts
    is_cropped: bool


@dataclass
class _Meta:
    primary: int = 0
    hidden: set[int] = field(default_factory=set)
    groups: list[list[int]] = field(default_factory=list)  # of which one is to be shown
    kinds: dict[int, bytes] = field(default_factory=dict)
    spans: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # of items in the file
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)  # properties, numbered from 1
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    exifs: dict[int, bytes | None] = field(default_factory=dict)  # that were read

    @cached_property
    def sources(self) -> dict[tuple[bytes, int], list[int]]:
        """Which items refer to an item in a way: `(b"cdsc", 1)` -> `[2]`."""
        found: dict[tuple[bytes, int], list[int]] = {}
        for kind, source, targets in self.references:
            for target in targets:
                found.setdefault((kind, target), []).append(source)
        return found

    @cached_property
    def blocks(self) -> dict[int, None]:
        """The items that are EXIF."""
        return {item: None for item, kind in self.kinds.items() if kind == b"Exif"}


class _Reader:
    """Numbers from the start of a box's content onwards."""

    def __init__(self, content: bytes):
        self.content, self.at = content, 0

    def number(self, size: int) -> int:
        if self.at + size > len(self.content):
            raise ValueError("a box is cut off")
        self.at += size
        return int.from_bytes(self.content[self.at - size : self.at], "big")

    def version(self) -> tuple[int, int]:
        return self.number(1), self.number(3)


def read(path: Path) -> HeifPicture:
    """The primary picture; ValueError where the file is cut or describes none."""
    with path.open("rb") as file:
        meta = _meta(file)
        return _picture(file, meta, meta.primary)


def read_all(path: Path) -> tuple[list[HeifPicture], int]:
    """All pictures of a file, in the order of their numbers, and which is the primary one.

    Thumbnails, tiles, maps of depth or transparency, and other versions of one picture are none.
    """
    with path.open("rb") as file:
        meta = _meta(file)
        items = _shown_items(meta)
        if len(items) > MOST_PICTURES:
            raise ValueError(f"{len(items)} pictures, more than {MOST_PICTURES}")
        return [_picture(file, meta, item) for item in items], items.index(meta.primary)


def has_stills(path: Path) -> bool:
    """Whether any picture is described that is not one of a film."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        return any(box.kind == b"meta" for box in boxes(file, 0, size))


def moving_count(path: Path) -> int:
    """How many pictures the film in a file has; 0 where there is none."""
    with path.open("rb") as file:
        found = _below(file, (b"moov", b"trak", b"mdia"), 0, file.seek(0, os.SEEK_END))
        for start, end in found:
            kinds = {box.kind: box for box in boxes(file, start, end)}
            if b"hdlr" not in kinds or b"minf" not in kinds:
                continue
            handler = _content(file, kinds[b"hdlr"].start, kinds[b"hdlr"].end)[8:12]
            minf = kinds[b"minf"]
            for table in _below(file, (b"stbl", b"stsz"), minf.start, minf.end):
                if handler in (b"pict", b"vide"):
                    return int.from_bytes(_content(file, *table)[8:12], "big")
    return 0


def _below(file: BinaryIO, kinds: tuple[bytes, ...], start: int, end: int) -> list[tuple[int, int]]:
    """The contents of all boxes of the last kind, in those of the kinds before it."""
    spans = [(start, end)]
    for kind in kinds:
        spans = [
            (box.start, box.end)
            for span in spans
            for box in boxes(file, *span)
            if box.kind == kind and box.end <= end
        ]
    return spans


def _shown_items(meta: _Meta) -> list[int]:
    aside = meta.hidden | {
        each
        for kind, source, targets in meta.references
        if kind in (b"thmb", b"auxl", b"dimg")
        for each in (targets if kind == b"dimg" else [source])
    }
    for group in meta.groups:
        shown = meta.primary if meta.primary in group else group[0]
        aside |= set(group) - {shown}
    aside -= {meta.primary}
    return sorted(
        {
            item
            for item, kind in meta.kinds.items()
            if kind not in _NO_PICTURES and item not in aside
        }
        | {meta.primary}
    )


def _picture(file: BinaryIO, meta: _Meta, item: int) -> HeifPicture:
    described: dict[bytes, list[bytes]] = {}
    for number in meta.owned.get(item, []):
        if 0 < number <= len(meta.properties):
            kind, content = meta.properties[number - 1]
            described.setdefault(kind, []).append(content)
    if b"ispe" not in described:
        raise ValueError("it describes no picture")
    width, height = struct.unpack_from(">II", described[b"ispe"][0], 4)
    if b"clap" in described:
        over = struct.unpack_from(">4I", described[b"clap"][0])
        width, height = round(over[0] / over[1]), round(over[2] / over[3])
    quarters = described[b"irot"][0][0] & 3 if b"irot" in described else 0
    flip = described[b"imir"][0][0] & 1 if b"imir" in described else None
    bits, channels = _depth(described)
    icc, is_srgb = _colours(described.get(b"colr", []))
    return HeifPicture(
        height=height,
        width=width,
        bits=bits,
        channels=channels,
        icc=icc,
        exif=_exif(file, meta, item),
        is_srgb=is_srgb,
        has_alpha=_has_alpha(meta, item),
        orientation=_TURNS[quarters, flip],
        is_cropped=b"clap" in described,
    )


def is_whole(path: Path) -> bool:
    """Whether all boxes and the picture's own bytes end inside the file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if any(box.end > size for box in boxes(file, 0, size)):
            return False
        spans = [span for spans in _meta(file).spans.values() for span in spans]
        return all(start + length <= size for start, length in spans)


def _meta(file: BinaryIO) -> _Meta:
    meta = _Meta()
    size = file.seek(0, os.SEEK_END)
    for box in boxes(file, 0, size):
        if box.kind == b"meta" and box.end <= size:
            for part in boxes(file, box.start + 4, box.end):
                file.seek(part.start)
                content = file.read(min(LARGEST_METADATA, part.end - part.start))
                _take(meta, part.kind, content, file, part.start, part.end)
            return meta
    raise ValueError("its description is missing")


def _take(meta: _Meta, kind: bytes, content: bytes, file: BinaryIO, start: int, end: int) -> None:
    reader = _Reader(content)
    if kind == b"pitm":
        version, _ = reader.version()
        meta.primary = reader.number(4 if version else 2)
    elif kind == b"iinf":
        version, _ = reader.version()
        for box in boxes(file, start + (8 if version else 6), end):
            _take_kind(meta, _content(file, box.start, box.end))
    elif kind == b"grpl":
        for box in boxes(file, start, end):
            if box.kind in (b"altr", b"ster"):
                parts = _Reader(_content(file, box.start, box.end))
                parts.number(8)
                meta.groups.append([parts.number(4) for _ in range(parts.number(4))])
    elif kind == b"iloc":
        _take_places(meta, reader)
    elif kind == b"iref":
        version, _ = reader.version()
        for box in boxes(file, start + 4, end):
            parts = _Reader(_content(file, box.start, box.end))
            size = 4 if version else 2
            source = parts.number(size)
            targets = [parts.number(size) for _ in range(parts.number(2))]
            meta.references.append((box.kind, source, targets))
    elif kind == b"iprp":
        for box in boxes(file, start, end):
            if box.kind == b"ipco":
                for each in boxes(file, box.start, box.end):
                    meta.properties.append((each.kind, _content(file, each.start, each.end)))
            elif box.kind == b"ipma":
                _take_owners(meta, _Reader(_content(file, box.start, box.end)))


def _take_kind(meta: _Meta, content: bytes) -> None:
    reader = _Reader(content)
    version, flags = reader.version()
    if version >= 2:
        item = reader.number(2 if version == 2 else 4)
        reader.number(2)
        meta.hidden |= {item} if flags & 1 else set()
        meta.kinds[item] = content[reader.at : reader.at + 4]


def _take_places(meta: _Meta, reader: _Reader) -> None:
    version, _ = reader.version()
    sizes = reader.number(2)
    offset_size, length_size, base_size = (sizes >> shift & 15 for shift in (12, 8, 4))
    index_size = sizes & 15 if version else 0
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        spans = []
        count = reader.number(2)
        # Places without a number to tell them apart are one.
        if count > 1 and not index_size + offset_size + length_size:
            raise ValueError(f"{count} places of no bytes")
        for _ in range(count):
            reader.number(index_size)
            offset = base + reader.number(offset_size)
            spans.append((offset, reader.number(length_size)))
        if method == 0:  # in the file itself, not in a box
            meta.spans[item] = spans


def _take_owners(meta: _Meta, reader: _Reader) -> None:
    version, flags = reader.version()
    wide = 2 if flags & 1 else 1
    for _ in range(reader.number(4)):
        item = reader.number(4 if version else 2)
        numbers = [reader.number(wide) for _ in range(reader.number(1))]
        # The highest bit says that a reader must know the property.
        meta.owned[item] = [number & (0x7FFF if flags & 1 else 0x7F) for number in numbers]


def _depth(described: dict[bytes, list[bytes]]) -> tuple[int, int]:
    """Bits a sample, and 1 or 3 channels."""
    if b"pixi" in described:
        reader = _Reader(described[b"pixi"][0])
        reader.version()
        channels = reader.number(1)
        return reader.number(1), 1 if channels == 1 else 3
    if b"av1C" in described:
        flags = described[b"av1C"][0][2]
        bits = 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
        return bits, 1 if flags & 0x10 else 3
    if b"hvcC" in described:
        content = described[b"hvcC"][0]
        return (content[17] & 7) + 8, 3 if content[16] & 3 else 1
    return 8, 3


def _colours(described: list[bytes]) -> tuple[bytes | None, bool]:
    """The profile, and whether numbers say that the colours are sRGB's."""
    icc, is_srgb = None, True
    for content in described:
        if content[:4] in (b"prof", b"rICC"):
            icc = content[4:]
        elif content[:4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            # BT.709 or unspecified; its curve or sRGB's, which viewers treat alike.
            is_srgb = primaries in (1, 2) and transfer in (1, 2, 6, 13)
    return icc, is_srgb or icc is not None


def _exif(file: BinaryIO, meta: _Meta, shown: int) -> bytes | None:
    """The block that says it is this picture's, or else the first."""
    own = [item for item in meta.sources.get((b"cdsc", shown), []) if item in meta.blocks]
    for item in own or meta.blocks:
        spans = meta.spans.get(item, [])
        if sum(length for _, length in spans) <= LARGEST_METADATA:
            if item not in meta.exifs:
                content = b"".join(_content(file, at, at + length) for at, length in spans)
                start = 4 + int.from_bytes(content[:4], "big")
                meta.exifs[item] = content[start:] or None
            return meta.exifs[item]
    return None


def _has_alpha(meta: _Meta, shown: int) -> bool:
    """Whether another picture is said to be the transparency of this one."""
    aside = meta.sources.get((b"auxl", shown), [])
    numbers = [number for item in aside for number in meta.owned.get(item, [])]
    kinds = [meta.properties[n - 1] for n in numbers if 0 < n <= len(meta.properties)]
    return any(
        kind == b"auxC" and content.rstrip(b"\0").endswith(_ALPHA) for kind, content in kinds
    )


def _content(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(max(0, min(LARGEST_METADATA, end - start)))
