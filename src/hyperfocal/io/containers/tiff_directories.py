"""TIFF directories as trees of raw entries: what EXIF blocks and TIFF files are both made of.

Values stay the bytes that they are, in the file's byte order; nothing here interprets them.
TIFF 6.0 (1992), section 2; BigTIFF widens counts and offsets to eight bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Container
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, NamedTuple

from hyperfocal.io.limits import DEEPEST_DIRECTORY, LARGEST_DIRECTORY, LARGEST_METADATA

CHILDREN = (34665, 34853, 40965)  # Exif, GPS, Interoperability
LONG, LONG8 = 4, 16
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}  # those of BigTIFF


class Layout(NamedTuple):
    """How a file writes its directories."""

    order: Literal["<", ">"]
    is_big: bool

    @property
    def entry_count(self) -> str:
        return self.order + ("Q" if self.is_big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.is_big else "I")

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.is_big else "HHI4s")


class TagRow(NamedTuple):
    """One tag as it stands in the table: its value, or where that begins."""

    tag: int
    kind: int
    length: int
    field: bytes
    position: int  # of the field


@dataclass(frozen=True)
class Entry:
    """One tag; `child` in place of a value where it points at a directory."""

    kind: int
    length: int
    value: bytes
    position: int  # of the value, or of the pointer to a child
    child: Directory | None = None


@dataclass
class Directory:
    """Entries by tag, and where the pointer to the next directory stands."""

    entries: dict[int, Entry] = field(default_factory=dict)
    next_position: int = 0
    next_offset: int = 0


def layout_of(header: bytes) -> tuple[Layout, int]:
    """The layout and the first directory's offset; ValueError where this is no TIFF header."""
    if header[:2] not in (b"II", b"MM") or len(header) < 8:
        raise ValueError("no TIFF header")
    order: Literal["<", ">"] = "<" if header[:2] == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", header, 2)
    layout = Layout(order, is_big=version == 43)
    if version not in (42, 43) or (layout.is_big and len(header) < 16):
        raise ValueError("no TIFF header")
    (offset,) = struct.unpack_from(layout.offset, header, 8 if layout.is_big else 4)
    return layout, offset


def chain(file: BinaryIO, first: int, layout: Layout) -> list[int]:
    """The offsets of a file's directories, each naming the next, to the last.

    Raises ValueError for a circle and for directories that lie on each other, struct.error where
    the chain leads beyond the file's end.
    """
    offsets: dict[int, None] = {}
    offset = first
    left = file.seek(0, os.SEEK_END)
    while offset:
        if offset in offsets:
            raise ValueError("its directories go in circles")
        offsets[offset] = None
        file.seek(offset)
        (count,) = _unpack(file, layout.entry_count)
        size = struct.calcsize(layout.entry) * count
        left -= size
        if left < 0:
            raise ValueError("its directories are longer than the file")
        file.seek(size, os.SEEK_CUR)
        (offset,) = _unpack(file, layout.offset)
    return list(offsets)


def rows(file: BinaryIO, offset: int, layout: Layout) -> list[TagRow]:
    """The table of the directory at an offset; struct.error where the file ends within it."""
    file.seek(offset)
    (count,) = _unpack(file, layout.entry_count)
    if count > 0xFFFF:
        raise ValueError(f"a directory of {count} entries")
    first, size = file.tell(), struct.calcsize(layout.entry)
    table = file.read(size * count)
    if len(table) < size * count:
        raise struct.error("a directory is cut off")
    width = struct.calcsize(layout.offset)
    return [
        TagRow(tag, kind, length, value, first + size * (index + 1) - width)
        for index, (tag, kind, length, value) in enumerate(struct.iter_unpack(layout.entry, table))
    ]


def read(
    file: BinaryIO, offset: int, layout: Layout, *, wanted: Container[int] | None = None
) -> Directory:
    """The directory at an offset with those below it; unreadable entries are left out.

    `wanted` limits the tags of the directory itself, not of those below it. Of each tag one entry
    is read, and no directory twice.
    Raises struct.error where the file ends within the directory.
    """
    return _Tree(file, layout).directory(offset, wanted)


def pack(directory: Directory, layout: Layout, *, start: int) -> bytes:
    """The directory's bytes as they stand at `start`: entries, long values, directories below."""
    width = struct.calcsize(layout.offset)
    head_bytes = struct.calcsize(layout.entry_count) + width
    head_bytes += struct.calcsize(layout.entry) * len(directory.entries)
    table = struct.pack(layout.entry_count, len(directory.entries))
    tail = b""
    below: list[tuple[int, int, Entry]] = []  # where in the table, tag
    for tag, entry in sorted(directory.entries.items()):
        value = entry.value
        if entry.child is not None:
            below.append((len(table), tag, entry))
        elif len(value) > width:
            value = struct.pack(layout.offset, start + head_bytes + len(tail))
            tail += entry.value + b"\0" * (len(entry.value) % 2)
        table += struct.pack(layout.entry, tag, entry.kind, entry.length, value)
    for position, tag, entry in below:
        assert entry.child is not None
        offset = start + head_bytes + len(tail)
        tail += pack(entry.child, layout, start=offset)
        table = _with_pointer(table, position, tag, offset, layout)
    return table + struct.pack(layout.offset, 0) + tail


def _with_pointer(table: bytes, position: int, tag: int, offset: int, layout: Layout) -> bytes:
    kind = LONG8 if layout.is_big else LONG
    entry = struct.pack(layout.entry, tag, kind, 1, struct.pack(layout.offset, offset))
    return table[:position] + entry + table[position + len(entry) :]


@dataclass
class _Tree:
    """A directory and those below it, while they are read: where it was, and what may be read."""

    file: BinaryIO
    layout: Layout
    seen: set[int] = field(default_factory=set)
    left: int = LARGEST_DIRECTORY

    def directory(
        self, offset: int, wanted: Container[int] | None = None, *, depth: int = 1
    ) -> Directory:
        self.seen.add(offset)
        table = rows(self.file, offset, self.layout)
        directory = Directory(next_position=self.file.tell())
        (directory.next_offset,) = _unpack(self.file, self.layout.offset)
        tags: set[int] = set()
        for row in table:
            # A tag stands once; where it is there again, the first counts.
            if row.tag in tags or not (wanted is None or row.tag in wanted):
                continue
            tags.add(row.tag)
            entry = self.child(row, depth) if row.tag in CHILDREN else self.plain(row)
            if entry is not None:
                directory.entries[row.tag] = entry
        return directory

    def plain(self, row: TagRow) -> Entry | None:
        value, position = row.field, row.position
        size = _SIZES.get(row.kind, 0) * row.length
        if not 0 < size <= min(LARGEST_METADATA, self.left):
            return None
        if size > len(value):
            (position,) = struct.unpack(self.layout.offset, value)
            self.left -= size
            self.file.seek(position)
            value = self.file.read(size)
        # What is cut off is shorter than it says.
        return Entry(row.kind, row.length, value[:size], position) if len(value) >= size else None

    def child(self, row: TagRow, depth: int) -> Entry | None:
        (offset,) = struct.unpack_from(self.layout.offset, row.field)
        if depth == DEEPEST_DIRECTORY or offset in self.seen:
            return None
        try:
            directory = self.directory(offset, depth=depth + 1)
        except (struct.error, ValueError, OverflowError, OSError):
            return None
        return Entry(LONG, 1, b"", row.position, directory)


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))
