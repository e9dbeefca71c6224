"""Samples and maps as eyes see them: 8 bit, sRGB, and the few full-size ones that are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal import visualisation
from hyperfocal.frame import FrameInfo, Pixels, Samples, to_samples
from hyperfocal.studio.tiles import Pyramid, Rgb

_STRIP = 256  # rows
_RIM = 16  # rows that a relief looks at beyond its own
BUDGET = 192 << 20  # bytes of pyramids that are kept


class Kept:
    """The last pyramids within a budget; one is made by one thread while others wait for it."""

    def __init__(self, budget: int = BUDGET):
        self._budget = budget
        self._held: OrderedDict[Hashable, Pyramid] = OrderedDict()
        self._lock = threading.Lock()
        # A decoded frame and its pyramid are the largest things in the studio: one at a time.
        self.making = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], Pyramid]) -> Pyramid:
        """The pyramid of that key, made if it is not there."""
        found = self._found(key)
        if found is not None:
            return found
        with self.making:
            found = self._found(key)
            if found is not None:
                return found
            made = make()
            with self._lock:
                self._held[key] = made
                while len(self._held) > 1 and self.bytes > self._budget:
                    self._held.popitem(last=False)
        return made

    @property
    def bytes(self) -> int:
        return sum(pyramid.bytes for pyramid in self._held.values())

    def has(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._held

    def drop(self, start: Hashable) -> None:
        """Forget all of a stack: keys are tuples that begin with it."""
        with self._lock:
            for key in [key for key in self._held if isinstance(key, tuple) and key[0] == start]:
                del self._held[key]

    def _found(self, key: Hashable) -> Pyramid | None:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key]


def rounded(read: Samples | Pixels, info: FrameInfo) -> Samples:
    """What a source gave, as samples: those that were computed come as pixels."""
    return read if read.dtype == info.dtype else to_samples(read, info.dtype)


def visible(samples: Samples, icc: bytes | None, black: float = 0.0, white: float = 1.0) -> Rgb:
    """Samples of any type as 8 bit sRGB; what lies at `black` becomes 0, at `white` 255."""
    height, width = samples.shape[:2]
    peak = float(np.iinfo(samples.dtype).max) if samples.dtype.kind == "u" else 1.0
    is_plain = samples.dtype == np.uint8 and black == 0 and white == 1
    shown = np.empty((height, width, 3), np.uint8)
    scale = np.float32(255 / (peak * max(1e-6, white - black)))
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        part = samples[rows].reshape(-1, width, samples.shape[2] if samples.ndim == 3 else 1)
        if not is_plain:
            values = (part.astype(np.float32) - np.float32(black * peak)) * scale
            part = np.clip(np.nan_to_num(values) + np.float32(0.5), 0, 255).astype(np.uint8)
        shown[rows] = part  # one channel becomes three
    if icc is not None and samples.shape[-1] == 3:
        shown = _in_srgb(shown, icc)
    return shown


def _in_srgb(shown: Rgb, icc: bytes) -> Rgb:
    """The colours of a profile as a screen takes them; unchanged where the profile is unusable."""
    from hyperfocal.io.metadata.profiles import is_srgb

    if is_srgb(icc):
        return shown
    import imagecodecs

    try:
        srgb = imagecodecs.cms_profile("srgb")
        return np.ascontiguousarray(imagecodecs.cms_transform(shown, icc, srgb, outdtype="uint8"))
    # A damaged profile is no reason to show nothing.
    except Exception:
        return shown


def decision_picture(index: NDArray[np.uint16], frame_count: int) -> Rgb:
    """Which frame each pixel comes from, a colour for each."""
    return _in_strips(
        index, lambda part: visualisation.decision_view(part, frame_count=frame_count)
    )


def depth_picture(depth: NDArray[np.float32], frame_count: int) -> Rgb:
    """The depth, in frames, as a relief."""
    return _in_strips(depth, lambda part: visualisation.relief_view(part, frame_count=frame_count))


def confidence_picture(confidence: NDArray[np.float32]) -> Rgb:
    """How sure the decision is, white where it is most sure."""
    return _in_strips(confidence, visualisation.confidence_view)


def _in_strips(values: NDArray[Any], view: Callable[[Any], Rgb]) -> Rgb:
    """A view made strip by strip: what it holds between is larger than what it gives."""
    height = values.shape[0]
    shown = np.empty((*values.shape, 3), np.uint8)
    for top in range(0, height, _STRIP):
        first, last = max(0, top - _RIM), min(height, top + _STRIP + _RIM)
        part = view(np.ascontiguousarray(values[first:last]))
        shown[top : top + _STRIP] = part[top - first : top - first + _STRIP]
    return shown


def small(picture: Rgb, longest: int) -> Rgb:
    """The picture with no side longer than that."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    if scale == 1:
        return picture
    size = [max(1, round(side * scale)) for side in reversed(picture.shape[:2])]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
