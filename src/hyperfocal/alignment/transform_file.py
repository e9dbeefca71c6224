"""Transforms in a file: saved from one stack, applied to another of the same rig.

JSON: format, version, width and height of the frames in pixels, the reference's place from 0, and
for each frame its name and the 3 × 3 matrix that takes points (x, y) of the reference into it,
rows first; null for a frame that was left out.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyperfocal.alignment.transforms import Matrix
from hyperfocal.errors import AlignmentError, FormatError
from hyperfocal.frame import FrameInfo
from hyperfocal.io import outputs
from hyperfocal.io.files import text_of
from hyperfocal.io.together import Together

_FORMAT = "hyperfocal transforms"
_VERSION = 1
_LARGEST_BYTES = 64 << 20
_FURTHEST = 1e7  # px, no picture is as large
_SMALLEST_DEPTH = 1e-3  # of a corner in perspective, where the frame's beginning has 1


@dataclass(frozen=True)
class TransformRecord:
    """The transforms of a stack."""

    width: int
    height: int
    reference: int
    names: tuple[str, ...]
    matrices: tuple[Matrix | None, ...]  # reference to frame


def require_writable(path: Path, *, overwrite: bool) -> None:
    """Raise FormatError where transforms cannot or must not be written, before any work."""
    if path.suffix.lower() != ".json":
        raise FormatError(f"{path} would hold transforms as JSON; give it the suffix .json")
    if path.is_dir():
        raise FormatError(f"{path} is a folder; name a file in it")
    if os.path.lexists(path) and not overwrite:
        raise FormatError(
            f"{path} exists; choose another name, allow it with --overwrite, or use what it holds "
            "with --apply-transforms"
        )
    if not path.parent.is_dir():
        raise FormatError(f"folder {path.parent} does not exist; make it first")


def save(path: Path, record: TransformRecord, *, within: Together | None = None) -> None:
    """Write transforms, in place with all that is made `within`; FormatError where that fails."""
    frames = [
        {"name": name, "reference_to_frame": None if matrix is None else matrix.tolist()}
        for name, matrix in zip(record.names, record.matrices, strict=True)
    ]
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "width": record.width,
        "height": record.height,
        "reference": record.reference,
        "frames": frames,
    }
    outputs.write_text(path, json.dumps(content, indent=1), within=within)


def load(path: Path) -> TransformRecord:
    """The transforms of a file; raises FormatError for whatever is no such file."""
    try:
        content = json.loads(text_of(path, largest=_LARGEST_BYTES))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise FormatError(f"{path} holds no transforms ({reason}); save it again") from error
    try:
        return _record(content)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise FormatError(
            f"{path} holds no transforms of this program ({reason[:80]}); "
            "save them with --transforms"
        ) from error


def require_fit(record: TransformRecord, path: Path, info: FrameInfo, count: int) -> None:
    """Raise AlignmentError where transforms do not belong to a stack like this."""
    if (record.height, record.width) != (info.height, info.width):
        raise AlignmentError(
            f"{path} was made for frames of {record.width}×{record.height}, these are "
            f"{info.width}×{info.height}; align them by themselves"
        )
    if len(record.matrices) != count:
        raise AlignmentError(
            f"{path} places {len(record.matrices)} frames, the stack has {count}; give as many, in "
            "the same order"
        )


def _record(content: Any) -> TransformRecord:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    if content["version"] != _VERSION:
        raise ValueError(f"its version is {content['version']}, known is {_VERSION}")
    frames = content["frames"]
    matrices = tuple(_matrix(frame["reference_to_frame"]) for frame in frames)
    names = tuple(str(frame["name"]) for frame in frames)
    width, height, reference = (_whole(content[key]) for key in ("width", "height", "reference"))
    if not (0 <= reference < len(frames)) or matrices[reference] is None:
        raise ValueError("its reference is none of its frames")
    for matrix in matrices:
        if matrix is not None and not _is_near(matrix, width, height):
            raise ValueError("a matrix takes its frame out of all bounds")
    return TransformRecord(width, height, reference, names, matrices)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _FURTHEST:
        raise ValueError(f"{value!r} is no such whole number")
    return value


def _is_row(row: Any) -> bool:
    numbers = [
        each
        for each in (row if isinstance(row, list) else [])
        if isinstance(each, int | float) and not isinstance(each, bool)
    ]
    return len(numbers) == 3 and len(row) == 3


def _is_near(matrix: Matrix, width: int, height: int) -> bool:
    """Whether a frame's corners come to places that a picture can have, none behind the viewer."""
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
    x, y, depth = matrix @ corners
    return bool((depth > _SMALLEST_DEPTH).all() and (np.hypot(x, y) <= _FURTHEST * depth).all())


def _matrix(rows: Any) -> Matrix | None:
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(map(_is_row, rows)) or len(rows) != 3:
        raise ValueError("a matrix is not 3 × 3 numbers")
    matrix = np.array(rows, np.float64)
    if not (np.abs(matrix) <= _FURTHEST).all():
        raise ValueError("a matrix takes its frame out of all bounds")
    if abs(np.linalg.det(matrix)) < 1e-6 or abs(matrix[2, 2]) < 1e-6:
        raise ValueError("a matrix flattens its frame")
    return matrix / matrix[2, 2]
