"""What every format needs of a file: errors that name it, and a bound on what it may declare."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hyperfocal.compute import machine
from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.io.limits import LARGEST_PICTURE, LARGEST_RATIO

_SURELY_FITTING = 64 << 20  # bytes


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside becomes one FormatError that names the file."""
    try:
        yield
    except FormatError:
        raise
    except OSError as error:
        if machine.lacks_memory(error):
            raise _too_large(path) from error
        reason = error.strerror or str(error)
        raise FormatError(f"{path} cannot be read: {reason}; check the path") from error
    # Decoders answer damaged files with errors of every type, so there is no list to catch.
    except Exception as error:
        if machine.lacks_memory(error):
            raise _too_large(path) from error
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{path} is damaged or cut off ({reason[:120]}); copy it again from its source"
        raise FormatError(message) from error


def _too_large(path: Path) -> FormatError:
    return FormatError(f"{path} does not fit into memory; use a smaller picture")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """An operating system's refusal inside becomes one FormatError that names the file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(
            f"{path} cannot be written: {reason}; choose a folder with space and write permission"
        ) from error


def start_of(path: Path) -> bytes:
    """The first bytes of a file; FormatError where there are none."""
    with reading(path):
        # Before it is opened, because a pipe makes its reader wait.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise FormatError(f"{path} is no file but a pipe or device; give a picture")
        with path.open("rb") as file:
            start = file.read(32)
    if not start:
        raise FormatError(f"{path} is empty (0 bytes); copy it again from its source")
    return start


def text_of(path: Path, *, largest: int) -> str:
    """The text of a file of ours, UTF-8, of so many bytes at most.

    Raises FormatError for what cannot be read, ValueError for what is no such text.
    """
    try:
        # Before it is opened, because a pipe makes its reader wait and a device has no end.
        if path.exists() and not path.is_file():
            raise FormatError(f"{path} is no file but a folder, pipe or device; check the path")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}; check the path") from error
    if len(content) > largest:
        raise ValueError("it is too large")
    return content.decode("utf-8")


def end_of(path: Path) -> bytes:
    """The last 64 KB of a file, or all of a smaller one."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 0x10000))
        return file.read()


def begins(start: bytes, signatures: tuple[bytes, ...]) -> bool:
    """Whether a file that starts so has one of the signatures, in which `?` is any byte."""
    return any(
        len(start) >= len(signature)
        and all(
            wanted in (found, ord("?")) for wanted, found in zip(signature, start, strict=False)
        )
        for signature in signatures
    )


def require_signature(path: Path, signatures: tuple[bytes, ...], kind: str) -> None:
    """FormatError where the file does not begin as its kind does."""
    if not begins(start_of(path), signatures):
        raise FormatError(f"{path} is no {kind} file, whatever its name says; export it again")


def require_room(
    path: Path,
    info: FrameInfo,
    *,
    largest_ratio: float = LARGEST_RATIO,
    largest_picture: float = LARGEST_PICTURE,
    file_bytes: int | None = None,
) -> None:
    """FormatError where a frame declares more samples than its file or this machine can hold.

    `largest_ratio` is how far the format's compression may shrink what is still a picture; pictures
    of up to `largest_picture` megapixels are believed. `file_bytes` stands for the file's length.
    """
    byte_count = info.height * info.width * info.channels * info.dtype.itemsize
    megapixels = info.height * info.width / 1e6
    file_bytes = path.stat().st_size if file_bytes is None else file_bytes
    declared = f"{path} declares {info.width}×{info.height} pixels, more than"
    if megapixels > largest_picture and byte_count > largest_ratio * file_bytes:
        raise FormatError(
            f"{declared} its {file_bytes} bytes can hold unless it is empty; copy it again from "
            f"its source or, if it is sound, give --largest-picture {math.ceil(megapixels)}"
        )
    # To ask takes longer than to decode a small frame.
    if byte_count > _SURELY_FITTING and byte_count > machine.memory_limit():
        raise FormatError(f"{declared} this machine's memory can hold; use a smaller picture")


def require_dtype(path: Path, samples: Samples, held: tuple[str, ...], kind: str) -> None:
    """FormatError where a format cannot hold these samples."""
    if samples.dtype.name not in held:
        choices = ".png or .tif" if samples.dtype == np.uint16 else ".tif"
        raise FormatError(
            f"{path}: {kind} cannot hold {samples.dtype.name} samples; choose {choices}"
        )
