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
from hyperfocal.io.together import Together

_FORMAT = "hyperfocal transforms"
_VERSION = 1
_LARGEST_BYTES = 64 << 20


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
        if path.stat().st_size > _LARGEST_BYTES:
            raise ValueError("it is too large")
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise FormatError(f"{path} holds no transforms ({reason}); save it again") from error
    try:
        return _record(content)
    except (KeyError, TypeError, ValueError, IndexError) as error:
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
    return TransformRecord(width, height, reference, names, matrices)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _matrix(rows: Any) -> Matrix | None:
    if rows is None:
        return None
    matrix = np.array(rows, np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError("a matrix is not 3 × 3 numbers")
    if abs(np.linalg.det(matrix)) < 1e-6 or abs(matrix[2, 2]) < 1e-6:
        raise ValueError("a matrix flattens its frame")
    return matrix / matrix[2, 2]
