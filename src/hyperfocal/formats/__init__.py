"""File formats, one a file: `SUFFIXES`, `SIGNATURES`, `DTYPES`, `open`, `is_whole`, `save`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from hyperfocal import rooms
from hyperfocal.errors import FormatError
from hyperfocal.formats._files import reading, start_of
from hyperfocal.frame import FrameInfo, Samples, Source


def open_frames(path: Path) -> list[Source]:
    """The frames of a file, by its suffix, or by its first bytes where the suffix lies."""
    start = start_of(path)
    if not is_known(path):
        raise FormatError(f"{path} is in no known format; choose one of: {', '.join(suffixes())}")
    named = _format(path.suffix)
    candidates = [named, *_formats()]
    chosen = next((each for each in candidates if start.startswith(each.SIGNATURES)), named)
    sources: list[Source] = chosen.open(path)
    return sources


def require_whole(path: Path) -> None:
    """Raise FormatError for a file that is cut off, without decoding it."""
    start = start_of(path)
    chosen = next(each for each in _formats() if start.startswith(each.SIGNATURES))
    with reading(path):
        if not chosen.is_whole(path):
            raise FormatError(f"{path} is cut off before its end; copy it again from its source")


def save(path: Path, samples: Samples, like: FrameInfo, *, suffix: str) -> None:
    """Write samples in the format of `suffix`, whatever the path itself ends in."""
    _format(suffix).save(path, samples, like)


def is_known(path: Path) -> bool:
    """Whether the file's suffix is one that can be read."""
    return path.suffix.lower() in suffixes()


def suffixes() -> list[str]:
    """All suffixes that can be read and written, sorted."""
    return sorted(suffix for each in _formats() for suffix in each.SUFFIXES)


def dtypes(suffix: str) -> tuple[str, ...]:
    """The sample types that files of this suffix hold: `dtypes(".jpg")` -> `("uint8",)`."""
    held: tuple[str, ...] = _format(suffix).DTYPES
    return held


def _format(suffix: str) -> ModuleType:
    for each in _formats():
        if suffix.lower() in each.SUFFIXES:
            return each
    raise FormatError(f"no format ends in {suffix!r}; choose one of: {', '.join(suffixes())}")


def _formats() -> list[ModuleType]:
    return [rooms.module("formats", name) for name in rooms.names("formats")]
