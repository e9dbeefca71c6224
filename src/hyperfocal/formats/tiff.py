"""TIFF: 8 and 16 bits and float32, grey and RGB, each page a frame; written with Deflate.

Does not read palettes, CMYK, CIELAB, signed or packed samples; alpha is ignored, and pages that
are thumbnails or masks are left out. Of a page's own tags those that describe the picture are
carried as EXIF; the page's layout, density and the descriptions of ImageJ and OME are not.
TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002) for Deflate.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile

from hyperfocal.errors import FormatError
from hyperfocal.formats import _directories as directories
from hyperfocal.formats import _titles as titles
from hyperfocal.formats._files import reading, require_dtype, require_signature, writing
from hyperfocal.formats._profiles import fitting
from hyperfocal.formats._sources import source
from hyperfocal.frame import FrameInfo, Samples, Source

SUFFIXES = (".tif", ".tiff")
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DTYPES = ("uint8", "uint16", "float32")

_PROFILE = 34675
_JPEG = 7
# The offsets of a classic TIFF have 32 bits; Deflate may add a little to what it cannot shrink.
_LARGEST_CLASSIC = 2**32 - 2**26


def open(path: Path) -> list[Source]:
    """One frame for each page that is a picture of its own, from the directories alone."""
    require_signature(path, SIGNATURES, "TIFF")
    with reading(path), path.open("rb") as file:
        # First, because tifffile follows a circle for ever and a cut chain as far as it goes.
        layout, first = directories.layout_of(file.read(16))
        page_count = len(directories.chain(file, first, layout))
        file.seek(0)
        tif = tifffile.TiffFile(file)
        pages = [_whole(tif.pages[index]) for index in range(page_count)]
        _require_all(path, tif, page_count)
        sources: list[Source] = []
        for index, page in enumerate(pages):
            if not page.is_reduced and not page.is_mask:
                name = path.name if len(pages) == 1 else f"{path.name}[{index}]"
                stored = _stored(path.with_name(name), file, page)
                sources.append(source(path, stored, partial(_decode, index=index)))
    if not sources:
        raise FormatError(f"{path} holds only thumbnails or masks; export the picture itself")
    return sources


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples, with the profile and the EXIF tags of `like`."""
    require_dtype(path, samples, DTYPES, "TIFF")
    _write(path, samples, like, is_big=samples.nbytes > _LARGEST_CLASSIC)


def _write(path: Path, samples: Samples, like: FrameInfo, *, is_big: bool) -> None:
    channels = samples.shape[2]
    titled, order = titles.of_exif(like.exif)
    layout = directories.Layout(order, is_big)
    with writing(path), path.open("w+b") as file:
        with tifffile.TiffWriter(file, bigtiff=layout.is_big, byteorder=order) as writer:
            writer.write(
                samples[:, :, 0] if channels == 1 else samples,
                photometric="minisblack" if channels == 1 else "rgb",
                planarconfig=None if channels == 1 else "contig",
                compression="zlib",
                compressionargs={"level": 1},
                # ImageJ and others do not undo the differences of floats.
                predictor=samples.dtype.kind == "u",
                iccprofile=fitting(like.icc, channels),
                metadata=None,
                software=False,
                extratags=titles.extratags(titled, layout),
            )
        titles.append_children(file, titled, layout)


def _decode(path: Path, *, index: int) -> Samples:
    with tifffile.TiffFile(path) as tif:
        page = _whole(tif.pages[index])
        # tifffile fills what is missing with zeros.
        if not _has_all_samples(tif, page):
            raise FormatError(f"{path} is cut off or has holes; copy it again from its source")
        samples: Samples = page.asarray()
    if page.axes == "SYX":
        samples = np.moveaxis(samples, 0, 2)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        samples = np.iinfo(samples.dtype).max - samples
    return samples


def is_whole(path: Path) -> bool:
    """Whether all pages' samples lie inside the file, as far as its directories tell."""
    with tifffile.TiffFile(path) as tif:
        return all(_has_all_samples(tif, page) for page in tif.pages)


def _has_all_samples(tif: tifffile.TiffFile, page: Any) -> bool:
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    end = max((offset + count for offset, count in spans), default=0)
    return end <= tif.filehandle.size and all(offset and count for offset, count in spans)


def _whole(page: Any) -> tifffile.TiffPage:
    if not isinstance(page, tifffile.TiffPage):
        raise TypeError("its pages do not stand on their own")
    return page


def _require_all(path: Path, tif: tifffile.TiffFile, page_count: int) -> None:
    declared = (tif.imagej_metadata or {}).get("images", 1) if tif.is_imagej else 1
    if declared > page_count:
        raise FormatError(
            f"{path} holds {declared} images behind {page_count} pages, as ImageJ does above 4 GB;"
            " save it as an image sequence"
        )


def _stored(named: Path, file: BinaryIO, page: tifffile.TiffPage) -> FrameInfo:
    layout = directories.Layout(page.parent.byteorder, page.parent.is_bigtiff)
    # There the description says how the stack is laid out, which the result is not.
    is_described = not (page.is_imagej or page.is_ome or page.is_shaped)
    kinds = tifffile.PHOTOMETRIC
    channels = 3 if page.photometric in (kinds.RGB, kinds.YCBCR) else 1
    bits = np.dtype(page.dtype).itemsize * 8 if page.dtype is not None else 0
    refusals = {
        f"{getattr(page.photometric, 'name', page.photometric)} colours": page.photometric
        not in (kinds.MINISBLACK, kinds.MINISWHITE, kinds.RGB, kinds.YCBCR),
        "YCbCr colours outside JPEG": page.photometric == kinds.YCBCR and page.compression != _JPEG,
        f"{page.dtype} samples": str(page.dtype) not in DTYPES,
        f"{page.bitspersample}-bit samples": page.bitspersample != bits,
        "inverted floats": page.photometric == kinds.MINISWHITE and bits == 32,
        f"axes {page.axes}": page.axes not in ("YX", "YXS", "SYX"),
        f"{page.samplesperpixel} samples a pixel": page.samplesperpixel < channels
        or (channels == 1 and page.samplesperpixel > 2),
    }
    for what, is_refused in refusals.items():
        if is_refused:
            raise FormatError(f"{named} has {what}; convert it to 8- or 16-bit RGB or grey")
    return FrameInfo(
        name=named.name,
        height=page.imagelength,
        width=page.imagewidth,
        channels=channels,
        dtype=np.dtype(page.dtype),
        icc=page.tags.valueof(_PROFILE),
        exif=titles.as_exif(file, page.offset, layout, is_described=is_described),
    )
