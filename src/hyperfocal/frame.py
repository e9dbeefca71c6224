"""The vocabulary: what a frame is made of, and what is computed from it.

Samples are what a file holds, Pixels are what we compute with: float32, RGB, 0…1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[Any]  # (height, width, channels): uint8, uint16 or float32
Pixels: TypeAlias = NDArray[np.float32]  # (height, width, channels), 0…1
Grey: TypeAlias = NDArray[np.float32]  # (height, width), 0…1
FocusMap: TypeAlias = NDArray[np.float32]  # (height, width), ≥ 0, larger is sharper
Weight: TypeAlias = NDArray[np.float32]  # (height, width), 0…1
IndexMap: TypeAlias = NDArray[np.uint16]  # (height, width), the frame that a pixel comes from

_LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32)  # ITU-R BT.709


@dataclass(frozen=True)
class FrameInfo:
    """What is known of a frame before its pixels are read."""

    name: str  # file name, for messages
    height: int
    width: int
    channels: int  # 1 grey or 3 RGB
    dtype: np.dtype[Any]  # uint8, uint16 or float32
    icc: bytes | None = None  # colour profile, as the file has it
    exif: bytes | None = None  # TIFF-structured EXIF block, without an "Exif\0\0" prefix
    step_um: float | None = None  # distance to the next frame, where the file tells
    pixel_um: tuple[float, float] | None = None  # height and width of a pixel, where the file tells
    notices: tuple[str, ...] = ()  # what of the file is not in the samples: "transparency"
    remarks: tuple[str, ...] = ()  # sentences on the whole file: "a.mov has 10 bits, …"

    @property
    def peak(self) -> float:
        """The sample value that stands for 1.0."""
        return float(np.iinfo(self.dtype).max) if self.dtype.kind == "u" else 1.0

    @property
    def megapixels(self) -> float:
        return self.height * self.width / 1e6


class Source(Protocol):
    """A frame that can be read, as often as needed; `formats` and arrays provide it."""

    @property
    def info(self) -> FrameInfo: ...

    @property
    def path(self) -> Path | None:
        """The file it comes from; None for what lies in memory."""
        ...

    @property
    def is_sequential(self) -> bool:
        """Whether going back to an earlier frame of its file takes long, as in films."""
        ...

    def read(self) -> Samples | Pixels:
        """The whole frame, (height, width, channels).

        Samples of the dtype in `info`; or Pixels where they have been computed (resampled, say),
        which are rounded to samples only once, at the end.
        """
        ...

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        """Where it has data of its own in these rows, (rows, width); None: everywhere."""
        ...

    def matched(self, first: Source) -> Source:
        """The same frame, developed as `first` is where a program must develop it."""
        ...

    def require_room(self) -> None:
        """Raise FormatError where its file or this machine's memory cannot hold it."""
        ...


@dataclass(frozen=True)
class WrappedSource:
    """A source that changes something of what another reads, and nothing else."""

    source: Source

    @property
    def info(self) -> FrameInfo:
        return self.source.info

    @property
    def path(self) -> Path | None:
        return self.source.path

    @property
    def is_sequential(self) -> bool:
        return self.source.is_sequential

    def read(self) -> Samples | Pixels:
        return self.source.read()

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        return self.source.covered(rows)

    def matched(self, first: Source) -> Source:
        return replace(self, source=self.source.matched(first))

    def require_room(self) -> None:
        self.source.require_room()


def in_both(
    one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """Where both have data; None: everywhere."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def to_pixels(samples: Samples, out: Pixels | None = None) -> Pixels:
    """Samples on the scale 0…1; float samples keep their values. `out` may be used for them."""
    if samples.dtype.kind == "u":
        scale = np.float32(1 / np.iinfo(samples.dtype).max)
        return np.multiply(samples, scale, out=out, dtype=np.float32)
    return samples.astype(np.float32, copy=False)


def to_samples(pixels: Pixels, dtype: np.dtype[Any]) -> Samples:
    """The nearest samples of this type: clipped and rounded, never truncated."""
    if np.dtype(dtype).kind != "u":
        return pixels.astype(dtype, copy=False)
    peak = np.iinfo(dtype).max
    # Adding 0.5 and truncating rounds halves up, without the temporary of np.rint.
    scaled = pixels * np.float32(peak)
    scaled += np.float32(0.5)
    return np.clip(scaled, 0, peak, out=scaled).astype(dtype)


def to_grey(pixels: Pixels, out: Grey | None = None) -> Grey:
    """BT.709 luma of colour, the only channel of grey. `out` may be used for it."""
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[:, :, 0])
    return cv2.transform(pixels, _LUMA, out).reshape(pixels.shape[:2])
