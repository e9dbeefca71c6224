"""Files that a run writes: refused early, written beside, then renamed.

Nothing half-written is left under the final name, and nothing is replaced unasked.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal import formats
from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, IndexMap, Samples


def require_writable(paths: Iterable[Path], *, inputs: Iterable[Path], overwrite: bool) -> None:
    """Raise FormatError for an output that cannot or must not be written, before any work."""
    paths = list(paths)
    taken = {path.resolve() for path in inputs}
    for place, path in enumerate(paths):
        if path.suffix.lower() not in formats.suffixes():
            known = ", ".join(formats.suffixes())
            raise FormatError(f"{path} has no known picture suffix; choose one of: {known}")
        if path.resolve() in taken:
            raise FormatError(f"{path} is one of the frames; choose another output")
        if path.resolve() in {other.resolve() for other in paths[:place]}:
            raise FormatError(f"{path} is named for two outputs; give each its own file")
        if path.is_dir():
            raise FormatError(f"{path} is a folder; name a file in it")
        if path.exists() and not overwrite:
            raise FormatError(f"{path} exists; choose another name or allow it with --overwrite")
        if not path.parent.is_dir():
            raise FormatError(f"folder {path.parent} does not exist; make it first")
        if not os.access(path.parent, os.W_OK):
            raise FormatError(f"folder {path.parent} cannot be written to; choose another")


def require_depth(path: Path, info: FrameInfo) -> None:
    """Raise FormatError where the output's format cannot hold the frames' bit depth."""
    held = formats.dtypes(path.suffix)
    if info.dtype.name not in held:
        raise FormatError(
            f"{path} holds {' or '.join(held)}, the frames are {info.dtype.name}; "
            "choose a .tif" + (" or .png" if info.dtype == np.uint16 else "")
        )


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write a picture in the format of the path's suffix, with the metadata of `like`."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
    except OSError as error:
        raise FormatError(f"{path} cannot be written ({error.strerror}); choose another") from error
    os.close(handle)
    beside = Path(name)
    try:
        formats.save(beside, samples, like, suffix=path.suffix.lower())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except FormatError as error:
        raise FormatError(str(error).replace(beside.name, path.name)) from error
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def save_decision_map(path: Path, index: IndexMap, *, frame_count: int) -> None:
    """TIFF: the frame numbers from 0; other formats: first frame black, last frame white."""
    if path.suffix.lower() in (".tif", ".tiff"):
        save(path, *_grey(index))
    else:
        levels = np.rint(np.linspace(0, 255, frame_count)).astype(np.uint8)
        save(path, *_grey(levels[index]))


def save_depth(path: Path, depth: NDArray[np.float32], *, last: float) -> None:
    """TIFF: float32 as it is; other formats: first frame black, `last` white, 16 or 8 bit."""
    if path.suffix.lower() in (".tif", ".tiff"):
        save(path, *_grey(depth))
    else:
        is_jpeg = path.suffix.lower() in (".jpg", ".jpeg")
        dtype: type[np.unsignedinteger] = np.uint8 if is_jpeg else np.uint16
        share = depth / np.float32(last)
        save(path, *_grey(np.rint(share * np.iinfo(dtype).max).astype(dtype)))


def require_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise FormatError where maps cannot or must not be written into a folder."""
    if folder.exists() and not folder.is_dir():
        raise FormatError(f"{folder} is a file; name a folder for the maps")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise FormatError(f"{folder} is not empty; name another folder or allow --overwrite")
    if not folder.exists() and not folder.parent.is_dir():
        raise FormatError(f"folder {folder.parent} does not exist; make it first")


def save_maps(folder: Path, maps: Mapping[str, NDArray[Any]]) -> None:
    """Each map as NAME.npy and NAME.tif, of the type it has: 16 bit for indices, else float32."""
    folder.mkdir(exist_ok=True)
    for name, values in maps.items():
        beside = folder / f".{name}.part.npy"
        try:
            np.save(beside, values)
            os.replace(beside, folder / f"{name}.npy")
        except OSError as error:
            raise FormatError(
                f"{folder / name}.npy cannot be written ({error.strerror}); free space or choose "
                "another folder"
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        save(folder / f"{name}.tif", *_grey(values))


def _grey(values: NDArray[np.generic]) -> tuple[Samples, FrameInfo]:
    height, width = values.shape
    return values[:, :, None], FrameInfo("map", height, width, 1, values.dtype)
