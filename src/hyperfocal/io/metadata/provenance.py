"""The EXIF block of a fused picture: that of its reference frame, and what was made of it.

Says so in Software, in ImageDescription where that is free, and in CompositeImage with the count
of frames; drops the thumbnail, which shows one frame. What is there already stays in its place,
because maker notes hold offsets into the block; tables are written anew at its end.
CIPA DC-008 (EXIF 2.32), tables 4 and 8.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

from hyperfocal.io.containers import tiff_directories as directories

_DESCRIPTION, _SOFTWARE, _EXIF = 270, 305, 34665
_VERSION, _WIDTH, _HEIGHT, _COMPOSITE, _FRAME_COUNTS = 36864, 40962, 40963, 42080, 42081
_THUMBNAIL, _THUMBNAIL_LENGTH = 513, 514
_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7
_GENERAL_COMPOSITE = 2
_PADDING = 16
_EMPTY = b"II*\0\x08\0\0\0\0\0\0\0\0\0"


class _Value(NamedTuple):
    kind: int
    length: int
    content: bytes


def with_provenance(
    exif: bytes | None, *, software: str, frame_count: int, height: int, width: int
) -> bytes:
    """The block of a picture of this size that `software` made of so many frames.

    A block that cannot be read is replaced.
    """
    try:
        return _credited(exif or _EMPTY, software, frame_count, (height, width))
    except (struct.error, ValueError, OverflowError):
        return _credited(_EMPTY, software, frame_count, (height, width))


def with_software(software: str) -> bytes:
    """A block that says what made a picture, and nothing else."""
    layout = directories.Layout("<", False)
    return _EMPTY[:8] + _table({}, {_SOFTWARE: _text(software)}, layout, start=8)


def is_damaged(exif: bytes | None) -> bool:
    """Whether a block, or what the camera wrote of the exposure in it, cannot be read."""
    if not exif:
        return False
    try:
        layout, first = directories.layout_of(exif)
        fields = _fields(exif, first, layout)
        if _EXIF in fields:
            _fields(exif, struct.unpack(layout.offset, fields[_EXIF][2])[0], layout)
    except (struct.error, ValueError, OverflowError):
        return True
    return False


def _credited(exif: bytes, software: str, frame_count: int, size: tuple[int, int]) -> bytes:
    layout, first = directories.layout_of(exif)
    if layout.is_big:
        raise ValueError("no EXIF block is a BigTIFF")
    order = layout.order
    kept = _fields(exif, first, layout)
    child = kept.pop(_EXIF, None)
    below = {} if child is None else _child(exif, child, layout)
    exif = _without_thumbnail(exif, first, layout)
    exif += b"\0" * (len(exif) % 2)

    sides = {tag: side for tag, side in zip((_HEIGHT, _WIDTH), size, strict=True) if tag in below}
    counts = struct.pack(order + "HH", frame_count, frame_count)
    added = {tag: _Value(_LONG, 1, struct.pack(order + "I", side)) for tag, side in sides.items()}
    added[_COMPOSITE] = _Value(_SHORT, 1, struct.pack(order + "H", _GENERAL_COMPOSITE))
    added[_FRAME_COUNTS] = _Value(_SHORT, 2, counts)
    # The first version that knows composites.
    if below.get(_VERSION, (0, 0, b""))[2] < b"0232":
        added[_VERSION] = _Value(_UNDEFINED, 4, b"0232")
    child_offset = len(exif)
    exif += _table(below, added, layout, start=child_offset)

    added = {
        _SOFTWARE: _text(software),
        _EXIF: _Value(_LONG, 1, struct.pack(order + "I", child_offset)),
    }
    if _DESCRIPTION not in kept:
        added[_DESCRIPTION] = _text(f"Focus stack of {frame_count} frames")
    first = len(exif)
    exif += _table(kept, added, layout, start=first)
    return exif[:4] + struct.pack(order + "I", first) + exif[8:]


def _fields(
    exif: bytes, offset: int, layout: directories.Layout
) -> dict[int, tuple[int, int, bytes]]:
    """The table at an offset as it stands: kind, length and value or where that is."""
    rows = directories.rows(io.BytesIO(exif), offset, layout)
    return {row.tag: (row.kind, row.length, row.field) for row in rows}


def _child(
    exif: bytes, field: tuple[int, int, bytes], layout: directories.Layout
) -> dict[int, tuple[int, int, bytes]]:
    try:
        return _fields(exif, struct.unpack(layout.offset, field[2])[0], layout)
    except (struct.error, ValueError):
        return {}


def _without_thumbnail(exif: bytes, first: int, layout: directories.Layout) -> bytes:
    """Without the bytes of the thumbnail, where nothing stands behind them."""
    file = io.BytesIO(exif)
    directories.rows(file, first, layout)
    (second,) = struct.unpack(layout.offset, file.read(4).ljust(4, b"\0"))
    try:
        fields = _fields(exif, second, layout) if second else {}
        start, length = (
            struct.unpack(layout.offset, fields[tag][2])[0]
            for tag in (_THUMBNAIL, _THUMBNAIL_LENGTH)
        )
    except (KeyError, struct.error, ValueError):
        return exif
    is_last = len(exif) - _PADDING <= start + length <= len(exif)
    return exif[:start] if is_last and start > first else exif


def _text(text: str) -> _Value:
    content = text.encode("ascii", "replace") + b"\0"
    return _Value(_ASCII, len(content), content)


def _table(
    kept: dict[int, tuple[int, int, bytes]],
    added: dict[int, _Value],
    layout: directories.Layout,
    *,
    start: int,
) -> bytes:
    """A directory's bytes as they stand at `start`; the last, as no other follows."""
    tags = sorted({*kept, *added})
    table = struct.pack(layout.entry_count, len(tags))
    behind, tail = start + len(table) + 12 * len(tags) + 4, b""
    for tag in tags:
        kind, length, field = added.get(tag) or kept[tag]
        if len(field) > 4:
            field, value = struct.pack(layout.offset, behind + len(tail)), field
            tail += value + b"\0" * (len(value) % 2)
        table += struct.pack(layout.entry, tag, kind, length, field)
    return table + bytes(4) + tail
