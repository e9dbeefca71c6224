"""A stack: frames of one scene that can be read one after the other, as often as needed.

Pixels are read lazily, one frame ahead, and no more than two frames are kept.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Grey, Pixels, Samples, Source, to_grey, to_pixels
from hyperfocal.io.scratch import Scratch
from hyperfocal.stack.arrays import ArraySource, LazySource


class ArrayLike(Protocol):
    """What can become an array: of NumPy, dask, xarray, Zarr, h5py, torch, PIL."""

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray[Any]: ...


FrameLike: TypeAlias = str | os.PathLike[str] | NDArray[Any] | ArrayLike
FramesLike: TypeAlias = "FrameLike | Iterable[FrameLike] | Stack"
_CHUNK = 256  # rows
_TINY = 1 << 18  # bytes of a frame
_KEPT = 2  # frames; a pair is decoded once, and memory does not depend on the number of frames


class Stack:
    """Frames of one size, depth and colour, in focus order. Close it, or use it in `with`."""

    def __init__(self, sources: Sequence[Source], ignored: tuple[str, ...] = ()):
        self.sources = sources
        self.ignored = ignored  # files of the folder that are no pictures
        self._kept: dict[int, Samples] = {}
        self._ahead: tuple[int, Future[Samples]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._spool: Scratch | None = None
        self._is_spool_optional = False

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

    @property
    def paths(self) -> list[Path]:
        """The files of its frames, each once."""
        return list({path: None for source in self.sources if (path := source.path) is not None})

    def append(self, source: Source) -> None:
        """One frame more, of the size, depth and colour of the others."""
        self.sources = [*self.sources, source]

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
        return self.sources[index].covered(rows)

    def samples(self, index: int) -> Samples | Pixels:
        """A frame as its source gives it."""
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
            self._put(index, self._taken(index))
        is_next = then is not None and then < len(self) and not self._is_at_hand(then)
        # To hand over a tiny frame takes longer than to decode it.
        if then is not None and is_next and self._frame_bytes >= _TINY:
            # Without room for a thread, frames are decoded when they are needed.
            with contextlib.suppress(RuntimeError):
                self._ahead = then, self._reader.submit(self._decoded, then)

    def _put(self, index: int, samples: Samples | Pixels) -> None:
        assert self._spool is not None
        try:
            self._spool.put(index, samples)
        except StackError:
            if not self._is_spool_optional:
                raise
            # Only to save time: without it, frames are decoded again.
            self._spool.close()
            self._spool = None
            self._kept = {index: samples}

    def _is_at_hand(self, index: int) -> bool:
        return index in self._kept or (self._spool is not None and index in self._spool)

    @property
    def _frame_bytes(self) -> int:
        info = self.info
        return info.height * info.width * info.channels * info.dtype.itemsize

    @property
    def is_spooled(self) -> bool:
        """Whether frames are kept on disk, as those of a film are."""
        return self._spool is not None

    def spool(self) -> None:
        """Keep decoded frames on disk from now on, because they will be read piece by piece."""
        self._is_spool_optional = False
        if self._spool is None and any(map(_is_decoded, self.sources)):
            self._spool = Scratch(self.info)

    def spool_if_room(self, memory_bytes: int) -> None:
        """Keep decoded frames on disk where all of them, as pixels, are within so many bytes.

        They then lie in the system's cache: each is decoded and resampled once, not at each pass.
        """
        held = len(self) * self.info.height * self.info.width * self.info.channels * 4
        if self._spool is None and held <= memory_bytes:
            self.spool()
            self._is_spool_optional = True

    def close(self) -> None:
        """Forget all frames, stop reading ahead, remove what was spooled."""
        self._reader.shutdown(cancel_futures=True)
        self._kept.clear()
        self._ahead = None
        if self._spool is not None:
            self._spool.close()

    def _rows(self, index: int, rows: slice) -> Samples:
        if self._spool is not None:
            self.load(index)
        if self._spool is None:
            return self.samples(index)[rows]
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
        if samples.shape != expected or samples.dtype not in (info.dtype, np.float32):
            raise StackError(
                f"{self.name(index)} changed while it was read; fuse again when it is complete"
            )
        return samples


def _is_decoded(source: Source) -> bool:
    """Whether a frame has to be read from elsewhere than memory."""
    return not isinstance(source, ArraySource) or isinstance(source, LazySource)


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
