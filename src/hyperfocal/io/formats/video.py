"""Films (MP4, MOV, AVI, MKV, WebM): each frame of the film is a frame of the stack; only read.

Decoded by OpenCV's FFmpeg, 8 bits, RGB, turned as the film says; that deeper films lose bits is
told in a notice. Frames are read forwards; going back decodes from the
start again, so that a stack keeps what it has read on disk. A film that is cut in its middle is
found when it is opened where its container tells its length, else when the missing frame is read.
No metadata is carried.
ISO/IEC 14496-12 (boxes); Microsoft RIFF; RFC 8794 (EBML).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers.boxes import box_ends
from hyperfocal.io.containers.video import Film, bits_of, opened
from hyperfocal.io.files import reading, require_signature, start_of
from hyperfocal.io.limits import LARGEST_RATIO_OF_MODELS, require_frame_count
from hyperfocal.io.sources import source

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
_BRANDS = (
    b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  ",
    b"dash", b"MSNV", b"3gp4", b"3gp5", b"XAVC", b"hvc1", b"mmp4",
)  # fmt: skip
SIGNATURES = (
    *(b"????ftyp" + brand for brand in _BRANDS),
    b"????moov", b"????mdat", b"????wide", b"RIFF????AVI ", b"\x1aE\xdf\xa3",
)  # fmt: skip
DTYPES = ("uint8",)
METADATA: tuple[str, ...] = ()
IS_SECONDARY = True


def open(path: Path) -> list[Source]:
    """A frame for each of the film's, as many as its header says; the first is decoded."""
    require_signature(path, SIGNATURES, "film")
    with reading(path):
        film = Film(path)
        height, width, channels = _first(film).shape
        capture = opened(path)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        bits = bits_of(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
        # Streams that were not finished tell nothing, or nonsense. A frame takes a byte at least.
        count = count if 0 < count < min(1 << 24, path.stat().st_size) else film.count()
    lost = f"{path.name} has {bits} bits, of which 8 are read; export its frames as 16-bit TIFF"
    remarks = (f"{lost} to keep them",) if bits > 8 else ()
    require_frame_count(path, count)
    stored = FrameInfo(path.name, height, width, channels, np.dtype(np.uint8), remarks=remarks)
    sources: list[Source] = []
    for index in range(count):
        named = replace(stored, name=f"{path.name}[{index}]")
        decode = partial(_decode, film=film, index=index)
        sources.append(
            source(path, named, decode, largest_ratio=LARGEST_RATIO_OF_MODELS, is_sequential=True)
        )
    return sources


def _first(film: Film) -> Samples:
    try:
        return film.frame(0)
    except EOFError as error:
        raise FormatError(
            f"{film.path} gives no frame; it is damaged, or compressed in a way (such as AV1) that "
            "OpenCV cannot decode here; export its frames"
        ) from error


def is_whole(path: Path) -> bool:
    """Whether the container is as long as it says; True for those that do not say."""
    start, size = start_of(path), path.stat().st_size
    if start.startswith(b"RIFF"):
        return size >= 8 + int.from_bytes(start[4:8], "little")
    if start.startswith(b"\x1aE\xdf\xa3"):
        return _segment_end(path) <= size
    return all(end <= size for end in box_ends(path))


def _segment_end(path: Path) -> int:
    """Where a Matroska file's one segment ends; 0 where it does not say."""
    with path.open("rb") as file:
        file.seek(4)
        file.seek(_length(file) or 0, 1)
        if file.read(4) != b"\x18\x53\x80\x67":
            return 0
        length = _length(file)
        return 0 if length is None else file.tell() + length


def _length(file: BinaryIO) -> int | None:
    """A number whose leading zeros say how many bytes it has; None where all else is ones."""
    first = file.read(1)[0]
    more = 8 - first.bit_length()
    ones = (1 << 7 * (more + 1)) - 1
    value = int.from_bytes(bytes((first,)) + file.read(more), "big") & ones
    return None if value == ones else value


def _decode(path: Path, *, film: Film, index: int) -> Samples:
    try:
        return film.frame(index)
    except (EOFError, ValueError) as error:
        raise FormatError(
            f"{path} is damaged or cut off ({error}); copy it again or export its frames"
        ) from error
