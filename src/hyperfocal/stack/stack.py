"""A stack: frames of one scene that can be read one after the other, as often as needed.

Opening looks at headers only and refuses what does not fit together; pixels are read lazily, one
frame ahead, and no more than two frames are kept.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import FormatError, StackError
from hyperfocal.frame import FrameInfo, Grey, Pixels, Samples, Source, to_grey, to_pixels
from hyperfocal.io import formats
from hyperfocal.io.scratch import Scratch

FrameLike: TypeAlias = str | os.PathLike[str] | NDArray[Any]
FramesLike: TypeAlias = "FrameLike | Iterable[FrameLike] | Stack"
_CHUNK = 256  # rows
_KEPT = 2  # frames; a pair is decoded once, and memory does not depend on the number of frames


@dataclass(frozen=True)
class ArraySource:
    """An array as a frame: (height, width) or (height, width, 1 or 3)."""

    info: FrameInfo
    samples: Samples

    def read(self) -> Samples:
        return self.samples


class Stack:
    """Frames of one size, depth and colour, in focus order. Close it, or use it in `with`."""

    def __init__(self, sources: Sequence[Source], ignored: tuple[str, ...] = ()):
        self.sources = sources
        self.ignored = ignored  # files of the folder that are no pictures
        self._kept: dict[int, Samples] = {}
        self._ahead: tuple[int, Future[Samples]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._spool: Scratch | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def info(self) -> FrameInfo:
        """Size, type and metadata of the first frame, which the result takes over."""
        return self.sources[0].info

    def name(self, index: int) -> str:
        """`frame 7 (IMG_0142.tif)`, as messages call it; frames count from 1 there."""
        return f"frame {index + 1} ({self.sources[index].info.name})"

    def read(self, index: int, rows: slice = slice(None), *, out: Pixels | None = None) -> Pixels:
        """These rows of a frame as pixels; raises StackError for NaN and infinite values.

        `out`, of their shape, may be used for them.
        """
        pixels = to_pixels(self._rows(index, rows), out)
        if self.info.dtype.kind == "f" and not np.isfinite(pixels).all():
            raise StackError(
                f"{self.name(index)} holds NaN or infinite values; replace them before fusing"
            )
        return pixels

    def grey(self, index: int, rows: slice = slice(None)) -> Grey:
        """BT.709 luma of these rows of a frame, made chunk by chunk to spare memory."""
        top, bottom, _ = rows.indices(self.info.height)
        grey = np.empty((bottom - top, self.info.width), np.float32)
        for start in range(top, bottom, _CHUNK):
            chunk = slice(start, min(bottom, start + _CHUNK))
            grey[start - top : chunk.stop - top] = to_grey(self.read(index, chunk))
        return grey

    def covered(self, index: int, rows: slice = slice(None)) -> NDArray[np.bool_] | None:
        """Where in these rows a frame has data of its own; None: everywhere."""
        covered = getattr(self.sources[index], "covered", None)
        return None if covered is None else covered(rows)

    def samples(self, index: int) -> Samples:
        """A frame as its file holds it."""
        if index not in self._kept:
            samples = self._taken(index)
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[index] = samples
        return self._kept[index]

    def load(self, index: int, *, then: int | None = None) -> None:
        """Have a frame at hand, and start to decode the one that is needed after it."""
        if self._spool is None:
            self.samples(index)
        elif index not in self._spool:
            self._spool.put(index, self._taken(index))
        if then is not None and then < len(self) and not self._is_at_hand(then):
            self._ahead = then, self._reader.submit(self._decoded, then)

    def _is_at_hand(self, index: int) -> bool:
        return index in self._kept or (self._spool is not None and index in self._spool)

    @property
    def is_spooled(self) -> bool:
        """Whether frames are kept on disk, as those of a film are."""
        return self._spool is not None

    def spool(self) -> None:
        """Keep decoded frames on disk from now on, because they will be read piece by piece."""
        if self._spool is None and any(not isinstance(s, ArraySource) for s in self.sources):
            self._spool = Scratch(self.info)

    def close(self) -> None:
        """Forget all frames, stop reading ahead, remove what was spooled."""
        self._reader.shutdown(cancel_futures=True)
        self._kept.clear()
        self._ahead = None
        if self._spool is not None:
            self._spool.close()

    def _rows(self, index: int, rows: slice) -> Samples:
        if self._spool is None:
            return self.samples(index)[rows]
        self.load(index)
        return self._spool.rows(index, rows)

    def _taken(self, index: int) -> Samples:
        """The frame that was read ahead, or else read now."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == index:
            return ahead[1].result()
        return self._decoded(index)

    def _decoded(self, index: int) -> Samples:
        info, samples = self.sources[index].info, self.sources[index].read()
        expected = (info.height, info.width, info.channels)
        if samples.shape != expected or samples.dtype != info.dtype:
            raise StackError(
                f"{self.name(index)} changed while it was read; fuse again when it is complete"
            )
        return samples


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


def natural_key(name: str) -> list[Any]:
    """Sorts img2 before img10: runs of digits compare as numbers."""
    parts = re.split(r"([0-9]+)", name.casefold())
    # In a list of its own, because `a` and `a2` part where one has its whole name.
    return [[int(part) if place % 2 else part for place, part in enumerate(parts)], name]


def absent_numbers(names: Sequence[str]) -> list[int]:
    """Numbers that a numbered series leaves out: `["a1.tif", "a2.tif", "a4.tif"]` -> `[3]`.

    Empty where names are no series, or leave out more numbers than they have.
    """
    split = [re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", Path(name).stem) for name in names]
    numbers = [int(match[2]) for match in split if match]
    if len(numbers) < len(names) or len({match[1] for match in split if match}) > 1:
        return []
    steps = [after - before for before, after in itertools.pairwise(sorted(numbers))]
    step = min(steps, default=0)
    if step < 1 or (max(numbers) - min(numbers)) // step > 2 * len(numbers):
        return []
    return sorted(set(range(min(numbers), max(numbers), step)) - set(numbers))


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
