"""NumPy's .npy: one frame (height, width[, 1 or 3]) or a stack (frames, height, width[, 1 or 3]).

The file is memory-mapped, so that a stack is read frame by frame. A last axis of 1 or 3 is colour:
(height, width, 3) is one frame. Carries samples alone, no metadata; objects are never unpickled.
NumPy enhancement proposal 1.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples, Source
from hyperfocal.io.files import reading, require_dtype, require_signature, writing
from hyperfocal.io.limits import require_frame_count
from hyperfocal.io.sources import source

SUFFIXES = (".npy",)
SIGNATURES = (b"\x93NUMPY",)
DTYPES = ("uint8", "uint16", "float32")
METADATA: tuple[str, ...] = ()
IS_SECONDARY = True


def open(path: Path) -> list[Source]:
    """The frame or frames of the array, from its header alone."""
    require_signature(path, SIGNATURES, "NPY")
    with reading(path):
        shape, _, dtype = _header(path)
    stack_shape = _stack_shape(path, shape)
    if dtype.name not in DTYPES:
        raise FormatError(f"{path} holds {dtype.name}; save it as uint8, uint16 or float32 (0…1)")
    count, height, width, channels = stack_shape
    # Before there is an object for each frame, because the header may declare anything.
    with reading(path):
        if count > 1 and not is_whole(path):
            raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    require_frame_count(path, count)
    sources: list[Source] = []
    for index in range(count):
        name = path.name if count == 1 else f"{path.name}[{index}]"
        stored = FrameInfo(name, height, width, channels, np.dtype(dtype.name))
        sources.append(source(path, stored, partial(_decode, shape=stack_shape, index=index)))
    return sources


def save(path: Path, samples: Samples, like: FrameInfo) -> None:
    """Write exactly these samples; grey ones as (height, width)."""
    require_dtype(path, samples, DTYPES, "NPY")
    shown = samples[:, :, 0] if samples.shape[2] == 1 else samples
    with writing(path), path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(shown), allow_pickle=False)
        # tofile may put a full disk off until the file is closed.
        file.flush()


def is_whole(path: Path) -> bool:
    """Whether the file is as long as its header says."""
    shape, data_offset, dtype = _header(path)
    byte_count = int(np.prod(shape, dtype=object)) * dtype.itemsize
    return path.stat().st_size >= data_offset + byte_count


def _header(path: Path) -> tuple[tuple[int, ...], int, np.dtype[np.generic]]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, _, dtype = read(file)
        return shape, file.tell(), dtype


def _stack_shape(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    has_colours = len(shape) > 2 and shape[-1] in (1, 3)
    channels = shape[-1] if has_colours else 1
    sides = shape[:-1] if has_colours else shape
    if len(sides) == 2:
        sides = (1, *sides)
    if len(sides) != 3 or 0 in shape:
        raise FormatError(
            f"{path} has shape {shape}; save (frames, height, width) or (frames, height, width, 3)"
        )
    return sides[0], sides[1], sides[2], channels


def _decode(path: Path, *, shape: tuple[int, int, int, int], index: int) -> Samples:
    if not is_whole(path):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    stack = np.load(path, mmap_mode="r", allow_pickle=False)
    if stack.size != int(np.prod(shape)):
        raise FormatError(f"{path} has changed since it was opened; open it again")
    return np.array(stack.reshape(shape)[index])
