"""What a TIFF page says of its picture, as an EXIF block and back.

Both are TIFF directories, so tags move as they are; an offset inside a maker note does not follow.
The tags are those that CIPA DC-008 (EXIF 2.32), table 4, and Windows use for descriptions.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any, BinaryIO, Literal

from hyperfocal.io.containers import tiff_directories as directories

DESCRIPTION = 270
_CHILDREN = {34665: "ExifTag", 34853: "GPSTag"}  # by number tifffile would leave them out
_TAGS = {DESCRIPTION, 271, 272, 274, 305, 306, 315, 316, 18246, 18249, 33432}
_TAGS |= {*range(40091, 40096), *_CHILDREN}


def as_exif(
    file: BinaryIO, offset: int, layout: directories.Layout, *, is_described: bool
) -> bytes | None:
    """The titles of the page at an offset as an EXIF block; None where it has none."""
    wanted = _TAGS if is_described else _TAGS - {DESCRIPTION}
    titles = directories.read(file, offset, layout, wanted=wanted)
    if not titles.entries:
        return None
    mark = b"II*\0" if layout.order == "<" else b"MM\0*"
    header = mark + struct.pack(layout.order + "I", 8)
    return header + directories.pack(titles, directories.Layout(layout.order, False), start=8)


def of_exif(exif: bytes | None) -> tuple[directories.Directory, Literal["<", ">"]]:
    """What a TIFF page can say of an EXIF block, and its byte order."""
    try:
        layout, offset = directories.layout_of(exif or b"")
        titles = directories.read(BytesIO(exif or b""), offset, layout, wanted=_TAGS)
    except (struct.error, ValueError):
        return directories.Directory(), "<"
    return titles, layout.order


def tells_layout(description: bytes) -> bool:
    """Whether a program would take a description for that of a whole stack, as ImageJ writes one.

    It is true of the file that it was read from, and of no other.
    """
    text = description.strip(b"\0 \t\r\n")
    return (
        text.startswith((b"ImageJ=", b"SCIFIO=", b"shape="))
        or (text.startswith(b"{") and b'"shape"' in text)
        or b"OME>" in text
    )


def extratags(titles: directories.Directory, layout: directories.Layout) -> list[Any]:
    """The titles as tifffile takes them, with empty pointers to the directories below."""
    pointer = directories.LONG8 if layout.is_big else directories.LONG
    return [
        (tag, entry.kind, entry.length, entry.value, True)
        if entry.child is None
        else (_CHILDREN[tag], pointer, 1, 0, True)
        for tag, entry in titles.entries.items()
    ]


def append_children(
    file: BinaryIO, titles: directories.Directory, layout: directories.Layout
) -> None:
    """Put the directories below the page's at the file's end and point at them."""
    file.seek(0)
    _, first = directories.layout_of(file.read(16))
    for row in directories.rows(file, first, layout):
        entry = titles.entries.get(row.tag)
        if entry is not None and entry.child is not None:
            start = file.seek(0, 2)
            start += file.write(b"\0" * (start % 2))
            file.write(directories.pack(entry.child, layout, start=start))
            file.seek(row.position)
            file.write(struct.pack(layout.offset, start))
