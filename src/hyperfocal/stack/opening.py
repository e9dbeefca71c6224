"""Opening a stack: which files are its frames, and what does not fit among them.

Looks at headers only.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import FormatError, StackError
from hyperfocal.frame import FrameInfo, Source
from hyperfocal.io import formats
from hyperfocal.stack.stack import ArraySource, FrameLike, FramesLike, Stack, natural_key


def open_stack(frames: FramesLike, *, exclude: Iterable[Path] = (), fewest: int = 2) -> Stack:
    """The stack of a folder, of files, or of arrays; `fewest` frames at least, headers read only.

    The pictures of a folder or of a pattern (`stack/*.tif`) are sorted naturally (2 before 10);
    of a folder, `exclude` (outputs of an earlier run, say) is left out, and so are RAW files, films
    and arrays where there are other pictures. A list keeps its order.
    Arrays are uint8, uint16 or float (0…1). A Stack comes back as it is.
    Raises FormatError for what cannot be read, StackError for what does not fit together.
    """
    if isinstance(frames, Stack):
        return frames
    sources, ignored = _sources(frames, {path.absolute() for path in exclude})
    if len(sources) < fewest:
        found = f"only one frame ({sources[0].info.name})" if sources else "no frame"
        raise StackError(f"{found} in {_told(frames)}; fusing takes two or more")
    if len(sources) > np.iinfo(np.uint16).max:
        raise StackError(f"{len(sources)} frames are more than 65535; fuse them in parts")
    _require_alike(sources)
    sources = formats.matched(sources)
    # A cut frame is found now, not after an hour of work on those before it.
    for path in dict.fromkeys(source.path for source in sources if hasattr(source, "path")):
        formats.require_whole(path)
    # Frames are alike, so the first tells whether they fit into memory.
    formats.require_readable(sources[0])
    stack = Stack(sources, ignored)
    if any(getattr(source, "is_sequential", False) for source in sources):
        stack.spool()
    return stack


def _sources(
    frames: FrameLike | Iterable[FrameLike], exclude: set[Path]
) -> tuple[list[Source], tuple[str, ...]]:
    if isinstance(frames, str | os.PathLike):
        frames = [frames]
    # An array of frames is a sequence of arrays already.
    sources: list[Source] = []
    ignored: list[str] = []
    for place, frame in enumerate(frames):
        if isinstance(frame, np.ndarray):
            sources.append(_array_source(frame, place))
            continue
        path, selection = formats.split(os.fspath(frame))
        try:
            known, others = _files(path, exclude)
        except OSError as error:
            raise FormatError(
                f"{path} cannot be read: {error.strerror}; check its name and permissions"
            ) from error
        sources += [source for file in known for source in formats.open_frames(file, selection)]
        ignored += others
    return sources, tuple(ignored)


def _files(path: Path, exclude: set[Path]) -> tuple[list[Path], list[str]]:
    if path.is_dir() and not formats.is_folder(path):
        return listed(path, exclude)
    if not path.exists() and glob.has_magic(str(path)):
        return sorted((Path(found) for found in glob.glob(str(path))), key=_by_name), []
    return [path], []


def listed(folder: Path, exclude: set[Path]) -> tuple[list[Path], list[str]]:
    """The pictures of a folder in natural order, and the names of its other files."""
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    # A link that leads nowhere is a missing frame, and opening it will say so.
    files = [
        path
        for path in files
        if path.is_file() or not path.exists() or formats.is_folder(path)
        if path.absolute() not in exclude
    ]
    known = sorted((path for path in files if formats.is_known(path)), key=_by_name)
    pictures = [path for path in known if not formats.is_secondary(path)]
    known = pictures or known
    return known, sorted({path.name for path in files} - {path.name for path in known})


def _by_name(path: Path) -> list[Any]:
    return natural_key(path.name)


def _array_source(frame: NDArray[Any], place: int) -> ArraySource:
    name = f"array {place + 1}"
    samples = frame[:, :, None] if frame.ndim == 2 else frame
    if samples.ndim != 3 or samples.shape[2] not in (1, 3) or 0 in samples.shape:
        raise StackError(
            f"{name} has shape {frame.shape}; give (height, width) or (height, width, 1 or 3)"
        )
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    elif samples.dtype not in (np.uint8, np.uint16):
        raise StackError(f"{name} is of type {samples.dtype}; give uint8, uint16 or float")
    height, width, channels = samples.shape
    return ArraySource(FrameInfo(name, height, width, channels, samples.dtype), samples)


def _require_alike(sources: Sequence[Source]) -> None:
    first = sources[0].info
    for place, source in enumerate(sources[1:], 2):
        info = source.info
        who = f"frame {place} ({info.name})"
        if (info.height, info.width) != (first.height, first.width):
            raise StackError(
                f"{who} is {info.width}×{info.height}, the stack is "
                f"{first.width}×{first.height}; remove it or bring all frames to one size"
            )
        if info.dtype != first.dtype:
            raise StackError(
                f"{who} has {info.dtype} samples, the stack has {first.dtype}; "
                "convert the frames to one bit depth"
            )
        if info.channels != first.channels:
            kinds = {1: "grey", 3: "in colour"}
            raise StackError(
                f"{who} is {kinds[info.channels]}, the stack is {kinds[first.channels]}; "
                "convert the frames to one kind"
            )


def _told(frames: FramesLike) -> str:
    return str(frames) if isinstance(frames, str | os.PathLike) else "what was given"
