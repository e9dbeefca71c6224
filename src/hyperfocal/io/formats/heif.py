"""HEIF and HEIC, as phones take them: 8, 10 and 12 bits, colour; only read.

Needs the extra `heif` (libheif). Carries ICC profile and EXIF; 10 and 12 bits become 16. All
pictures of a burst in one file are frames; thumbnails, maps of depth and the other eye of a stereo
picture are not. Transparency, colours that are told by number and not by a profile, and a film in
the file are left out with a notice. Not written: encoders are under other licences.
ISO/IEC 23008-12:2022.
"""

from __future__ import annotations

from dataclasses import replace
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
from hyperfocal.io.limits import LARGEST_RATIO_OF_MODELS
from hyperfocal.io.metadata.exif import turned_back
from hyperfocal.io.sources import source, with_notices

SUFFIXES = (".heic", ".heif", ".hif")
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
SIGNATURES = tuple(b"????ftyp" + brand for brand in _BRANDS)
DTYPES = ("uint8", "uint16")
METADATA: tuple[str, ...] = ()


def open(path: Path) -> list[Source]:
    """The pictures of the file, from its boxes alone."""
    require_signature(path, SIGNATURES, "HEIF")
    library = _library(path)
    with reading(path):
        film_count = items.moving_count(path)
        if film_count and not items.has_stills(path):
            raise FormatError(f"{path} is a film of {film_count} pictures; export them one by one")
        pictures, primary = items.read_all(path)
        places: list[int | None] = list(range(len(pictures)))
        told = ["the film"] * (film_count > 1)
        if len(pictures) > 1 and len(library.open_heif(path)) != len(pictures):
            pictures, places = [pictures[primary]], [None]
            told.append("all but the first picture")
    sources: list[Source] = []
    for place, picture in zip(places, pictures, strict=True):
        stored = info_of(path, picture)
        if len(pictures) > 1:
            stored = replace(stored, name=f"{path.name}[{place}]")
        else:
            place = None
        decode = partial(_decode, picture=picture, place=place)
        turn = picture.orientation
        sources.append(
            source(path, stored, decode, largest_ratio=LARGEST_RATIO_OF_MODELS, orientation=turn)
        )
    return with_notices(sources, told)


is_whole = items.is_whole


def _library(path: Path) -> Any:
    try:
        import pillow_heif
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} needs pillow-heif, which is absent; pip install 'hyperfocal[heif]'"
        ) from error
    return pillow_heif


def _decode(path: Path, *, picture: items.HeifPicture, place: int | None) -> Samples:
    """A picture as it is stored; None is the primary one."""
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    with path.open("rb") as file:
        found = _library(path).open_heif(file, convert_hdr_to_8bit=False)
        samples = np.asarray(found if place is None else found[place])
    if picture.bits > 8:
        # The library shifts 10 and 12 bits to the top of 16.
        samples = stretched(samples >> np.uint16(16 - picture.bits), picture.bits)
    # The library turns the picture already; it is turned once more with all others.
    return turned_back(np.atleast_3d(samples), picture.orientation)
