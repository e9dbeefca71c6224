"""What a fused picture is called where nobody said: beside its stack, and never in anything's way.

A folder's picture lies beside the folder, unless one stands in it; that of files beside the first.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats, outputs
from hyperfocal.stack.stack import Stack

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")


def picture_name(stack: Stack, given: str, *, overwrite: bool) -> Path:
    """The path for the picture of a stack that was asked for as `given`.

    `beetle/` -> `beetle_fused.jpg`, or `beetle_fused_2.jpg` where that is taken and `overwrite`
    does not allow to replace it. Raises FormatError where nothing can be written there.
    """
    place, stem = _place(formats.split(given)[0], stack)
    try:
        outputs.require_parent(place / stem)
    except FormatError as error:
        raise FormatError(f"{str(error).partition(';')[0]}; name the picture with -o") from None
    suffix = _suffix(stack)
    for number in itertools.count(1):
        path = place / f"{stem}_fused{f'_{number}' if number > 1 else ''}{suffix}"
        if overwrite or not os.path.lexists(path):
            break
    return path


def _place(given: Path, stack: Stack) -> tuple[Path, str]:
    """The folder for the picture, and how its name begins."""
    if given.is_dir() and not formats.is_folder(given):
        name = given.resolve().name or "stack"
        is_around = Path.cwd().is_relative_to(given.resolve())
        return (Path() if is_around else given.parent), name
    first = stack.paths[0]
    suffix = formats.suffix_of(first)
    return first.parent, first.name[: len(first.name) - len(suffix)] or "stack"


def _suffix(stack: Stack) -> str:
    """The frames' own format where it can hold the result, else one that can."""
    info, own = stack.info, formats.suffix_of(stack.paths[0])
    candidates = [".jpg" if own in _JPEG else own]
    if info.dtype == np.uint8 and info.exif is not None:
        candidates.append(".jpg")  # telephones' pictures, developed RAW files
    candidates += [".png"] * (info.dtype == np.uint8) + [".tif"]
    return next(suffix for suffix in candidates if _holds(suffix, info))


def _holds(suffix: str, info: FrameInfo) -> bool:
    if suffix not in formats.writable_suffixes():
        return False
    try:
        outputs.require_fitting(Path(f"a{suffix}"), info)
    except FormatError:
        return False
    return suffix == ".tif" or info.pixel_um is None or "pixel_um" in formats.metadata(suffix)
