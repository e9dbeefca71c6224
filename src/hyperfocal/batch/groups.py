"""Which frames of a folder belong together: by time, exposure, size and likeness.

Time is the camera's own (EXIF); dates of files say when they were copied. Only where frames are
watched as they come do they count, for frames without a time of their own.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyperfocal.batch.options import BatchOptions
from hyperfocal.errors import HyperfocalError, OptionError
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.thumbnails import SMALLEST_SIMILARITY, Thumbnail, similarity, thumbnail_of

_USUAL = 25  # percentile: at least half of all pauses are within stacks, whatever their length
_TIMES_USUAL = 5.0
_SHORTEST_GAP_S = 3.0  # EXIF counts whole seconds, and a burst has none between its frames
_EXPOSURE_FACTOR = 1.5  # half a stop and more is a decision, less is a camera's automatic


@dataclass(frozen=True)
class FrameFile:
    """A file as far as its headers tell; `info` is None where they cannot be read."""

    path: Path
    info: FrameInfo | None
    frame_count: int
    shot: formats.CaptureInfo


Group = tuple[tuple[FrameFile, ...], str]  # the frames, and why they begin a stack


@dataclass(frozen=True)
class Arrivals:
    """When files came, in seconds since 1970, and the pause that parts stacks of them."""

    times: Mapping[Path, float]
    gap_s: float


class MetadataCache:
    """What is known of files, kept while they stay as they are."""

    def __init__(self, arrivals: Arrivals | None = None) -> None:
        self.arrivals = arrivals
        self._pictures: dict[tuple[Path, int, int], FrameFile] = {}
        self._thumbnails: dict[Path, tuple[FrameFile, Thumbnail | None]] = {}

    def picture(self, path: Path) -> FrameFile:
        """The file's facts, from its headers."""
        size, changed = stamp(path)
        key = (path, size, changed)
        if key not in self._pictures:
            self._pictures[key] = _opened(path)
        return self._pictures[key]

    def thumbnail(self, picture: FrameFile) -> Thumbnail | None:
        """How it looks, from its pixels; None where they cannot be read."""
        known = self._thumbnails.get(picture.path)
        if known is None or known[0] is not picture:
            known = (picture, _looked_at(picture))
            self._thumbnails[picture.path] = known
        return known[1]


def stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns; −1 for what cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def split(
    files: Sequence[Path],
    options: BatchOptions,
    album: MetadataCache,
    *,
    on_step: OnStep = silent,
) -> list[Group]:
    """The stacks of one folder's files, in their order; a file of several frames is a stack.

    Raises OptionError where grouping by time was asked for and no frame has one.
    """
    pictures = []
    for place, path in enumerate(files, 1):
        pictures.append(album.picture(path))
        on_step("headers", place, len(files))
    films = [((each,), "a stack in one file") for each in pictures if each.frame_count > 1]
    return films + _split(
        [each for each in pictures if each.frame_count < 2], options, album, on_step
    )


def whole(files: Sequence[Path], album: MetadataCache) -> list[Group]:
    """All frames of a folder as one stack, beside files that are stacks by themselves."""
    pictures = [album.picture(path) for path in files]
    films: list[Group] = [
        ((each,), "a stack in one file") for each in pictures if each.frame_count > 1
    ]
    rest = tuple(each for each in pictures if each.frame_count < 2)
    return [*films, (rest, "a folder")] if rest else films


def _split(
    pictures: list[FrameFile], options: BatchOptions, album: MetadataCache, on_step: OnStep
) -> list[Group]:
    count = options.frame_count
    if count is not None:
        cuts = [pictures[start : start + count] for start in range(0, len(pictures), count)]
        return [(tuple(cut), f"frames {count} by {count}") for cut in cuts]
    if not pictures:
        return []
    pictures, times = _in_time(pictures)
    usual_gap = _usual_gap(times)
    if times is None and album.arrivals is not None:
        pictures, times = _as_they_came(pictures, album.arrivals)
        usual_gap = album.arrivals.gap_s
    if options.group == "time" and times is None:
        raise OptionError(
            f"no EXIF time in {pictures[0].path.parent}; group by auto, folder or count=N"
        )
    gap = options.gap if options.gap is not None else usual_gap
    groups: list[list[FrameFile]] = [[pictures[0]]]
    reasons = ["the first frame"]
    for place, (before, after) in enumerate(itertools.pairwise(pictures), 1):
        pause = None if times is None else times[place] - times[place - 1]
        reason = f"{pause:.0f} s later" if pause is not None and pause > gap else ""
        if not reason and options.group == "auto":
            reason = _differs(before, after) or _looks_other(before, after, album)
        if reason:
            groups.append([])
            reasons.append(reason)
        groups[-1].append(after)
        on_step("group", place + 1, len(pictures))
    return [(tuple(group), reason) for group, reason in zip(groups, reasons, strict=True)]


def _in_time(pictures: list[FrameFile]) -> tuple[list[FrameFile], list[float] | None]:
    """Sorted by time, with times; None where a readable frame, or every frame, has none."""
    readable = [each for each in pictures if each.info is not None]
    if not readable or any(each.shot.time_s is None for each in readable):
        return pictures, None
    # What cannot be read stays with the frame before it, whose stack it will be told with.
    times: list[float] = []
    first = min(each.shot.time_s or 0.0 for each in readable)
    for each in pictures:
        times.append(each.shot.time_s if each.shot.time_s is not None else (times or [first])[-1])
    order = sorted(range(len(pictures)), key=lambda place: (times[place], place))
    return [pictures[place] for place in order], [times[place] for place in order]


def _as_they_came(
    pictures: list[FrameFile], arrivals: Arrivals
) -> tuple[list[FrameFile], list[float]]:
    times = [arrivals.times.get(each.path, 0.0) for each in pictures]
    order = sorted(range(len(pictures)), key=lambda place: (times[place], place))
    return [pictures[place] for place in order], [times[place] for place in order]


def _usual_gap(times: list[float] | None) -> float:
    if times is None or len(times) < 2:
        return _SHORTEST_GAP_S
    usual = float(np.percentile(np.diff(times), _USUAL, method="lower"))
    return max(_SHORTEST_GAP_S, _TIMES_USUAL * usual)


def _differs(before: FrameFile, after: FrameFile) -> str:
    """Why two frames cannot be of one stack, as their headers tell; empty where they may be."""
    if before.info is None or after.info is None:
        return ""
    one, other = before.info, after.info
    if (one.height, one.width) != (other.height, other.width):
        return f"{other.width}×{other.height} after {one.width}×{one.height}"
    if one.dtype != other.dtype or one.channels != other.channels:
        return "another bit depth or colour"
    old, new = before.shot, after.shot
    if old.camera != new.camera:
        return "another camera"
    if old.f_number != new.f_number:
        return "another aperture"
    if old.iso != new.iso:
        return "another ISO speed"
    if old.focal_mm != new.focal_mm:
        return "another focal length"
    if old.exposure_s and new.exposure_s:
        ratio = new.exposure_s / old.exposure_s
        if max(ratio, 1 / ratio) > _EXPOSURE_FACTOR:
            return "another exposure time"
    return ""


def _looks_other(before: FrameFile, after: FrameFile, album: MetadataCache) -> str:
    one, other = album.thumbnail(before), album.thumbnail(after)
    if one is None or other is None or similarity(one, other) >= SMALLEST_SIMILARITY:
        return ""
    return "another scene"


def _opened(path: Path) -> FrameFile:
    try:
        sources = formats.open_frames(path)
        info = sources[0].info
    except (HyperfocalError, IndexError):
        # Told by the stack's row, when it is opened there.
        return FrameFile(path, None, 1, formats.capture_info(None))
    # Maker notes of ten thousand frames would fill the memory.
    shot, info = formats.capture_info(info.exif), dataclasses.replace(info, exif=None, icc=None)
    return FrameFile(path, info, len(sources), shot)


def _looked_at(picture: FrameFile) -> Thumbnail | None:
    if picture.info is None:
        return None
    try:
        return thumbnail_of(formats.open_frames(picture.path)[0].read())[0]
    except HyperfocalError:
        return None
