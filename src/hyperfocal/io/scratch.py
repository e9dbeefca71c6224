"""Decoded frames on disk: so that a picture made in several tiles decodes each frame once.

The folder is the system's temporary one and goes away with the spool, also after an error or
Ctrl-C.
"""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Samples, Source


class Scratch:
    """Frames of one size and type, written whole and read by rows."""

    def __init__(self, info: FrameInfo):
        self._shape = (info.height, info.width, info.channels)
        self._dtypes: dict[int, np.dtype[Any]] = {}  # of samples, or of pixels that were computed
        self._folder = tempfile.TemporaryDirectory(prefix="hyperfocal-")

    def __contains__(self, index: int) -> bool:
        return self._path(index).exists()

    def put(self, index: int, samples: Samples) -> None:
        """Keep a frame; raises StackError where the disk is full."""
        path = self._path(index)
        self._dtypes[index] = samples.dtype
        try:
            samples.tofile(path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
        except OSError as error:
            needed = samples.nbytes / 2**30
            raise StackError(
                f"scratch folder {self._folder.name} cannot hold decoded frames "
                f"({error.strerror or 'write failed'}; {needed:.1f} GiB a frame); free space, set "
                "TMPDIR to a larger disk, or give more memory (--memory)"
            ) from error

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
        self._folder.cleanup()

    def close_when_forgotten(self) -> None:
        """Remove everything when nobody has it any more: for frames that come without a stack."""
        weakref.finalize(self, self._folder.cleanup)

    def _path(self, index: int) -> Path:
        return Path(self._folder.name) / f"{index}.raw"


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
