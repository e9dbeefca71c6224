"""Files that a run writes: refused early, written beside, then renamed.

Nothing half-written is left under the final name, and nothing is replaced unasked.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, IndexMap, Samples
from hyperfocal.io import formats, locks
from hyperfocal.io.metadata.provenance import with_software
from hyperfocal.io.together import Together, is_picture
from hyperfocal.version import VERSION

SOFTWARE = f"hyperfocal {VERSION}"


def require_writable(paths: Iterable[Path], *, inputs: Iterable[Path], overwrite: bool) -> None:
    """Raise FormatError for an output that cannot or must not be written, before any work."""
    paths = list(paths)
    # Not Path.resolve, which stumbles over links that go in circles.
    taken = {os.path.realpath(path) for path in inputs}
    for place, path in enumerate(paths):
        if formats.suffix_of(path) not in formats.writable_suffixes():
            known = ", ".join(formats.writable_suffixes())
            raise FormatError(f"{path} has no known picture suffix; choose one of: {known}")
        formats.require_installed(path)
        if os.path.realpath(path) in taken:
            raise FormatError(f"{path} is one of the frames; choose another output")
        if os.path.realpath(path) in {os.path.realpath(other) for other in paths[:place]}:
            raise FormatError(f"{path} is named for two outputs; give each its own file")
        with reaching(path):
            if path.is_dir() and not is_picture(path):
                raise FormatError(f"{path} is a folder; name a file in it")
            require_free(path, overwrite=overwrite)
            require_parent(path)


def require_free(path: Path, *, overwrite: bool) -> None:
    """Raise FormatError where something stands at a path, be it a link that leads nowhere."""
    if os.path.lexists(path) and not overwrite:
        raise FormatError(f"{path} exists; choose another name or allow it with --overwrite")


@contextlib.contextmanager
def reaching(path: Path) -> Iterator[None]:
    """A path that cannot even be asked for (its name too long, its folder closed): FormatError."""
    try:
        yield
    except OSError as error:
        raise FormatError(
            f"{path} cannot be written ({error.strerror}); choose another name or folder"
        ) from error


def require_parent(path: Path) -> None:
    """Raise FormatError where there is no folder for a path, or none that can be written to."""
    if not path.parent.is_dir():
        raise FormatError(f"folder {path.parent} does not exist; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise FormatError(f"folder {path.parent} cannot be written to; choose another")


def require_exact(path: Path, what: str) -> None:
    """Raise FormatError where a map would be written as a picture that is only roughly the same."""
    if formats.is_lossy(formats.suffix_of(path)):
        raise FormatError(
            f"{path} would blur the {what}, because JPEG keeps what eyes see; choose .tif for "
            "numbers or .png for a picture"
        )


def require_fitting(path: Path, info: FrameInfo, *, with_depth: bool = False) -> None:
    """Raise FormatError where the format cannot hold the frames' bit depth or colours.

    `with_depth` asks for a place for the depth map too.
    """
    formats.require_profile(path, info.icc)
    if with_depth and not formats.holds_depth(formats.suffix_of(path)):
        raise FormatError(f"{path} has no place for the depth map; choose .tif or .ome.tif")
    held = formats.dtypes(formats.suffix_of(path))
    if info.dtype.name not in held:
        raise FormatError(
            f"{path} holds {' or '.join(held)}, the frames are {info.dtype.name}; "
            "choose a .tif" + (" or .png" if info.dtype == np.uint16 else "")
        )


def save(
    path: Path,
    samples: Samples,
    like: FrameInfo,
    *,
    depth: NDArray[np.float32] | None = None,
    within: Together | None = None,
) -> None:
    """Write a picture in the format of the path's suffix, with the metadata of `like`.

    `depth` is written into the same file. It is there with all else that is made `within`.
    """
    with _beside(path, within) as beside:
        formats.save(beside, samples, like, suffix=formats.suffix_of(path), depth=depth)


@contextlib.contextmanager
def _beside(path: Path, within: Together | None) -> Iterator[Path]:
    """Where to write what is to be at a path; it moves there by itself or with the others."""
    with contextlib.nullcontext(within) if within is not None else Together() as made:
        beside = made.beside(path)
        try:
            yield beside
        except FormatError as error:
            raise FormatError(str(error).replace(str(beside), str(path))) from error
        except OSError as error:
            raise FormatError(
                f"{path} cannot be written ({error.strerror or error}); free space or choose "
                "another folder"
            ) from error


def save_decision_map(
    path: Path, index: IndexMap, *, frame_count: int, within: Together | None = None
) -> None:
    """TIFF, NPY, Zarr: the frame numbers from 0; else: first frame black, last frame white."""
    if _holds_numbers(path):
        save(path, *_grey(index), within=within)
    else:
        levels = np.rint(np.linspace(0, 255, frame_count)).astype(np.uint8)
        save(path, *_grey(levels[index]), within=within)


def _holds_numbers(path: Path) -> bool:
    return "float32" in formats.dtypes(formats.suffix_of(path))


def save_depth(
    path: Path,
    depth: NDArray[np.float32],
    *,
    last: float,
    pixel_um: tuple[float, float] | None = None,
    within: Together | None = None,
) -> None:
    """TIFF, NPY, Zarr: float32 as it is; else: first frame black, `last` white, 16 or 8 bit."""
    if _holds_numbers(path):
        values, info = _grey(depth)
        save(path, values, replace(info, pixel_um=pixel_um), within=within)
    else:
        is_deep = "uint16" in formats.dtypes(formats.suffix_of(path))
        dtype: type[np.unsignedinteger] = np.uint16 if is_deep else np.uint8
        share = depth / np.float32(last)
        save(path, *_grey(np.rint(share * np.iinfo(dtype).max).astype(dtype)), within=within)


def require_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise FormatError where maps cannot or must not be written into a folder."""
    with reaching(folder):
        if os.path.lexists(folder) and not folder.is_dir():
            raise FormatError(f"{folder} is a file; name a folder for the maps")
        if folder.is_dir() and any(folder.iterdir()) and not overwrite:
            raise FormatError(f"{folder} is not empty; name another folder or allow --overwrite")
        require_parent(folder / "map" if folder.is_dir() else folder)


def save_maps(
    folder: Path,
    maps: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any] | None = None,
    *,
    within: Together,
) -> None:
    """Each map as NAME.npy and NAME.tif, of the type it has: 16 bit for indices, 8 for masks.

    `about`, what their numbers mean, becomes about.json.
    """
    with in_folder(folder, within) as (beside, whole):
        for name, values in maps.items():
            with _beside(beside / f"{name}.npy", whole) as path:
                np.save(path, values)
            save(beside / f"{name}.tif", *_grey(values), within=whole)
        if about is not None:
            text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
            write_text(beside / "about.json", text, within=whole)


@contextlib.contextmanager
def in_folder(folder: Path, within: Together) -> Iterator[tuple[Path, Together | None]]:
    """Where to write files of a folder, and within what; a new folder moves there with them."""
    if os.path.lexists(folder):
        yield folder, within
        return
    with _beside(folder, within) as beside:
        beside.mkdir()
        yield beside, None


def require_text(path: Path, *, overwrite: bool) -> None:
    """Raise FormatError where a text cannot or must not be written."""
    with reaching(path):
        if path.is_dir():
            raise FormatError(f"{path} is a folder; name a file in it")
        require_free(path, overwrite=overwrite)
        require_parent(path)


def write_text(path: Path, text: str, *, within: Together | None = None) -> None:
    """Write a file beside its place, then move it there; raises FormatError where that fails."""
    with _beside(path, within) as beside:
        beside.write_text(text, "utf-8", newline="")


def lock(path: Path, *, who: str, folder: Path) -> TextIO:
    """Keep others of `who` ("batch") out of a folder until the file is closed.

    Raises FormatError where one is there already. The system lets go of the lock when the process
    ends, however it does.
    """
    # Not "w": Windows does not cut a file short of which another process has locked a part.
    file = path.open("a")
    try:
        locks.hold(file)
    except BlockingIOError:
        file.close()
        raise FormatError(
            f"another {who} works in {folder}; wait for it or choose another folder"
        ) from None
    return file


def _grey(values: NDArray[np.generic]) -> tuple[Samples, FrameInfo]:
    height, width = values.shape
    # So that a map that lies among frames is not taken for one.
    exif = with_software(SOFTWARE)
    return values[:, :, None], FrameInfo("map", height, width, 1, values.dtype, exif=exif)
