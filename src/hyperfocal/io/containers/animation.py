"""Moving pictures made of patches, as GIF, PNG and WebP have them; a frame is what one sees.

Each patch is a picture of its own, put on what those before it left. Going back means starting
again, so that a stack keeps what it has read on disk.
GIF89a, section 23; Portable Network Graphics, third edition, section 11.3.6; RFC 9649, section 2.7.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Samples
from hyperfocal.io.limits import LARGEST_PICTURE

Disposal = Literal["keep", "clear", "restore"]


class Patch(NamedTuple):
    """A part of the picture that changes, by where it is put and what becomes of it afterwards."""

    content: Any  # whatever the format finds it by
    top: int
    left: int
    height: int
    width: int
    is_blended: bool  # else it takes the place of what was there, transparent or not
    disposal: Disposal


@dataclass
class Animation:
    """The frames of a file in their order; safe to read from several threads."""

    path: Path
    shape: tuple[int, int, int]  # the last is that of colours and alpha
    dtype: np.dtype[Any]
    patches: Sequence[Patch]
    decode: Callable[[Path, Any], Samples]  # of a patch's content, with alpha
    _canvas: Samples | None = None
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def decoders(self) -> list[Callable[[Path], Samples]]:
        """For each frame what a source needs."""
        return [partial(_frame, animation=self, index=index) for index in range(len(self.patches))]

    def frame(self, index: int) -> Samples:
        """(height, width, colours and alpha) of the whole picture."""
        with self._lock:
            if self._canvas is None or index < self._next:
                self._canvas, self._next = np.zeros(self.shape, self.dtype), 0
            shown = self._canvas
            while self._next <= index:
                patch = self.patches[self._next]
                shown = self._shown(self._canvas, patch)
                self._canvas = self._left(self._canvas, shown, patch)
                self._next += 1
            return shown

    def _shown(self, canvas: Samples, patch: Patch) -> Samples:
        # It may hang over, but not by more than a picture.
        if patch.height * patch.width > max(self.shape[0] * self.shape[1], LARGEST_PICTURE * 1e6):
            raise ValueError(f"one of its pictures has {patch.width}×{patch.height} pixels")
        samples = self.decode(self.path, patch.content)
        if samples.shape != (patch.height, patch.width, self.shape[2]):
            raise ValueError("one of its pictures has another size than it says")
        shown = canvas.copy()
        place = shown[_inside(patch)]
        # Some files let a patch hang over.
        samples = samples[: place.shape[0], : place.shape[1]]
        place[...] = _over(samples, place) if patch.is_blended else samples
        return shown

    def _left(self, before: Samples, shown: Samples, patch: Patch) -> Samples:
        if patch.disposal == "restore":
            return before
        if patch.disposal == "clear":
            shown = shown.copy()
            shown[_inside(patch)] = 0
        return shown


def with_alpha(samples: Samples, channels: int) -> Samples:
    """A decoded picture with its alpha, opaque where it has none."""
    if samples.ndim == 2:
        samples = samples[:, :, np.newaxis]
    if samples.shape[2] > channels:
        return samples[:, :, : channels + 1]
    opaque = np.full_like(samples[:, :, :1], np.iinfo(samples.dtype).max)
    return np.concatenate([samples, opaque], axis=2)


def _frame(path: Path, *, animation: Animation, index: int) -> Samples:
    return animation.frame(index)


def _inside(patch: Patch) -> tuple[slice, slice]:
    rows = slice(patch.top, patch.top + patch.height)
    return rows, slice(patch.left, patch.left + patch.width)


def _over(samples: Samples, below: Samples) -> NDArray[Any]:
    """Samples on what was there, by their alpha."""
    peak = np.iinfo(samples.dtype).max
    opacity = samples[:, :, -1:] / np.float32(peak)
    rest = below[:, :, -1:] / np.float32(peak) * (1 - opacity)
    alpha = opacity + rest
    mixed = samples[:, :, :-1] * opacity + below[:, :, :-1] * rest
    mixed /= np.maximum(alpha, np.float32(1e-9))
    result = np.concatenate([mixed, alpha * np.float32(peak)], axis=2)
    # Exactly, wherever nothing is mixed; colours that nobody sees stay what they are.
    is_mixed = (opacity < 1) & (alpha > 0)
    return np.where(is_mixed, np.rint(result).astype(samples.dtype), samples)
