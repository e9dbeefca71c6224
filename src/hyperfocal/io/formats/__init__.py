"""File formats, one a file: `SUFFIXES`, `SIGNATURES`, `DTYPES`, `METADATA`, `open`, `is_whole`.

A file is known by its suffix or, where that is unknown or lies, by its first bytes.

`SIGNATURES` are how files begin (`?` is any byte), `METADATA` the fields of FrameInfo that a
written file carries. `save` is absent where a format is only read, and takes `depth` where the
format has a place for a depth map. `open` takes a Selection where a file may hold several stacks,
and so does `open_set`, which is there where a file may say that others make a stack with it.
`IS_SECONDARY` is there where files of a folder with other pictures are no frames of it (a RAW file
beside its JPEG), `IS_FOLDER` where a picture is a folder of files, `IS_SRGB` where other colours
than sRGB's cannot be described, `IS_LOSSY` where what is written is not what was given, and
`require_installed` where writing needs an extra.
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.files import begins, reading, start_of
from hyperfocal.io.metadata.capture import CaptureInfo, capture_info
from hyperfocal.io.metadata.profiles import is_srgb
from hyperfocal.io.metadata.provenance import comment_of, is_damaged, with_provenance
from hyperfocal.io.selection import WHOLE, Selection, split

__all__ = [
    "CaptureInfo",
    "Selection",
    "capture_info",
    "comment_of",
    "dtypes",
    "holds_depth",
    "is_damaged",
    "is_folder",
    "is_known",
    "is_lossy",
    "is_secondary",
    "looks_known",
    "matched",
    "metadata",
    "open_frames",
    "open_set",
    "require_installed",
    "require_profile",
    "require_readable",
    "require_whole",
    "save",
    "split",
    "suffix_of",
    "suffixes",
    "with_provenance",
    "writable_suffixes",
]  # fmt: skip


def open_frames(path: Path, selection: Selection = WHOLE) -> list[Source]:
    """The frames of a file, by its suffix, or by its first bytes where the suffix lies.

    `selection` says which of several stacks in a file is meant. Raises FormatError.
    """
    chosen = _format_of(path)
    if selection == WHOLE:
        sources: list[Source] = chosen.open(path)
    elif "selection" in inspect.signature(chosen.open).parameters:
        sources = chosen.open(path, selection)
    else:
        raise FormatError(f"{path} has no {selection.names[0]} to choose; leave out the choice")
    return sources


def open_set(path: Path, selection: Selection = WHOLE) -> list[Source]:
    """The frames of a file that stands for a stack: its own, or those of the set it is part of."""
    chosen = _format_of(path)
    whole: list[Source] = chosen.open_set(path, selection) if hasattr(chosen, "open_set") else []
    return whole or open_frames(path, selection)


def require_whole(path: Path) -> None:
    """Raise FormatError for a file that is cut off, without decoding it."""
    chosen = _format_of(path)
    with reading(path):
        if not chosen.is_whole(path):
            raise FormatError(f"{path} is cut off before its end; copy it again from its source")


def matched(sources: list[Source]) -> list[Source]:
    """The frames, those that a program must develop developed as the first is."""
    return [source.matched(sources[0]) for source in sources]


def require_readable(source: Source) -> None:
    """Raise FormatError for a frame that its file or this machine's memory cannot hold."""
    source.require_room()


def save(
    path: Path,
    samples: Samples,
    like: FrameInfo,
    *,
    suffix: str,
    depth: NDArray[np.float32] | None = None,
) -> None:
    """Write samples in the format of `suffix`, whatever the path itself ends in.

    `depth` goes into the same file, where the format `holds_depth`.
    """
    if depth is None:
        _written(suffix).save(path, samples, like)
    else:
        _written(suffix).save(path, samples, like, depth=depth)


def is_known(path: Path) -> bool:
    """Whether the file's suffix is one that can be read."""
    return suffix_of(path) in suffixes()


def looks_known(path: Path) -> bool:
    """Whether the first bytes are those of a picture, whatever the suffix; False for films, RAW."""
    try:
        chosen = _by_bytes(start_of(path))
    except FormatError:
        return False
    return chosen is not None and not hasattr(chosen, "IS_SECONDARY")


def is_folder(path: Path) -> bool:
    """Whether the suffix is one of a picture that is a folder."""
    return is_known(path) and hasattr(_format(suffix_of(path)), "IS_FOLDER")


def is_secondary(path: Path) -> bool:
    """Whether such a file, in a folder of other pictures, is none of the frames."""
    return is_known(path) and hasattr(_format(suffix_of(path)), "IS_SECONDARY")


def suffix_of(path: Path) -> str:
    """The suffix that says the format: `.ome.tif` of `cells.ome.tif`, `.tif` of `a.b.tif`."""
    name = path.name.lower()
    found = [suffix for suffix in suffixes() if name.endswith(suffix) and name != suffix]
    return max(found, key=len, default=path.suffix.lower())


def suffixes() -> list[str]:
    """All suffixes that can be read, sorted."""
    return sorted(suffix for each in _formats() for suffix in each.SUFFIXES)


def writable_suffixes() -> list[str]:
    """All suffixes that can be written, sorted."""
    return sorted(
        suffix for each in _formats() if hasattr(each, "save") for suffix in each.SUFFIXES
    )


def dtypes(suffix: str) -> tuple[str, ...]:
    """The sample types that files of this suffix hold: `dtypes(".jpg")` -> `("uint8",)`."""
    held: tuple[str, ...] = _format(suffix).DTYPES
    return held


def metadata(suffix: str) -> tuple[str, ...]:
    """What a written file carries besides samples: `metadata(".jpg")` -> `("icc", "exif")`."""
    carried: tuple[str, ...] = _format(suffix).METADATA
    return carried


def require_profile(path: Path, icc: bytes | None) -> None:
    """Raise FormatError where a picture file would lose what its colours mean."""
    chosen = _written(suffix_of(path))
    if icc is not None and hasattr(chosen, "IS_SRGB") and not is_srgb(icc):
        raise FormatError(
            f"{path} cannot carry the frames' colour profile; choose .tif, .png or .jpg"
        )


def require_installed(path: Path) -> None:
    """Raise MissingExtra where writing such a file needs a package that is absent."""
    chosen = _written(suffix_of(path))
    if hasattr(chosen, "require_installed"):
        chosen.require_installed(path)


def is_lossy(suffix: str) -> bool:
    """Whether files of this suffix hold roughly what was written: `is_lossy(".jpg")` -> `True`."""
    return hasattr(_written(suffix), "IS_LOSSY")


def holds_depth(suffix: str) -> bool:
    """Whether a picture of this suffix has a place for its depth map."""
    return "depth" in inspect.signature(_written(suffix).save).parameters


def _format_of(path: Path) -> ModuleType:
    is_picture = path.is_dir() and is_folder(path)
    if is_picture:
        return _format(suffix_of(path))
    start = start_of(path)
    named = _format(suffix_of(path)) if is_known(path) else None
    if named is not None and begins(start, named.SIGNATURES):
        return named
    found = _by_bytes(start) or named
    if found is None:
        raise FormatError(f"{path} is in no known format; choose one of: {', '.join(suffixes())}")
    return found


def _by_bytes(start: bytes) -> ModuleType | None:
    """The format of a file that starts so."""
    return next((each for each in _formats() if begins(start, each.SIGNATURES)), None)


def _written(suffix: str) -> ModuleType:
    chosen = _format(suffix)
    if not hasattr(chosen, "save"):
        raise FormatError(
            f"{suffix} is only read, not written; choose one of: {', '.join(writable_suffixes())}"
        )
    return chosen


def _format(suffix: str) -> ModuleType:
    for each in _formats():
        if suffix.lower() in each.SUFFIXES:
            return each
    raise FormatError(f"no format ends in {suffix!r}; choose one of: {', '.join(suffixes())}")


@functools.cache
def _formats() -> list[ModuleType]:
    return [module for _, module in registry.modules("formats")]
