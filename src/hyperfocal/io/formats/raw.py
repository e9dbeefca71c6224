"""Camera RAW and DNG, developed by LibRaw to 16 bits of sRGB; only read.

Needs the extra `raw`. Frames are developed to be looked at (sRGB's curve and colours), not left
linear: focus measures, viewers and raw converters' own exports expect that. What would make one
frame unlike the next is off: no automatic brightness, no white level from a frame's own maximum,
and the white balance that the camera chose for the FIRST frame goes for all. Highlights clip.
Carries the EXIF of files that are built as TIFF, of RAF and of CR3, without maker notes' previews,
and the profile of sRGB. A file that plainly is a TIFF without raw samples is read as one.
Adobe DNG 1.7; LibRaw's documentation of libraw_output_params_t.
"""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers import tiff_directories as directories
from hyperfocal.io.containers.boxes import boxes
from hyperfocal.io.files import reading, require_signature, start_of
from hyperfocal.io.formats import jpeg, tiff
from hyperfocal.io.metadata import tiff_tags as titles
from hyperfocal.io.metadata.exif import upright
from hyperfocal.io.sources import FileSource, source

SUFFIXES = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
    ".rwl", ".pef", ".srw", ".3fr", ".fff", ".iiq", ".erf", ".mef", ".mos", ".mrw", ".kdc", ".dcr",
    ".x3f",
)  # fmt: skip
SIGNATURES = (
    b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW",
    b"????ftypcrx ", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb", b"IIII",
)  # fmt: skip
DTYPES = ("uint16",)
METADATA: tuple[str, ...] = ()
IS_SECONDARY = True

_SRGB_CURVE = (2.4, 12.92)
# Starts, lengths: of strips, of tiles.
_SPANS = ((273, 279), (324, 325))
_SUBDIRECTORIES, _EXIF, _GPS = 330, 34665, 34853
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_FEWEST_MULTIPLIERS = 3
_TURNS = {3: 3, 5: 8, 6: 6}  # LibRaw's flip as EXIF's orientation

Balance = tuple[float, float, float, float]


@dataclass
class RawSource(FileSource):
    """A RAW file, and the white balance that it is developed with."""

    balance: Balance = (1.0, 1.0, 1.0, 1.0)

    def matched(self, first: Source) -> Source:
        """The same frame, developed with the white balance of the first."""
        if not isinstance(first, RawSource):
            return self
        decode = partial(_decode, balance=first.balance)
        return dataclasses.replace(self, decode=decode, balance=first.balance)


def open(path: Path) -> list[Source]:
    """The one frame of the file, from its headers alone."""
    require_signature(path, SIGNATURES, "RAW")
    rawpy = _library(path)
    with reading(path):
        _require_whole(path)
        try:
            with rawpy.imread(str(path.absolute())) as raw:
                sizes, balance = raw.sizes, _balance(raw)
        except rawpy.LibRawFileUnsupportedError:
            if start_of(path).startswith(tiff.SIGNATURES):
                return tiff.open(path)
            raise
        exif = _exif(path)
        stored = FrameInfo(
            name=path.name,
            height=sizes.iheight,
            width=sizes.iwidth,
            channels=3,
            dtype=np.dtype(np.uint16),
            icc=imagecodecs.cms_profile("srgb"),
            # LibRaw knows better which way is up.
            exif=None if exif is None else upright(exif),
        )
    turn = _TURNS.get(sizes.flip, 1)
    plain = source(path, stored, partial(_decode, balance=balance), orientation=turn)
    return [RawSource(**vars(plain), balance=balance)]


def is_whole(path: Path) -> bool:
    """Whether the raw samples lie inside the file, where its directories tell."""
    start, size = start_of(path), path.stat().st_size
    with path.open("rb") as file:
        if start.startswith(b"FUJIFILM"):
            file.seek(100)
            offset, length = struct.unpack(">II", file.read(8))
            return offset + length <= size
        if start[4:8] == b"ftyp":
            return all(box.end <= size for box in boxes(file, 0, size))
        if start.startswith(tiff.SIGNATURES):
            # Only the largest: cameras are careless about previews.
            spans = sorted(_spans(file), key=lambda span: span[1])
            return not spans or sum(spans[-1]) <= size
    return True


def _require_whole(path: Path) -> None:
    # Before LibRaw finds out, which speaks of it on the terminal itself.
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")


def _library(path: Path) -> Any:
    try:
        import rawpy
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} needs rawpy, which is absent; pip install 'hyperfocal[raw]'"
        ) from error
    return rawpy


def _balance(raw: Any) -> Balance:
    """The camera's multipliers of red, green, blue and second green; daylight's without them."""
    for multipliers in (raw.camera_whitebalance, raw.daylight_whitebalance):
        if len(multipliers) >= _FEWEST_MULTIPLIERS and min(multipliers[:3]) > 0:
            red, green, blue = multipliers[:3]
            second = multipliers[3] if len(multipliers) > 3 and multipliers[3] > 0 else green
            return red, green, blue, second
    return 1.0, 1.0, 1.0, 1.0


def _decode(path: Path, *, balance: Balance) -> Samples:
    _require_whole(path)
    with _library(path).imread(str(path.absolute())) as raw:
        samples: Samples = raw.postprocess(
            output_bps=16,
            gamma=_SRGB_CURVE,
            user_wb=list(balance),
            no_auto_bright=True,
            user_flip=0,  # turned with all others
            # LibRaw would lower the white level of a frame that stays below it.
            adjust_maximum_thr=0.0,
        )
    return samples


def _exif(path: Path) -> bytes | None:
    """The block of the first directory, as far as the kind of file is known here."""
    start = start_of(path)
    with path.open("rb") as file:
        try:
            if start.startswith(b"FUJIFILM"):
                return _preview_exif(file)
            if start[4:8] == b"ftyp":
                return _canon_exif(file)
            layout, first = _layout(start)
            return titles.as_exif(file, first, layout, is_described=True)
        except (struct.error, ValueError, OverflowError):
            return None  # the picture is worth more than what is said of it


def _layout(start: bytes) -> tuple[directories.Layout, int]:
    """As of TIFF; Olympus and Panasonic put another number in the place of its 42."""
    if start[:2] in (b"II", b"MM") and start[2:4] not in (b"+\0", b"\0+"):
        number = b"*\0" if start[:2] == b"II" else b"\0*"
        start = start[:2] + number + start[4:]
    return directories.layout_of(start)


def _preview_exif(file: BinaryIO) -> bytes | None:
    """That of the JPEG which a RAF file begins with."""
    file.seek(84)
    offset, length = struct.unpack(">II", file.read(8))
    file.seek(offset)
    return jpeg.exif_of(io.BytesIO(file.read(min(length, 1 << 18))))


def _canon_exif(file: BinaryIO) -> bytes | None:
    """Put together from the three blocks of a CR3 file: picture, exposure, position."""
    parts: dict[bytes, bytes] = {}
    for outer in boxes(file, 0, file.seek(0, io.SEEK_END)):
        if outer.kind != b"moov":
            continue
        for box in boxes(file, outer.start, outer.end):
            file.seek(box.start)
            if box.kind == b"uuid" and file.read(16) == _CANON:
                for part in boxes(file, box.start + 16, box.end):
                    file.seek(part.start)
                    parts[part.kind] = file.read(min(1 << 20, part.end - part.start))
    if b"CMT1" not in parts:
        return None
    block, layout = _directory(parts[b"CMT1"])
    for tag, name in ((_EXIF, b"CMT2"), (_GPS, b"CMT4")):
        if name in parts:
            below, _ = _directory(parts[name])
            block.entries[tag] = directories.Entry(directories.LONG, 1, b"", 0, below)
    mark = b"II*\0" if layout.order == "<" else b"MM\0*"
    header = mark + struct.pack(layout.order + "I", 8)
    return header + directories.pack(block, layout, start=8)


def _directory(block: bytes) -> tuple[directories.Directory, directories.Layout]:
    layout, first = directories.layout_of(block)
    return directories.read(io.BytesIO(block), first, layout), layout


def _spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Start and length of all strips and tiles."""
    file.seek(0)
    layout, first = directories.layout_of(file.read(16))
    waiting, seen = directories.chain(file, first, layout), set()
    while waiting:
        offset = waiting.pop()
        if offset in seen:
            continue
        seen.add(offset)
        wanted = {_SUBDIRECTORIES, *(tag for pair in _SPANS for tag in pair)}
        entries = directories.read(file, offset, layout, wanted=wanted).entries
        waiting += _numbers(entries.get(_SUBDIRECTORIES), layout)
        for starts, lengths in _SPANS:
            yield from zip(
                _numbers(entries.get(starts), layout),
                _numbers(entries.get(lengths), layout),
                strict=False,
            )


def _numbers(entry: directories.Entry | None, layout: directories.Layout) -> list[int]:
    forms = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
    if entry is None or entry.kind not in forms:
        return []
    return list(struct.unpack(f"{layout.order}{entry.length}{forms[entry.kind]}", entry.value))
