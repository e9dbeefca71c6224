"""Decoded frames on disk: so that a picture made in several tiles decodes each frame once.

The folder lies in the system's temporary one and goes away with the spool, also after an error or
Ctrl-C; where the process is killed, with the next run.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.work_folders import WorkFolder


def scratch_folder() -> WorkFolder:
    """A new folder in the system's temporary one; raises StackError where there can be none."""
    try:
        return WorkFolder()
    except OSError as error:
        raise StackError(
            f"no scratch folder can be made ({error.strerror or error}); free space, or set TMPDIR "
            "to a larger disk"
        ) from error


@contextlib.contextmanager
def filling(folder: WorkFolder, what: str) -> Iterator[None]:
    """What the system refuses while `what` is written there becomes one StackError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "write failed"
        raise StackError(
            f"scratch folder {folder.path} cannot hold {what} ({reason}); "
            "free space, set TMPDIR to a larger disk, or give more memory (--memory)"
        ) from error


class Scratch:
    """Frames of one size and type, written whole and read by rows."""

    def __init__(self, info: FrameInfo):
        self._shape = (info.height, info.width, info.channels)
        self._dtypes: dict[int, np.dtype[Any]] = {}  # of samples, or of pixels that were computed
        self._folder = scratch_folder()

    def __contains__(self, index: int) -> bool:
        return self._path(index).exists()

    def put(self, index: int, samples: Samples) -> None:
        """Keep a frame; raises StackError where the disk is full."""
        path = self._path(index)
        self._dtypes[index] = samples.dtype
        with filling(self._folder, f"decoded frames of {samples.nbytes / 2**30:.1f} GiB"):
            samples.tofile(path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)

    def rows(self, index: int, rows: slice) -> Samples:
        """These rows of a frame."""
        height, width, channels = self._shape
        top, bottom, _ = rows.indices(height)
        line = width * channels
        dtype = self._dtypes[index]
        samples = np.fromfile(
            self._path(index),
            dtype,
            count=(bottom - top) * line,
            offset=top * line * dtype.itemsize,
        )
        return samples.reshape(bottom - top, width, channels)

    def close(self) -> None:
        """Remove everything."""
        self._folder.close()

    def close_when_forgotten(self) -> None:
        """Remove everything when nobody has it any more: for frames that come without a stack."""
        weakref.finalize(self, self._folder.close)

    def _path(self, index: int) -> Path:
        return self._folder.path / f"{index}.raw"


@dataclass(frozen=True)
class ScratchSource:
    """A frame that lies on scratch, because it cannot be had again from where it came."""

    info: FrameInfo
    scratch: Scratch
    index: int
    path: ClassVar[None] = None
    is_sequential: ClassVar[bool] = False

    def read(self) -> Samples:
        return self.scratch.rows(self.index, slice(None))

    def covered(self, rows: slice) -> None:
        return None

    def matched(self, first: Source) -> Source:
        return self

    def require_room(self) -> None:
        """It was in memory before."""
