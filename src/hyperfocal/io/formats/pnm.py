"""PGM, PPM, PBM, PNM and PFM, as machine vision saves them: binary or as text, grey and colour.

Samples fill the range of 8 or 16 bits, whatever the highest value that the file names; PFM is
float32. Of several pictures in a file the first is read, which a notice tells. Carries no metadata.
Written binary, grey as PGM and colour as PPM, whatever the suffix.
The Netpbm formats pbm, pgm, ppm and pfm, Netpbm 10.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.bit_depth import filled
from hyperfocal.io.files import reading, require_dtype, require_signature, writing
from hyperfocal.io.sources import source

SUFFIXES = (".pgm", ".ppm", ".pnm", ".pbm", ".pfm")
SIGNATURES = tuple(
    f"P{kind}{blank}".encode() for kind in "123456Ff" for blank in (" ", "\n", "\r", "\t", "#")
)
DTYPES = ("uint8", "uint16", "float32")
METADATA: tuple[str, ...] = ()

_TEXTS, _BITS, _FLOATS, _COLOURS = b"123", b"14", b"Ff", b"36F"
_LONGEST = 4096  # bytes of a header
_WORD = rb"(?:\s|#[^\r\n]*[\r\n])+(\S+?)"
# Text of one digit and a blank a sample, which is eight bits; a bit a sample.
_LARGEST_RATIO = 8.0


class _Header(NamedTuple):
    """How the samples are to be understood, and where they begin."""

    kind: int  # the second letter of the file
    width: int
    height: int
    peak: float  # the highest value; of PFM less than 0 where its bytes go lowest first
    start: int

    @property
    def channels(self) -> int:
        return 3 if self.kind in _COLOURS else 1

    @property
    def dtype(self) -> np.dtype[np.generic]:
        if self.kind in _FLOATS:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.peak < 256 else np.uint16)

    @property
    def byte_count(self) -> int:
        """Of binary samples."""
        if self.kind in _BITS:
            return -(-self.width // 8) * self.height
        return self.height * self.width * self.channels * self.dtype.itemsize


def open(path: Path) -> list[Source]:
    """The first frame of the file, from its header alone."""
    require_signature(path, SIGNATURES, "PGM, PPM, PBM or PFM")
    with reading(path), path.open("rb") as file:
        header = _header(file)
        if min(header.height, header.width) < 1:
            raise FormatError(f"{path} declares no pixels; export it again")
        more = path.stat().st_size - header.start - header.byte_count
        file.seek(header.start + header.byte_count)
        if more < 0 and header.byte_count + more < header.byte_count // header.height:
            raise FormatError(f"{path} ends behind its header; copy it again from its source")
        has_more = header.kind not in _TEXTS and more > 2 and file.read(1) == b"P"
    stored = FrameInfo(
        name=path.name,
        height=header.height,
        width=header.width,
        channels=header.channels,
        dtype=header.dtype,
        notices=("all but the first picture",) * has_more,
    )
    return [source(path, stored, partial(_decode, header=header), largest_ratio=_LARGEST_RATIO)]


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples, the highest value being that of their type."""
    require_dtype(path, samples, DTYPES, "PNM")
    height, width, channels = samples.shape
    if samples.dtype.kind == "f":
        kind, peak, shown = ("Pf" if channels == 1 else "PF"), "-1.0", samples[::-1].astype("<f4")
    else:
        kind, peak = ("P5" if channels == 1 else "P6"), str(np.iinfo(samples.dtype).max)
        shown = samples.astype(samples.dtype.newbyteorder(">"))
    with writing(path), path.open("wb") as file:
        file.write(f"{kind}\n{width} {height}\n{peak}\n".encode())
        file.write(np.ascontiguousarray(shown).data)


def is_whole(path: Path) -> bool:
    """Whether all samples are there; of text, which does not tell, whether it has enough words."""
    with path.open("rb") as file:
        header = _header(file)
        if header.kind not in _TEXTS:
            return path.stat().st_size >= header.start + header.byte_count
        file.seek(header.start)
        return _words(file, header).size >= header.height * header.width * header.channels


def _decode(path: Path, *, header: _Header) -> Samples:
    count = header.height * header.width * header.channels
    with path.open("rb") as file:
        if _header(file) != header:
            raise FormatError(f"{path} has changed since it was opened; open it again")
        file.seek(header.start)
        values = _words(file, header) if header.kind in _TEXTS else _binary(file, header)
    if values.size < count:
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    samples = values[:count].reshape(header.height, header.width, header.channels)
    if header.kind in _FLOATS:
        return samples[::-1].astype(np.float32)
    if header.kind in _BITS:
        samples = 1 - samples
    return filled(samples.astype(header.dtype), int(header.peak))


def _binary(file: BinaryIO, header: _Header) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    content = file.read(header.byte_count)
    if header.kind in _BITS:
        row = -(-header.width // 8)
        whole = np.frombuffer(content, np.uint8)[: len(content) // row * row].reshape(-1, row)
        return np.unpackbits(whole, axis=1)[:, : header.width].ravel()
    is_lowest_first = header.kind in _FLOATS and header.peak < 0
    dtype = header.dtype.newbyteorder("<" if is_lowest_first else ">")
    return np.frombuffer(content[: len(content) // dtype.itemsize * dtype.itemsize], dtype)


def _words(file: BinaryIO, header: _Header) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    """Samples that are written as text; those of PBM need no blanks between them."""
    content = re.sub(rb"#[^\r\n]*", b"", file.read())
    if header.kind in _BITS:
        return np.frombuffer(b"".join(content.split()), np.uint8) - ord("0")
    # The last number of a file that was cut is not told from a whole one.
    return np.fromstring(content.decode("ascii"), np.int32, sep=" ")


def _header(file: BinaryIO) -> _Header:
    head = file.read(_LONGEST)
    kind = head[1]
    words = 2 if kind in _BITS else 3
    # One blank behind the last, for what follows may look like one.
    match = re.match(rb"P[123456Ff]" + _WORD * words + rb"\s", head)
    if match is None:
        raise ValueError("its header tells no size")
    width, height = (int(word) for word in match.groups()[:2])
    peak = 1.0 if kind in _BITS else float(match.groups()[2])
    if kind not in _FLOATS and not 0 < peak < 1 << 16:
        raise ValueError(f"its highest value is {peak:g}")
    return _Header(kind, width, height, peak, match.end())
