"""TIFF: 8 and 16 bits and float32, grey and RGB, each page a frame; written with Deflate.

BigTIFF, ImageJ's stacks, OME-TIFF and Zeiss's LSM too: of those, the focus positions of one channel
and time point are the frames, and pixel size and z-step are read. Pages are read one by one.

Palettes become RGB (ImageJ's, which only tint, grey), 1, 2 and 4 bits become 8. Does not read
CMYK, CIELAB, signed or packed samples; transparency is left out with a notice, and pages that are
thumbnails, masks or depth maps are left out. So are, with a notice, plain pages of another size
than the stack's, as previews are that are not marked. Of a page's own tags those that describe the
picture are carried as EXIF (XMP tells the orientation where those do not); the page's layout,
density and the descriptions of ImageJ and OME are not.
TIFF 6.0 (1992); Adobe Photoshop TIFF technical notes (2002) for Deflate; DNG 1.5 for depth maps.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers import tiff_directories as directories
from hyperfocal.io.containers.volumes import Volume, micrometres, numbered, stack_of
from hyperfocal.io.files import reading, require_dtype, require_signature, writing
from hyperfocal.io.metadata import ome
from hyperfocal.io.metadata import tiff_tags as titles
from hyperfocal.io.metadata.profiles import fitting
from hyperfocal.io.selection import WHOLE, Selection
from hyperfocal.io.sources import source, with_notices

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DTYPES = ("uint8", "uint16", "float32")
METADATA = ("icc", "exif")

_PROFILE, _XMP, _RESOLUTION = 34675, 700, (283, 282)  # height and width
_KIND, _OLD_KIND, _WIDTH, _HEIGHT = _LOOKED_AT = (254, 255, 256, 257)
_JPEG = 7
_OPACITIES = ((tifffile.EXTRASAMPLE.ASSOCALPHA,), (tifffile.EXTRASAMPLE.UNASSALPHA,))
# Of NewSubfileType, the last since DNG 1.5.
_REDUCED, _MASK, _DEPTH_MAP = 1, 4, 8
_ASIDE = _REDUCED | _MASK | _DEPTH_MAP
# The offsets of a classic TIFF have 32 bits; Deflate may add a little to what it cannot shrink.
LARGEST_CLASSIC = 2**32 - 2**26
_KINDS = tifffile.PHOTOMETRIC
_GREY = (_KINDS.MINISBLACK, _KINDS.MINISWHITE)
_COLOUR = (_KINDS.RGB, _KINDS.YCBCR, _KINDS.PALETTE)


# What tifffile finds odd it logs, and Python prints that where nobody listens.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class _Place(NamedTuple):
    """Where a picture is: its page's offset, and how many pictures behind the page's own."""

    offset: int
    behind: int = 0
    channel: int | None = None  # of the page's samples, where those are channels and no colours


class _Look(NamedTuple):
    """What a page is, as far as it matters for choosing."""

    is_aside: bool
    size: tuple[int, int]  # height and width


def open(path: Path, selection: Selection = WHOLE) -> list[Source]:
    """One frame for each page that is a picture of its own, from the directories alone."""
    require_signature(path, SIGNATURES, "TIFF")
    with reading(path), path.open("rb") as file:
        tif, offsets = _opened(file)
        places = _places(path, tif, offsets)
        places_of = {place.offset for place in places}
        looks = {offset: _look(tif, file, offset) for offset in places_of}
        chosen, volume = _chosen(path, tif, [looks[place.offset] for place in places], selection)
        sizes = {index: looks[places[index].offset].size for index in chosen}
        chosen, asides = (chosen, []) if volume.pages else _of_one_size(chosen, sizes)
        sources: list[Source] = []
        for index in chosen:
            name = path.name if len(chosen) == 1 else f"{path.name}[{index}]"
            sources.append(_source(path.with_name(name), path, file, tif, places[index], volume))
    if not sources:
        raise FormatError(f"{path} holds only thumbnails or masks; export the picture itself")
    return with_notices(sources, asides)


def open_set(path: Path, selection: Selection = WHOLE) -> list[Source]:
    """The frames of all files that an OME description says are one stack with this one.

    Empty where the file holds a stack by itself, or says nothing of others.
    """
    require_signature(path, SIGNATURES, "TIFF")
    with reading(path), path.open("rb") as file:
        tif, _ = _opened(file)
        members = ome.members(tif.ome_metadata or "", path) if tif.is_ome else ome.Members()
        if not members.names:
            return []
        chosen, volume = stack_of(path, members.volumes, selection)
    return [
        _page_of(path.with_name(members.names[place]), members.pages[place], volume)
        for place in chosen
    ]


def _page_of(path: Path, index: int, volume: Volume) -> Source:
    """A page of a file, as its own frame."""
    require_signature(path, SIGNATURES, "TIFF")
    with reading(path), path.open("rb") as file:
        tif, offsets = _opened(file)
        if index >= len(offsets):
            raise FormatError(f"{path} has no page {index + 1}, as its set says; export it again")
        name = path.name if len(offsets) == 1 else f"{path.name}[{index}]"
        return _source(path.with_name(name), path, file, tif, _Place(offsets[index]), volume)


def _opened(file: BinaryIO) -> tuple[tifffile.TiffFile, list[int]]:
    """The file as the library sees it, and the offsets of its pages."""
    # First, because tifffile follows a circle for ever and a cut chain as far as it goes.
    layout, first = directories.layout_of(file.read(16))
    offsets = directories.chain(file, first, layout)
    file.seek(0)
    return tifffile.TiffFile(file), offsets


def _source(
    named: Path, path: Path, file: BinaryIO, tif: tifffile.TiffFile, place: _Place, volume: Volume
) -> Source:
    page = _page(tif, place.offset)
    stored = _stored(named, file, page, volume, is_channel=place.channel is not None)
    return source(path, stored, partial(_decode, place=place), xmp=page.tags.valueof(_XMP))


def save(
    path: Path, samples: Samples, like: FrameInfo, *, depth: NDArray[np.float32] | None = None
) -> None:
    """Write exactly these samples, with the profile and the EXIF tags of `like`.

    A `depth` map becomes a second page, float32 and marked as what it is.
    """
    require_dtype(path, samples, DTYPES, "TIFF")
    byte_count = samples.nbytes + (0 if depth is None else depth.nbytes)
    write(path, samples, like, is_big=byte_count > LARGEST_CLASSIC, depth=depth)


def write(
    path: Path,
    samples: Samples,
    like: FrameInfo,
    *,
    is_big: bool,
    depth: NDArray[np.float32] | None = None,
    described: str | None = None,
) -> None:
    """Write a page, and one of depth; `described` stands in place of the EXIF's description."""
    channels = samples.shape[2]
    titled, order = titles.of_exif(like.exif)
    own = titled.entries.get(titles.DESCRIPTION)
    if own is not None and (described is not None or titles.tells_layout(own.value)):
        del titled.entries[titles.DESCRIPTION]
    layout = directories.Layout(order, is_big)
    with writing(path), path.open("w+b") as file:
        with tifffile.TiffWriter(file, bigtiff=layout.is_big, byteorder=order) as writer:
            writer.write(
                samples[:, :, 0] if channels == 1 else samples,
                photometric="minisblack" if channels == 1 else "rgb",
                planarconfig=None if channels == 1 else "contig",
                # ImageJ and others do not undo the differences of floats.
                predictor=samples.dtype.kind == "u",
                iccprofile=fitting(like.icc, channels),
                description=None if described is None else described.encode(),
                extratags=titles.extratags(titled, layout),
                **_PLAIN,
            )
            if depth is not None:
                writer.write(depth, photometric="minisblack", subfiletype=_DEPTH_MAP, **_PLAIN)
        titles.append_children(file, titled, layout)


_PLAIN: dict[str, Any] = {
    "compression": "zlib",
    "compressionargs": {"level": 1},
    "metadata": None,
    "software": False,
}


def is_whole(path: Path) -> bool:
    """Whether all pages' samples lie inside the file, as far as its directories tell."""
    with tifffile.TiffFile(path) as tif:
        return all(_has_all_samples(tif, page) for page in tif.pages)


def _places(path: Path, tif: tifffile.TiffFile, offsets: list[int]) -> list[_Place]:
    """The pictures of a file: its pages, or those that ImageJ puts behind a single page."""
    page, declared = _page(tif, offsets[0]), 1
    if tif.is_lsm:
        pages = [offset for offset in offsets if not _is_aside(_page(tif, offset))]
        channels = range(page.samplesperpixel) if page.samplesperpixel > 1 else [None]
        return [_Place(offset, channel=channel) for offset in pages for channel in channels]
    if tif.is_imagej:
        declared = int((tif.imagej_metadata or {}).get("images", 1))
    elif tif.is_shaped and len(offsets) == 1:
        declared = int(np.prod(tif.series[0].shape)) // max(1, page.size)
    if declared <= len(offsets):
        return [_Place(offset) for offset in offsets]
    if len(offsets) > 1 or page.compression != 1 or not page.is_contiguous or not page.nbytes:
        raise FormatError(
            f"{path} declares {declared} images and holds {len(offsets)}; save it again with "
            "the program that made it"
        )
    if page.dataoffsets[0] + declared * page.nbytes > tif.filehandle.size:
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    return [_Place(offsets[0], behind) for behind in range(declared)]


def _chosen(
    path: Path, tif: tifffile.TiffFile, looks: list[_Look], selection: Selection
) -> tuple[list[int], Volume]:
    """The pictures that are the stack, in focus order, and the volume that they are of."""
    pictures = {index for index, look in enumerate(looks) if not look.is_aside}
    volumes = []
    for volume in _volumes(path, tif, len(looks)):
        pages = {plane: index for plane, index in volume.pages.items() if index in pictures}
        if pages:
            volumes.append(replace(volume, pages=pages))
    if volumes:
        return stack_of(path, volumes, selection)
    if selection.names:
        raise FormatError(
            f"{path} is not said to hold more than one {selection.names[0]}; leave out the choice"
        )
    return sorted(pictures), Volume({})


def _of_one_size(
    chosen: list[int], sizes: dict[int, tuple[int, int]]
) -> tuple[list[int], list[str]]:
    """The pages of the stack, and what the others are: those of the first page's size.

    Unless as many pages or more are larger: then the first is a preview itself.
    """
    counts = Counter(sizes.values())
    if len(counts) < 2:
        return chosen, []
    first = sizes[chosen[0]]
    larger = [size for size in counts if size[0] * size[1] > first[0] * first[1]]
    size = max(larger, key=lambda each: counts[each], default=first)
    size = size if counts[size] >= counts[first] else first
    told = [f"the page of {width}×{height}" for height, width in counts if (height, width) != size]
    return [index for index in chosen if sizes[index] == size], told


def _look(tif: tifffile.TiffFile, file: BinaryIO, offset: int) -> _Look:
    """From four tags, because a file may have thousands of pages; the library reads odd ones."""
    layout = directories.Layout(tif.byteorder, tif.is_bigtiff)
    found = directories.read(file, offset, layout, wanted=_LOOKED_AT).entries
    height, width = (_whole_number(found.get(tag), layout) for tag in (_HEIGHT, _WIDTH))
    kind = _whole_number(found[_KIND], layout) if _KIND in found else 0
    if tif.is_lsm or _OLD_KIND in found or height is None or width is None or kind is None:
        page = _page(tif, offset)
        return _Look(_is_aside(page), (page.imagelength, page.imagewidth))
    return _Look(bool(kind & _ASIDE), (height, width))


def _whole_number(entry: directories.Entry | None, layout: directories.Layout) -> int | None:
    """The one SHORT or LONG of an entry; None for anything else."""
    form = {3: "H", 4: "I"}.get(entry.kind) if entry is not None and entry.length == 1 else None
    if entry is None or form is None:
        return None
    (number,) = struct.unpack_from(layout.order + form, entry.value)
    return int(number)


def _is_aside(page: tifffile.TiffPage) -> bool:
    return bool(page.subfiletype & _ASIDE)


def _volumes(path: Path, tif: tifffile.TiffFile, picture_count: int) -> list[Volume]:
    """What the descriptions of OME, ImageJ and tifffile say; none for plain pages."""
    if tif.is_ome:
        try:
            return ome.volumes(tif.ome_metadata or "", path=path, page_count=picture_count)
        except (ElementTree.ParseError, ValueError) as error:
            raise FormatError(
                f"{path} has an OME description that cannot be read ({error}); export it again"
            ) from error
    if tif.is_imagej:
        return [_imagej_volume(tif, picture_count)]
    if tif.is_lsm:
        return [_lsm_volume(tif, picture_count)]
    if tif.is_shaped and len(tif.series) == 1:
        return _shaped_volumes(tif.series[0], picture_count)
    return []


def _imagej_volume(tif: tifffile.TiffFile, picture_count: int) -> Volume:
    told = tif.imagej_metadata or {}
    named = {"C": "channels", "Z": "slices", "T": "frames"}
    counts = {axis: int(told.get(name, 1)) for axis, name in named.items()}
    if counts["C"] * counts["Z"] * counts["T"] != picture_count:
        counts = {"C": 1, "Z": picture_count, "T": 1}
    planes = numbered("CZT", counts)
    unit = str(told.get("unit", "")).replace("\\u00B5", "µ")
    height, width = (_pixel_side(_page(tif, tif.pages.first.offset), tag) for tag in _RESOLUTION)
    known = [micrometres(side, unit) for side in (height, width)]
    pixel_um = None if known[0] is None or known[1] is None else (known[0], known[1])
    pages = {plane: index for index, plane in enumerate(planes)}
    return Volume(pages, micrometres(told.get("spacing"), unit), pixel_um)


def _lsm_volume(tif: tifffile.TiffFile, picture_count: int) -> Volume:
    told = tif.lsm_metadata or {}
    channels = _page(tif, tif.pages.first.offset).samplesperpixel
    counts = {"C": channels} | {axis: int(told.get(f"Dimension{name}", 1)) for axis, name in _LSM}
    if counts["C"] * counts["Z"] * counts["T"] != picture_count:
        counts = {"C": channels, "Z": picture_count // channels, "T": 1}
    step, height, width = (micrometres(told.get(f"VoxelSize{axis}"), "m") for axis in "ZYX")
    planes = numbered("CZT", counts)
    return Volume(
        {plane: index for index, plane in enumerate(planes)},
        step,
        None if height is None or width is None else (height, width),
    )


_LSM = (("Z", "Z"), ("T", "Time"))


def _pixel_side(page: tifffile.TiffPage, tag: int) -> float | None:
    """In the unit of ImageJ's description; the tag counts pixels in it."""
    pixels, units = page.tags.valueof(tag) or (0, 0)
    return units / pixels if pixels else None


def _shaped_volumes(series: Any, picture_count: int) -> list[Volume]:
    axes = [axis for axis in series.axes if axis not in "YXS"]
    counts = {axis: series.shape[series.axes.index(axis)] for axis in axes}
    focus = [axis for axis in axes if axis not in "CT"]
    if len(focus) > 1 or not axes or int(np.prod(list(counts.values()))) != picture_count:
        return []
    order = "".join("Z" if axis in focus else axis for axis in reversed(axes))
    known = {"Z": 1, "C": 1, "T": 1} | {
        "Z" if axis in focus else axis: count for axis, count in counts.items()
    }
    planes = numbered(order + "".join(axis for axis in "ZCT" if axis not in order), known)
    return [Volume({plane: index for index, plane in enumerate(planes)})]


def _page(tif: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    # By its offset: tifffile would follow the chain from the start for each page.
    tif.filehandle.seek(offset)
    # It takes a page of LSM, but for the first, as what it is where its number is not 0.
    return tifffile.TiffPage(tif, int(tif.is_lsm))


def _decode(path: Path, *, place: _Place) -> Samples:
    with tifffile.TiffFile(path) as tif:
        first = tif.pages.first
        page = first if first.offset == place.offset else _page(tif, place.offset)
        # tifffile fills what is missing with zeros.
        if not _has_all_samples(tif, page):
            raise FormatError(f"{path} is cut off or has holes; copy it again from its source")
        samples = _behind(tif, page, place.behind) if place.behind else page.asarray()
        if place.channel is not None:
            samples = np.take(samples, place.channel, axis=page.axes.index("S"))
            return samples
        shown = _as_shown(samples, page, is_tinted=tif.is_imagej)
        # Other samples than these are no transparency.
        is_clear = tuple(page.extrasamples[:1]) in _OPACITIES
        return shown if is_clear else shown[..., : _channels(page)] if shown.ndim == 3 else shown


def _behind(tif: tifffile.TiffFile, page: tifffile.TiffPage, behind: int) -> Samples:
    tif.filehandle.seek(page.dataoffsets[0] + behind * page.nbytes)
    dtype = np.dtype(page.dtype).newbyteorder(tif.byteorder)
    return tif.filehandle.read_array(dtype, page.size).reshape(page.shape)


def _as_shown(samples: Samples, page: tifffile.TiffPage, *, is_tinted: bool) -> Samples:
    """Samples of the whole range of their type, colours last, white highest."""
    if page.axes == "SYX":
        samples = np.moveaxis(samples, 0, 2)
    if page.photometric == _KINDS.PALETTE and not is_tinted:
        indices = samples.astype(np.uint8).reshape(*samples.shape[:2], -1)
        opacity = indices[:, :, 1:] * np.uint8(255 // (2**page.bitspersample - 1))
        return np.concatenate([_palette(page)[indices[:, :, 0]], opacity], axis=2)
    if page.bitspersample < 8:
        samples = samples.astype(np.uint8) * np.uint8(255 // (2**page.bitspersample - 1))
    if page.photometric == _KINDS.MINISWHITE:
        samples = np.iinfo(samples.dtype).max - samples
    return samples


def _channels(page: tifffile.TiffPage) -> int:
    return 3 if page.photometric in _COLOUR else 1


def _palette(page: tifffile.TiffPage) -> Samples:
    """(entries, 3), 8 bits; some programs write 8-bit values into its 16 bits."""
    colours = np.asarray(page.colormap, np.uint16).T
    return (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)


def _has_all_samples(tif: tifffile.TiffFile, page: Any) -> bool:
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    # LSM counts the bytes before they were compressed.
    is_told = not tif.is_lsm or page.compression == 1
    end = max((offset + count * is_told for offset, count in spans), default=0)
    return end <= tif.filehandle.size and all(offset and count for offset, count in spans)


def _stored(
    named: Path, file: BinaryIO, page: tifffile.TiffPage, volume: Volume, *, is_channel: bool
) -> FrameInfo:
    layout = directories.Layout(page.parent.byteorder, page.parent.is_bigtiff)
    # There the description says how the stack is laid out, which the result is not.
    is_described = not (page.is_imagej or page.is_ome or page.is_shaped)
    is_tinted = page.photometric == _KINDS.PALETTE and page.parent.is_imagej
    channels = 3 if page.photometric in _COLOUR and not is_tinted and not is_channel else 1
    if not is_channel:
        _refuse(named, page, channels)
    notices = []
    if page.samplesperpixel > _stored_samples(page) and not is_channel:
        notices.append("transparency")
    if is_tinted:
        notices.append("the colours that ImageJ tints grey values with")
    return FrameInfo(
        name=named.name,
        height=page.imagelength,
        width=page.imagewidth,
        channels=channels,
        dtype=np.dtype(np.uint8) if page.bitspersample < 8 else np.dtype(page.dtype),
        icc=page.tags.valueof(_PROFILE),
        exif=titles.as_exif(file, page.offset, layout, is_described=is_described),
        step_um=volume.step_um,
        pixel_um=volume.pixel_um,
        notices=tuple(notices),
        remarks=volume.remarks,
    )


def _refuse(named: Path, page: tifffile.TiffPage, channels: int) -> None:
    """Raise FormatError for what cannot be read honestly."""
    bits = np.dtype(page.dtype).itemsize * 8 if page.dtype is not None else 0
    is_packed = page.bitspersample in (1, 2, 4) and page.photometric in (*_GREY, _KINDS.PALETTE)
    refusals = {
        f"{getattr(page.photometric, 'name', page.photometric)} colours": page.photometric
        not in (*_GREY, *_COLOUR),
        "YCbCr colours outside JPEG": page.photometric == _KINDS.YCBCR
        and page.compression != _JPEG,
        f"{page.dtype} samples": str(page.dtype) not in DTYPES and not is_packed,
        f"{page.bitspersample}-bit samples": page.bitspersample != bits and not is_packed,
        "inverted floats": page.photometric == _KINDS.MINISWHITE and bits == 32,
        "a palette that does not fit": page.photometric == _KINDS.PALETTE
        and (bits != 8 or getattr(page.colormap, "shape", None) != (3, 2**page.bitspersample)),
        f"axes {page.axes}": page.axes not in ("YX", "YXS", "SYX"),
        f"{page.samplesperpixel} samples a pixel": page.samplesperpixel < _stored_samples(page)
        or (_stored_samples(page) == 1 and page.samplesperpixel > 2),
    }
    for what, is_refused in refusals.items():
        if is_refused:
            raise FormatError(f"{named} has {what}; convert it to 8- or 16-bit RGB or grey")


def _stored_samples(page: tifffile.TiffPage) -> int:
    return 3 if page.photometric in (_KINDS.RGB, _KINDS.YCBCR) else 1
