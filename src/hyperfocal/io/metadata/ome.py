"""OME-XML: what it says of the planes of a TIFF file, and how it is written for one picture.

Open Microscopy Environment data model, schema 2016-06; OME-TIFF specification 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from hyperfocal.frame import FrameInfo
from hyperfocal.io.containers.volumes import Plane, Volume, micrometres, numbered
from hyperfocal.io.limits import MOST_FRAMES, MOST_PLANES

_TYPES = {"uint8": "uint8", "uint16": "uint16", "float32": "float"}
_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def volumes(xml: str, *, path: Path, page_count: int) -> list[Volume]:
    """The series of a file, with the planes that lie in the file itself.

    None where the description speaks of other files alone. Raises ElementTree.ParseError.
    """
    root = ElementTree.fromstring(xml)
    found = []
    for image in _children(root, "Image"):
        for pixels in _children(image, "Pixels"):
            volume = _volume(pixels, root.get("UUID"), path, page_count)
            if volume.pages:
                found.append(volume)
    return found


@dataclass(frozen=True)
class Members:
    """The files of a set, place by place: the name, the page in it, and the series of places."""

    names: list[str] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)


def members(xml: str, path: Path) -> Members:
    """What a description says of the planes in this file and in those beside it.

    Without names where all are in this file, or two or more are: then it is a stack by itself.
    Files that are missing are left out, with a remark. Raises ElementTree.ParseError.
    """
    root = _described(ElementTree.fromstring(xml), path)
    found = Members()
    missing: dict[str, None] = {}
    for image in _children(root, "Image"):
        for pixels in _children(image, "Pixels"):
            volume = _spread(pixels, root.get("UUID"), path, found, missing)
            if volume.pages:
                found.volumes.append(volume)
    own = found.names.count(path.name)
    if own > 1 or own == len(found.names):
        return Members()
    lacking = tuple(f"{name}, which {path.name} names, is missing" for name in missing)
    return replace(found, volumes=[replace(each, remarks=lacking) for each in found.volumes])


def _described(root: ElementTree.Element, path: Path) -> ElementTree.Element:
    """The description, from the file beside that has it where this one only says so."""
    for element in _children(root, "BinaryOnly"):
        beside = path.with_name(Path(element.get("MetadataFile", "")).name)
        if beside.suffix.lower() in (".ome", ".xml") and beside.is_file():
            return ElementTree.fromstring(beside.read_bytes())
    return root


def _spread(
    pixels: ElementTree.Element,
    uuid: str | None,
    path: Path,
    found: Members,
    missing: dict[str, None],
) -> Volume:
    """A series over several files; its planes go to `found`, absent files to `missing`."""
    order, counts = _counts(pixels)
    planes: dict[Plane, int] = {}
    for block in _children(pixels, "TiffData"):
        name = path.name if _is_here(block, uuid, path) else _file_name(block)
        if name is None or not path.with_name(name).is_file():
            missing |= {} if name is None else {name: None}
            continue
        count = min(int(block.get("PlaneCount", 1)), MOST_FRAMES)
        for place, plane in enumerate(_planes_of(block, order, counts, count)):
            planes[plane] = _told_once(len(found.names), MOST_PLANES)
            found.names.append(name)
            found.pages.append(int(block.get("IFD", 0)) + place)
    return Volume(planes, _length(pixels, "Z"), _pixel_um(pixels))


def _told_once(count: int, most: int) -> int:
    """The count itself; ValueError where blocks tell of more planes than there can be."""
    if count > most:
        raise ValueError(f"it tells of more than {most} planes")
    return count


def _file_name(block: ElementTree.Element) -> str | None:
    names = [element.get("FileName") for element in _children(block, "UUID")]
    # Never outside of the folder.
    return Path(names[0]).name if names and names[0] else None


def _volume(pixels: ElementTree.Element, uuid: str | None, path: Path, page_count: int) -> Volume:
    order, counts = _counts(pixels)
    pages: dict[Plane, int] = {}
    total = counts["Z"] * counts["C"] * counts["T"]
    elsewhere = told = 0
    for block in _children(pixels, "TiffData") or [ElementTree.Element("TiffData")]:
        if not _is_here(block, uuid, path):
            elsewhere += int(block.get("PlaneCount", 1 if "IFD" in block.attrib else total))
            continue
        page = int(block.get("IFD", 0))
        count = int(block.get("PlaneCount", 1 if "IFD" in block.attrib else page_count))
        # Counts come from the file and may be absurd.
        for plane in _planes_of(block, order, counts, min(count, page_count - page)):
            pages[plane] = page
            page += 1
            # Each plane is told once; a few are told again by programs that append.
            told = _told_once(told + 1, 2 * page_count)
    is_short = len(pages) + elsewhere < total
    lacking = f"{path.name} declares {total} planes and holds {len(pages)}; the others are missing"
    remarks = (lacking,) if is_short else ()
    return Volume(pages, _length(pixels, "Z"), _pixel_um(pixels), remarks)


def _counts(pixels: ElementTree.Element) -> tuple[str, dict[str, int]]:
    """The order of the axes behind X and Y, and how long each is."""
    channels = _children(pixels, "Channel")
    samples = int(channels[0].get("SamplesPerPixel", 1)) if channels else 1
    return pixels.get("DimensionOrder", "XYCZT")[2:], {
        "Z": int(pixels.get("SizeZ", 1)),
        "C": max(1, int(pixels.get("SizeC", 1)) // samples),
        "T": int(pixels.get("SizeT", 1)),
    }


def _planes_of(
    block: ElementTree.Element, order: str, counts: dict[str, int], count: int
) -> list[Plane]:
    first, stride = 0, 1
    for axis in order:
        first += int(block.get(f"First{axis}", 0)) * stride
        stride *= counts[axis]
    return numbered(order, counts, first, count)


def _pixel_um(pixels: ElementTree.Element) -> tuple[float, float] | None:
    height, width = (_length(pixels, axis) for axis in "YX")
    return None if height is None or width is None else (height, width)


def _is_here(block: ElementTree.Element, uuid: str | None, path: Path) -> bool:
    for element in _children(block, "UUID"):
        if uuid is not None and element.text is not None:
            return element.text.strip() == uuid.strip()
        return element.get("FileName", path.name).casefold() == path.name.casefold()
    return True


def _length(pixels: ElementTree.Element, axis: str) -> float | None:
    unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
    return micrometres(pixels.get(f"PhysicalSize{axis}"), unit)


def _children(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    # Whatever the schema's year, which is part of the name.
    return [child for child in element if child.tag.rpartition("}")[2] == name]


def description(info: FrameInfo, *, depth: str | None = None) -> str:
    """The XML of a file whose first page is a picture, and the second its depth if said so.

    `depth` tells what the numbers of the depth map mean.
    """
    images = [_image(info, 0, name="fused", told=None)]
    if depth is not None:
        images.append(_image(info, 1, name="depth", told=depth, kind="float"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<OME xmlns="{_SCHEMA}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{_SCHEMA} {_SCHEMA}/ome.xsd" Creator="hyperfocal">'
        + "".join(images)
        + "</OME>"
    )


def _image(
    info: FrameInfo,
    number: int,
    *,
    name: str,
    told: str | None,
    kind: str | None = None,
) -> str:
    channels = info.channels if kind is None else 1
    sizes = ""
    for axis, length in zip("YX", info.pixel_um or (), strict=False):
        sizes += f' PhysicalSize{axis}="{length!r}" PhysicalSize{axis}Unit="µm"'
    about = "" if told is None else f"<Description>{told}</Description>"
    return (
        f'<Image ID="Image:{number}" Name={quoteattr(name)}>{about}'
        f'<Pixels ID="Pixels:{number}" DimensionOrder="XYCZT" '
        f'Type="{kind or _TYPES[info.dtype.name]}" SizeX="{info.width}" SizeY="{info.height}" '
        f'SizeC="{channels}" SizeZ="1" SizeT="1"{sizes}>'
        f'<Channel ID="Channel:{number}:0" SamplesPerPixel="{channels}"/>'
        f'<TiffData IFD="{number}" PlaneCount="1"/></Pixels></Image>'
    )
