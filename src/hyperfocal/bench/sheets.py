"""A contact sheet for every scene: all contenders side by side, what is wrong, and where.

Rows: the pictures, their differences to the reference, and close-ups of the worst regions at twice
their size. Without a reference, differences are to the median of all pictures, so that the
sheet shows where contenders disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import FrameInfo, to_pixels, to_samples
from hyperfocal.io import formats, outputs
from hyperfocal.visualisation import difference_view

Rgb: TypeAlias = NDArray[np.uint8]  # (height, width, 3) RGB

_CELL = 256  # px, width of a column
_SIDE = 128  # px of a region, shown at twice its size
_REGIONS = 3
_GAIN = 4
_GAP = 4
_ROW_OF_TEXT = 22
_STRIP = 64  # rows of the median made at a time
_BOX = (255, 220, 0)


def draw(pictures: Mapping[str, Path], reference: Path | None, out: Path, *, title: str) -> None:
    """Write the sheet of fused pictures, by the names of their contenders, as PNG."""
    fused = {name: _loaded(path) for name, path in pictures.items()}
    truth = _median(list(fused.values())) if reference is None else _loaded(reference)
    worst = worst_regions(list(fused.values()), truth)
    first = "median of all" if reference is None else "reference"
    columns = [_column(first, truth, truth, worst)]
    columns += [_column(name, picture, truth, worst) for name, picture in fused.items()]
    sheet = _beside(columns)
    places = "; ".join(f"row {top}, column {left}" for top, left in worst)
    note = f"{title}: pictures, differences x{_GAIN}, close-ups at 2:1 ({places or 'none differ'})"
    _save(out, np.vstack([_text(note, sheet.shape[1]), sheet]))


def worst_regions(pictures: Sequence[Rgb], truth: Rgb) -> list[tuple[int, int]]:
    """(top, left) of squares that are worst over all pictures, none over another, worst first."""
    error: NDArray[np.float32] = np.zeros(truth.shape[:2], np.float32)
    for picture in pictures:
        error += cv2.absdiff(picture, truth).mean(axis=2, dtype=np.float32)
    side = _side(truth)
    # Each entry is the mean of the square whose top left corner it is.
    means: NDArray[np.float32] = cv2.boxFilter(
        error, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
    )
    means = means[: error.shape[0] - side + 1, : error.shape[1] - side + 1].copy()
    found: list[tuple[int, int]] = []
    while len(found) < _REGIONS and means.max() > 0:
        top, left = map(int, np.unravel_index(int(means.argmax()), means.shape))
        found.append((top, left))
        means[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = 0
    return found


def _column(name: str, picture: Rgb, truth: Rgb, worst: Sequence[tuple[int, int]]) -> list[Rgb]:
    boxed, side = picture.copy(), _side(truth)
    for top, left in worst:
        cv2.rectangle(boxed, (left, top), (left + side - 1, top + side - 1), _BOX, 2)
    difference = difference_view(to_pixels(picture), to_pixels(truth), gain=_GAIN)
    closer = [picture[top : top + side, left : left + side] for top, left in worst]
    # Nearest neighbours: what a pixel is must stay visible.
    shown = [cv2.resize(each, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST) for each in closer]
    return [_text(name, _CELL), _fitted(boxed), _fitted(difference), *map(_widened, shown)]


def _side(picture: Rgb) -> int:
    height, width = picture.shape[:2]
    return min(_SIDE, height, width)


def _fitted(picture: Rgb) -> Rgb:
    height = max(1, round(picture.shape[0] * _CELL / picture.shape[1]))
    how = cv2.INTER_AREA if picture.shape[1] > _CELL else cv2.INTER_NEAREST
    return cv2.resize(picture, (_CELL, height), interpolation=how)


def _widened(picture: Rgb) -> Rgb:
    return np.pad(picture, ((0, 0), (0, _CELL - picture.shape[1]), (0, 0)))


def _beside(columns: Sequence[Sequence[Rgb]]) -> Rgb:
    gap = ((0, _GAP), (0, _GAP), (0, 0))
    stacked = [np.vstack([np.pad(cell, gap) for cell in column]) for column in columns]
    return np.hstack(stacked)


def _text(text: str, width: int) -> Rgb:
    """A line of text, as large as fits."""
    line = np.full((_ROW_OF_TEXT, width, 3), 32, np.uint8)
    plain = text.encode("ascii", "replace").decode()
    (wide, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(0.5, (width - 8) / max(wide, 1))
    white = (255, 255, 255)
    at, font = (4, 15), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(line, plain, at, font, scale, white, 1, cv2.LINE_AA)
    return line


def _median(pictures: Sequence[Rgb]) -> Rgb:
    median = np.empty_like(pictures[0])
    for top in range(0, len(median), _STRIP):
        rows = slice(top, top + _STRIP)
        median[rows] = np.rint(np.median([each[rows] for each in pictures], axis=0))
    return median


def _loaded(path: Path) -> Rgb:
    samples = to_samples(to_pixels(formats.open_frames(path)[0].read()), np.dtype(np.uint8))
    return np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples


def _save(path: Path, picture: Rgb) -> None:
    height, width, channels = picture.shape
    outputs.save(path, picture, FrameInfo(path.name, height, width, channels, picture.dtype))
