"""OME-XML: what it says of the planes of a TIFF file, and how it is written for one picture.

Open Microscopy Environment data model, schema 2016-06; OME-TIFF specification 6.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from hyperfocal.frame import FrameInfo
from hyperfocal.io.containers.volumes import Plane, Volume, micrometres, numbered

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


def _volume(pixels: ElementTree.Element, uuid: str | None, path: Path, page_count: int) -> Volume:
    channels = _children(pixels, "Channel")
    samples = int(channels[0].get("SamplesPerPixel", 1)) if channels else 1
    counts: dict[str, int] = {
        "Z": int(pixels.get("SizeZ", 1)),
        "C": max(1, int(pixels.get("SizeC", 1)) // samples),
        "T": int(pixels.get("SizeT", 1)),
    }
    order = pixels.get("DimensionOrder", "XYCZT")[2:]
    pages: dict[Plane, int] = {}
    total = counts["Z"] * counts["C"] * counts["T"]
    elsewhere = 0
    for block in _children(pixels, "TiffData") or [ElementTree.Element("TiffData")]:
        if not _is_here(block, uuid, path):
            elsewhere += int(block.get("PlaneCount", 1 if "IFD" in block.attrib else total))
            continue
        page = int(block.get("IFD", 0))
        count = int(block.get("PlaneCount", 1 if "IFD" in block.attrib else page_count))
        # Counts come from the file and may be absurd.
        count = min(count, page_count - page)
        first, stride = 0, 1
        for axis in order:
            first += int(block.get(f"First{axis}", 0)) * stride
            stride *= counts[axis]
        for plane in numbered(order, counts, first, count):
            pages[plane] = page
            page += 1
    height, width = (_length(pixels, axis) for axis in "YX")
    pixel_um = None if height is None or width is None else (height, width)
    is_short = len(pages) + elsewhere < total
    lacking = f"{path.name} declares {total} planes and holds {len(pages)}; the others are missing"
    return Volume(pages, _length(pixels, "Z"), pixel_um, (lacking,) if is_short else ())


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
