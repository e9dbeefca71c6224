"""HEIF and HEIC, as phones take them: 8, 10 and 12 bits, colour; only read.

Needs the extra `heif` (libheif). Carries ICC profile and EXIF; 10 and 12 bits become 16; of a file
with several pictures the primary one is read. Transparency, and colours that are told by number
and not by a profile, are left out with a notice. Not written: encoders are under other licences.
ISO/IEC 23008-12:2022.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.frame import Samples, Source
from hyperfocal.io.bit_depth import stretched
from hyperfocal.io.containers import heif as items
from hyperfocal.io.files import reading, require_signature
from hyperfocal.io.formats.avif import info_of
from hyperfocal.io.sources import source

SUFFIXES = (".heic", ".heif", ".hif")
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
SIGNATURES = tuple(b"????ftyp" + brand for brand in _BRANDS)
DTYPES = ("uint8", "uint16")
METADATA: tuple[str, ...] = ()

_LARGEST_RATIO = 1e6


def open(path: Path) -> list[Source]:
    """The primary picture of the file, from its boxes alone."""
    require_signature(path, SIGNATURES, "HEIF")
    _library(path)
    with reading(path):
        picture = items.read(path)
        stored = info_of(path, picture)
    decode = partial(_decode, bits=picture.bits)
    return [source(path, stored, decode, largest_ratio=_LARGEST_RATIO)]


is_whole = items.is_whole


def _library(path: Path) -> Any:
    try:
        import pillow_heif
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} needs pillow-heif, which is absent; pip install 'hyperfocal[heif]'"
        ) from error
    return pillow_heif


def _decode(path: Path, *, bits: int) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    with path.open("rb") as file:
        picture = _library(path).open_heif(file, convert_hdr_to_8bit=False)
        samples = np.asarray(picture)
    # The library shifts 10 and 12 bits to the top of 16.
    return samples if bits <= 8 else stretched(samples >> np.uint16(16 - bits), bits)
