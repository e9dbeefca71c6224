"""OME-Zarr: a folder of chunks, as large microscopes write; read and written.

Needs the extra `zarr`. Reads OME-Zarr 0.4 and 0.5, the finest level alone: the focus positions of
one channel and time point are the frames, and only their chunks are read, each as often as a frame
needs it; chunks of one focus position are quick. Three channels that are shown red, green and blue
are one frame in colour. Chunks may be missing where a picture is empty, but a frame without any is
refused. Writes 0.5, one level, with the pixel size; a depth map becomes the image `depth` in the
same folder. Carries no ICC profile and no EXIF.
Next-generation file formats 0.4 and 0.5, Open Microscopy Environment; Zarr 3.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.containers import zarr_chunks
from hyperfocal.io.containers.volumes import Plane, Volume, micrometres, stack_of
from hyperfocal.io.files import reading, require_dtype, writing
from hyperfocal.io.limits import LARGEST_PICTURE, MOST_CHUNKS, MOST_PLANES, require_frame_count
from hyperfocal.io.selection import WHOLE, Selection
from hyperfocal.io.sources import source

SUFFIXES = (".ome.zarr", ".zarr")
SIGNATURES: tuple[bytes, ...] = ()
DTYPES = ("uint8", "uint16", "float32")
METADATA = ("pixel_um",)
IS_FOLDER = True

_CHUNK = 512
_RGB = ("FF0000", "00FF00", "0000FF")
_TRIED = 64  # chunks of a frame that are looked for before the folder is


@dataclass
class _Image:
    """An array and what its axes are: `"czyx"`, each as long as in `scale` times its unit."""

    array: Any
    folder: Path
    axes: str
    scale: tuple[float | None, ...]  # µm
    is_rgb: bool

    def count(self, axis: str) -> int:
        return int(self.array.shape[self.axes.index(axis)]) if axis in self.axes else 1

    def length(self, axis: str) -> float | None:
        return self.scale[self.axes.index(axis)] if axis in self.axes else None

    @cached_property
    def stored(self) -> set[tuple[int, int, int]]:
        """Which planes have chunks at all, by their places in the grid of chunks."""
        found = set()
        for path in self.folder.rglob("*"):
            numbers = [int(each) for each in re.findall(r"\d+", str(path.relative_to(self.folder)))]
            if len(numbers) == len(self.axes):
                found.add(self.grid_place(dict(zip(self.axes, numbers, strict=True))))
        return found

    def grid_place(self, at: dict[str, int]) -> tuple[int, int, int]:
        channel = 0 if self.is_rgb else at.get("c", 0)
        return at.get("z", 0), channel, at.get("t", 0)

    def planes(self) -> list[Plane]:
        channels = 1 if self.is_rgb else self.count("c")
        if self.count("t") * channels * self.count("z") > MOST_PLANES:
            raise ValueError(f"an array of shape {self.array.shape}")
        counts = (range(self.count("t")), range(channels), range(self.count("z")))
        return [Plane(z, channel, time) for time, channel, z in itertools.product(*counts)]

    def at(self, plane: Plane) -> tuple[int | slice, ...]:
        """The index of a plane, all channels of a colour one."""
        chosen: dict[str, int | slice] = {"t": plane.time, "c": plane.channel, "z": plane.z}
        if self.is_rgb:
            chosen["c"] = slice(None)
        return tuple(chosen.get(axis, slice(None)) for axis in self.axes)


def open(path: Path, selection: Selection = WHOLE) -> list[Source]:
    """The frames of the folder, from its descriptions alone."""
    zarr = _library(path)
    with reading(path):
        images = _images(zarr, path)
        # Places count through all images.
        places = [(image, plane) for image in images for plane in image.planes()]
        volumes = [_volume(image, places) for image in images]
        chosen, volume = stack_of(path, volumes, selection)
        require_frame_count(path, len(chosen))
        for index in chosen:
            _require_chunk(path, *places[index])
        stored_bytes = [_stored_bytes(*places[index]) for index in chosen]
    sources: list[Source] = []
    for number, index in enumerate(chosen):
        image, plane = places[index]
        stored = FrameInfo(
            name=path.name if len(chosen) == 1 else f"{path.name}[{number}]",
            height=image.count("y"),
            width=image.count("x"),
            channels=3 if image.is_rgb else 1,
            dtype=np.dtype(image.array.dtype.name),
            step_um=volume.step_um,
            pixel_um=volume.pixel_um,
        )
        decode = partial(_decode, image=image, plane=plane)
        made = source(path, stored, decode)
        sources.append(replace(made, stored_bytes=stored_bytes[number]))
    return sources


def save(
    path: Path, samples: Samples, like: FrameInfo, *, depth: NDArray[np.float32] | None = None
) -> None:
    """Write exactly these samples with the pixel size of `like`, and `depth` as a second image."""
    require_dtype(path, samples, DTYPES, "OME-Zarr")
    zarr = _library(path)
    with writing(path):
        path.mkdir()
        root = zarr.open_group(str(path.absolute()), mode="w", zarr_format=3)
        _write(root, "fused", samples, like)
        if depth is not None:
            unit = "frames" if like.step_um is None else "µm"
            below = root.create_group("depth")
            _write(below, f"depth in {unit}", depth[:, :, None], like)


def require_installed(path: Path) -> None:
    """Raise MissingExtra where the library that writes it is absent."""
    _library(path)


def is_whole(path: Path) -> bool:
    """Whether the descriptions are there; `open` has looked for the chunks of each frame."""
    return bool(_images(_library(path), path))


def _library(path: Path) -> Any:
    try:
        import zarr
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} needs zarr, which is absent; pip install 'hyperfocal[zarr]'"
        ) from error
    return zarr


def _images(zarr: Any, path: Path) -> list[_Image]:
    """The images of a folder: its own, or those that Bio-Formats numbers below it."""
    if not path.is_dir():
        raise FormatError(f"{path} is no folder, as OME-Zarr is; check the path")
    if not any((path / name).is_file() for name in ("zarr.json", ".zgroup")):
        raise FormatError(f"{path} is no OME-Zarr, or its description is missing; copy it again")
    # Absolute, so that no name is taken for an address.
    root = zarr.open_group(str(path.absolute()), mode="r")
    told = _told(root)
    if "plate" in told:
        raise FormatError(f"{path} is a plate of many fields; copy one field to a .zarr folder")
    if "multiscales" in told:
        return [_image(path, root, told, each) for each in told["multiscales"]]
    below = [root[name] for name in sorted((n for n in root if n.isdecimal()), key=int)]
    images = [
        _image(path, group, _told(group), each)
        for group in below
        if hasattr(group, "attrs")
        for each in _told(group).get("multiscales", [])
    ]
    if not images:
        raise FormatError(f"{path} describes no image in OME-Zarr's way; export it again")
    return images


def _told(group: Any) -> dict[str, Any]:
    attributes = dict(group.attrs)
    told: dict[str, Any] = attributes.get("ome", attributes)
    return told


def _image(path: Path, group: Any, told: dict[str, Any], multiscale: dict[str, Any]) -> _Image:
    finest = multiscale["datasets"][0]
    array = group[finest["path"]]
    named = multiscale.get("axes") or list("tczyx")
    axes = [{"name": axis} if isinstance(axis, str) else axis for axis in named]
    names = "".join(str(axis["name"]) for axis in axes)
    if len(names) != array.ndim or not {"x", "y"} <= set(names) <= set("tczyx"):
        raise FormatError(f"{path} has axes {names!r}; only t, c, z, y, x can be read")
    if array.dtype.name not in DTYPES:
        raise FormatError(f"{path} holds {array.dtype.name}; convert it to 8 or 16 bits")
    scale = np.ones(len(axes))
    for each in [*multiscale.get("coordinateTransformations", []), *_transforms(finest)]:
        if each.get("type") == "scale":
            scale = scale * np.asarray(each["scale"], float)
    lengths = tuple(
        micrometres(length, axis.get("unit")) for length, axis in zip(scale, axes, strict=True)
    )
    colours = [str(each.get("color")).upper() for each in told.get("omero", {}).get("channels", [])]
    is_rgb = tuple(colours) == _RGB and "c" in names and array.shape[names.index("c")] == 3
    return _Image(array, path / array.path, names, lengths, is_rgb)


def _transforms(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dataset.get("coordinateTransformations", [])
    return found


def _volume(image: _Image, places: list[tuple[_Image, Plane]]) -> Volume:
    pages = {plane: index for index, (each, plane) in enumerate(places) if each is image}
    height, width = image.length("y"), image.length("x")
    pixel_um = None if height is None or width is None else (height, width)
    return Volume(pages, image.length("z"), pixel_um)


def _decode(path: Path, *, image: _Image, plane: Plane) -> Samples:
    _require_chunk(path, image, plane)
    for chunk in _chunk_paths(image, plane):
        if chunk.is_file():
            zarr_chunks.require_fitting(image.array, chunk)
    samples = np.asarray(image.array[image.at(plane)])
    rest = [axis for axis in image.axes if axis in "yx" or (image.is_rgb and axis == "c")]
    order = [rest.index(axis) for axis in ("y", "x", *("c" * image.is_rgb))]
    return samples.transpose(order)


def _require_chunk(path: Path, image: _Image, plane: Plane) -> None:
    # Zarr fills chunks that are missing with zeros.
    first = itertools.islice(_chunk_paths(image, plane), _TRIED)
    if any(chunk.exists() for chunk in first):
        return
    sides = dict(zip(image.axes, image.array.shards or image.array.chunks, strict=True))
    place = {"z": plane.z, "c": plane.channel, "t": plane.time}
    at = {axis: number // sides.get(axis, 1) for axis, number in place.items()}
    if image.grid_place(at) not in image.stored:
        raise FormatError(f"{path} has no chunk of focus position {plane.z + 1}; copy it again")


def _stored_bytes(image: _Image, plane: Plane) -> int | None:
    """The bytes of a plane's chunks; None where it is small enough to be believed anyway."""
    if image.count("y") * image.count("x") <= LARGEST_PICTURE * 1e6:
        return None
    return sum(chunk.stat().st_size for chunk in _chunk_paths(image, plane) if chunk.is_file())


def _chunk_paths(image: _Image, plane: Plane) -> Iterator[Path]:
    """Where the chunks of a plane lie, if they do; ValueError where they are too many."""
    array = image.array
    sides = array.shards or array.chunks
    ranges = []
    for at, length, side in zip(image.at(plane), array.shape, sides, strict=True):
        whole = range(-(-length // side))
        ranges.append(whole if isinstance(at, slice) else range(at // side, at // side + 1))
    count = math.prod(len(each) for each in ranges)
    if count > MOST_CHUNKS:
        raise ValueError(f"{count} chunks of a focus position, more than {MOST_CHUNKS}")
    for place in itertools.product(*ranges):
        yield image.folder / array.metadata.encode_chunk_key(place)


def _write(group: Any, name: str, samples: Samples, like: FrameInfo) -> None:
    is_rgb = samples.shape[2] == 3
    planes = np.moveaxis(samples, 2, 0) if is_rgb else samples[:, :, 0]
    array = group.create_array(
        "0",
        shape=planes.shape,
        dtype=planes.dtype,
        chunks=(1,) * is_rgb + tuple(min(_CHUNK, side) for side in samples.shape[:2]),
        dimension_names=["c", "y", "x"] if is_rgb else ["y", "x"],
        # So that a chunk that is missing was lost.
        config={"write_empty_chunks": True},
    )
    array[...] = planes
    unit = {} if like.pixel_um is None else {"unit": "micrometer"}
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] * is_rgb
    axes += [{"name": axis, "type": "space", **unit} for axis in "yx"]
    scale = [1.0] * is_rgb + list(like.pixel_um or (1.0, 1.0))
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    told: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [{"name": name, "axes": axes, "datasets": [dataset]}],
    }
    if is_rgb:
        colours = zip(_RGB, "RGB", strict=True)
        told["omero"] = {"channels": [_channel(*each, samples) for each in colours]}
    group.attrs["ome"] = told


def _channel(colour: str, label: str, samples: Samples) -> dict[str, Any]:
    peak = float(np.iinfo(samples.dtype).max) if samples.dtype.kind == "u" else 1.0
    window = {"min": 0.0, "max": peak, "start": 0.0, "end": peak}
    return {"color": colour, "label": label, "active": True, "window": window}
