"""The boxes that MP4, HEIF, AVIF and JPEG XL files are made of.

ISO/IEC 14496-12, section 4.2: four bytes of length, four of type; a length of 1 means eight more
bytes of length, 0 that the box goes on to the file's end.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Box(NamedTuple):
    """A box by where its content lies; `end` may lie behind the file's."""

    kind: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of a file; ValueError for a length that cannot be."""
    while start + 8 <= end:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        content = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
            content += 8
        if length == 0:
            length = end - start
        if start + length < content:
            raise ValueError(f"a box of {length} bytes")
        yield Box(kind, content, start + length)
        start += length


def box_ends(path: Path) -> list[int]:
    """Where the outermost boxes of a file end, by their own word."""
    with path.open("rb") as file:
        return [box.end for box in boxes(file, 0, file.seek(0, os.SEEK_END))]
