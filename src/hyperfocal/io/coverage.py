"""Where frames are transparent they have no data: which places those are, and what is put there.

Masks are kept on disk, a bit a pixel, so that memory does not grow with the number of frames. A
place that one frame lacks and another has is filled with what lies beside it in the frame, blurred,
so that nothing sharp is there and no edge; `covered` says where that is. Places that no frame has
stay as they are stored (a subject that was cut out stands on black), unless they are few: then they
are filled too.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from typing import BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Samples
from hyperfocal.io.work_folders import temporary

Mask = NDArray[np.bool_]  # (height, width)

SEAM = 8  # px beside filled places where a focus measure may see the seam
_FEW = 0.1  # of the picture; so little are borders that another program's alignment left
_LONGEST = 1024  # px of the picture that means are made from
_LEAST = np.float32(1e-3)  # weight below which a mean says nothing


class Coverage:
    """What frames of one size have, by their numbers; those never added have all."""

    def __init__(self, height: int, width: int):
        self._shape = height, width
        self._row = -(-width // 8)
        self._file = _nameless()
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}
        self.anywhere: Mask = np.zeros(self._shape, bool)  # where any frame has data

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def add(self, number: int, mask: Mask | None) -> None:
        """A frame's own places; None or a full mask: it has all."""
        if mask is None or mask.all():
            self.anywhere[:] = True
            return
        self.anywhere |= mask
        self._places[number] = len(self._places)
        self._file.seek(0, 2)
        self._file.write(np.packbits(mask, axis=1).data)

    def lacks(self, number: int) -> bool:
        """Whether a frame has no data somewhere where another has."""
        return number in self and bool((self.anywhere & ~self._mask(number, 0, None)).any())

    @property
    def lacking(self) -> float:
        """The share of the picture that no frame has."""
        return 1 - float(self.anywhere.mean())

    def covered(self, number: int, rows: slice) -> Mask | None:
        """Where a frame need not be filled in these rows, seam excluded; None: everywhere."""
        if number not in self:
            return None
        top, bottom, _ = rows.indices(self._shape[0])
        first, last = max(0, top - SEAM), min(self._shape[0], bottom + SEAM)
        beyond = self.anywhere[first:last] & ~self._mask(number, first, last)
        kernel = np.ones((2 * SEAM + 1, 2 * SEAM + 1), np.uint8)
        near: Mask = cv2.dilate(beyond.view(np.uint8), kernel).view(bool)
        return ~near[top - first : bottom - first]

    def completed(self, number: int, samples: Samples) -> Samples:
        """A frame whose places without data are filled."""
        if number not in self:
            return samples
        mask = self._mask(number, 0, None)
        wanted = ~mask if self.lacking <= _FEW else self.anywhere & ~mask
        return filled(samples, mask, wanted) if wanted.any() else samples

    def _mask(self, number: int, top: int, bottom: int | None) -> Mask:
        bottom = self._shape[0] if bottom is None else bottom
        start = (self._places[number] * self._shape[0] + top) * self._row
        with self._lock:
            self._file.seek(start)
            packed = np.frombuffer(self._file.read((bottom - top) * self._row), np.uint8)
        rows = packed.reshape(bottom - top, self._row)
        return np.unpackbits(rows, axis=1, count=self._shape[1]).view(bool)


def _nameless() -> BinaryIO:
    """A file that is gone when it is closed, or when the process is killed, where there is such."""
    if os.name == "nt":
        return cast(BinaryIO, tempfile.TemporaryFile(prefix="hyperfocal-", dir=temporary()))
    # Not `TemporaryFile`, which opens the folder of all users' files itself.
    number, name = tempfile.mkstemp(prefix="hyperfocal-", dir=temporary())
    os.unlink(name)
    return cast(BinaryIO, os.fdopen(number, "w+b"))


def filled(samples: Samples, mask: Mask, wanted: Mask) -> Samples:
    """The samples, and in the wanted places a mean of those nearest to them that the mask has.

    Weighted means of ever larger surroundings, the smallest that holds samples counts (pull-push:
    Gortler and others, The Lumigraph, 1996); made from a smaller picture, for they are blurred.
    """
    height, width, channels = samples.shape
    scale = min(1.0, _LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    known = np.where(mask[:, :, None], samples, samples.dtype.type(0))
    small = cv2.resize(known, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    weight = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    smooth = _pushed(small.reshape(*weight.shape, channels), weight)
    if samples.dtype.kind == "u":
        smooth = np.rint(smooth).clip(0, np.iinfo(samples.dtype).max)
    wide = cv2.resize(smooth.astype(samples.dtype), (width, height))
    return np.where(wanted[:, :, None], wide.reshape(samples.shape), samples)


def _pushed(colours: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of the colours, which are weighted already, as fine as their weights allow."""
    channels = colours.shape[2]
    means = np.empty_like(colours)
    np.divide(colours, np.maximum(weight, _LEAST)[:, :, None], out=means)
    if weight.min() >= _LEAST or max(weight.shape) == 1:
        return means
    smaller = cv2.pyrDown(colours).reshape(*(-(-side // 2) for side in weight.shape), channels)
    below = _pushed(smaller, cv2.pyrDown(weight))
    height, width = weight.shape
    coarse = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR)
    coarse = coarse.reshape(height, width, channels)
    share = np.minimum(weight, np.float32(1)) * (weight >= _LEAST)
    coarse += share[:, :, None] * (means - coarse)
    return coarse
