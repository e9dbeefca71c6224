"""Frames that come from memory: NumPy's arrays, and what other libraries have in their place.

Arrays of dask, xarray, Zarr and h5py are read one frame at a time, when it is their turn; pictures
of PIL and tensors of torch are converted then. None of these libraries is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.scratch import Scratch, ScratchSource

_THIN = 32  # px; frames that are thinner are none, where there are many of them
_COLOURS = ("c", "channel", "band", "rgb")  # as xarray's axes are called
_MANY = 4  # times as many frames as a frame is thin


@dataclass(frozen=True)
class ArraySource:
    """An array as a frame: (height, width) or (height, width, 1 or 3)."""

    info: FrameInfo
    samples: Samples
    path: ClassVar[None] = None
    is_sequential: ClassVar[bool] = False

    def read(self) -> Samples:
        return self.samples

    def covered(self, rows: slice) -> None:
        return None

    def matched(self, first: Source) -> Source:
        return self

    def require_room(self) -> None:
        """It lies in memory already."""


@dataclass(frozen=True)
class LazySource(ArraySource):
    """Something that becomes an array when the frame is read, and is let go of then."""

    given: Any = None

    def read(self) -> Samples:
        return _checked(_in_memory(self.given), self.info.name)


def is_array(frame: Any) -> bool:
    """Whether it is an array, or can be made one: of dask, xarray, Zarr, torch, PIL."""
    if isinstance(frame, str | os.PathLike):
        return False
    is_like = hasattr(frame, "__array__") or hasattr(frame, "__array_interface__")
    return isinstance(frame, np.ndarray) or is_like or _is_tensor(frame)


def frames_of(array: Any) -> list[Any]:
    """The frames of an array, along its first axis, or those whose names xarray knows.

    Raises StackError for one that can hold a single frame only.
    """
    array = _in_order(array)
    shape = tuple(getattr(array, "shape", ()))
    if len(shape) < 3:
        what = f"an array of shape {shape}" if shape else type(array).__name__
        raise StackError(
            f"{what} is one frame at most; give a list of them, or (frames, height, width) or "
            "(frames, height, width, 3)"
        )
    # Not `iter`, which tensors and arrays of other libraries have their own ideas of.
    return [array[place] for place in range(shape[0])]


def _in_order(array: Any) -> Any:
    """An array of xarray with its axes in our order: any others, y, x, colours."""
    names = [str(name) for name in getattr(array, "dims", ())]
    if not {"y", "x"} <= set(names) or not hasattr(array, "transpose"):
        return array
    colours = [name for name in names if name in _COLOURS]
    others = [name for name in names if name not in ("y", "x", *colours)]
    return array.transpose(*others, "y", "x", *colours)


def array_source(frame: Any, place: int) -> ArraySource:
    """An array as a frame; raises StackError where it is none."""
    name = f"array {place + 1}"
    if isinstance(frame, np.ndarray):
        samples = _checked(frame, name)
        return ArraySource(_info(name, samples.shape, samples.dtype), samples)
    if not (hasattr(frame, "shape") and hasattr(frame, "dtype")) or _is_tensor(frame):
        # Already in memory, and its type is known only when it is converted.
        samples = _checked(_in_memory(frame), name)
        info = _info(name, samples.shape, samples.dtype)
        return ArraySource(replace(info, icc=_profile_of(frame)), samples)
    dtype = _dtype(np.dtype(frame.dtype), name)
    shape = _shape(tuple(int(side) for side in frame.shape), name)
    return LazySource(_info(name, shape, dtype), np.empty(0), frame)


def spooled(sources: Iterable[ArraySource]) -> Iterator[Source]:
    """Arrays of an iterator, which gives each but once, on scratch, so that memory does not grow.

    Raises StackError for an array of another size or type than the first.
    """
    scratch: Scratch | None = None
    first: FrameInfo | None = None
    for number, source in enumerate(sources):
        info = source.info
        if scratch is None or first is None:
            scratch, first = Scratch(info), info
            scratch.close_when_forgotten()
        if _kind(info) != _kind(first):
            raise StackError(f"{info.name} is {_kind(info)}, the first is {_kind(first)}")
        scratch.put(number, np.ascontiguousarray(source.read()))
        yield ScratchSource(info, scratch, number)


def doubts(sources: list[Source]) -> list[str]:
    """A line where arrays look as if frames were counted along another axis than the first."""
    arrays = [source.info for source in sources if isinstance(source, ArraySource)]
    if not arrays or len(arrays) != len(sources):
        return []
    info = arrays[0]
    side = min(info.height, info.width)
    if side >= _THIN or len(arrays) < _MANY * side:
        return []
    return [
        f"{len(arrays)} frames of {info.height} rows and {info.width} columns are an odd stack; "
        "frames are counted along the first axis: np.moveaxis(array, -1, 0) brings the last there"
    ]


def _in_memory(frame: Any) -> NDArray[Any]:
    if _is_tensor(frame):
        return np.asarray(frame.detach().cpu().numpy())
    if getattr(frame, "mode", None) in ("P", "1", "PA") and hasattr(frame, "convert"):
        # A palette's numbers are no colours.
        return np.asarray(frame.convert("L" if frame.mode == "1" else "RGB"))
    return np.asarray(frame)


def _is_tensor(frame: Any) -> bool:
    return all(hasattr(frame, name) for name in ("detach", "cpu", "numpy", "shape"))


def _profile_of(frame: Any) -> bytes | None:
    told = getattr(frame, "info", None)
    return told.get("icc_profile") if isinstance(told, dict) else None


def _checked(frame: NDArray[Any], name: str) -> Samples:
    dtype, shape = _dtype(frame.dtype, name), _shape(frame.shape, name)
    return np.asarray(frame).reshape(shape).astype(dtype, copy=False)


def _shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    with_channels = (*shape, 1) if len(shape) == 2 else shape
    if len(with_channels) == 3 and with_channels[2] in (1, 3) and 0 not in with_channels:
        return with_channels
    hint = ""
    if len(shape) == 3 and shape[0] in (1, 3):
        hint = "; channels come last: np.moveaxis(array, 0, -1), or tensor.permute(1, 2, 0)"
    raise StackError(
        f"{name} has shape {shape}; give (height, width) or (height, width, 1 or 3){hint}"
    )


def _dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    if dtype.kind == "f":
        return np.dtype(np.float32)
    if dtype not in (np.uint8, np.uint16):
        raise StackError(f"{name} is of type {dtype}; give uint8, uint16 or float")
    return dtype.newbyteorder("=")


def _info(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FrameInfo:
    return FrameInfo(name, shape[0], shape[1], shape[2], dtype)


def _kind(info: FrameInfo) -> str:
    return f"{info.height}×{info.width}×{info.channels} {info.dtype}"
