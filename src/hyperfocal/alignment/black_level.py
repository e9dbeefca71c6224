"""Light that was added to a frame, by flare or another black level: found where cells say so.

Defocus compresses contrast as added light does, and no cell by itself tells the two apart. But
defocus does so less the larger the cells, and it leaves the mean alone. So an offset counts only if
cells of three sizes agree on it and at least half of it shows in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.float32]  # (height, width), mean of the pixels of each cell
Numbers: TypeAlias = NDArray[np.float64]

_SIZES = (1, 2, 4)  # cells that are taken together along each side
_FEWEST = 12  # cells of each size
_LEAST = 0.02  # of white; see docs/alignment.md for what was measured
_AGREED = 0.8  # of the largest offset of the three, that the smallest must reach
_SHOWN = 0.5  # of an offset, by which the mean must differ
_ERRORS = 5  # standard errors
_CERTAIN = 0.01  # standard error of an offset that is taken because another channel has one
_NOISE = 0.01  # of a cell: what evenness around it cannot make better
_ROUNDS = 30


@dataclass(frozen=True)
class Line:
    """The reference as gain · frame + offset."""

    gain: float
    offset: float
    error: float  # standard error of the offset
    is_clear: bool = False  # whether the offset is real, by itself

    @property
    def is_certain(self) -> bool:
        return self.error < _CERTAIN


def line_between(here: Cells, there: Cells, is_usable: NDArray[np.bool_]) -> Line | None:
    """From cells of a frame (`here`) to those of the reference; None where too few are usable."""
    found = [_line(*_pooled(here, there, is_usable, size)) for size in _SIZES]
    lines = [line for line in found if line is not None]
    if len(lines) < len(_SIZES):
        return None
    offsets = np.array([line.offset for line in lines])
    sizes = np.abs(offsets)
    middle = lines[1]
    is_clear = (
        len(set(np.sign(offsets))) == 1
        and sizes.min() >= max(_LEAST, _AGREED * sizes.max())
        and abs(middle.offset) >= _ERRORS * middle.error
        and abs(float((there - here)[is_usable].mean())) >= _SHOWN * abs(middle.offset)
        and _is_possible(middle, here, there)
    )
    return Line(middle.gain, middle.offset, middle.error, bool(is_clear))


def _is_possible(line: Line, here: Cells, there: Cells) -> bool:
    """Whether no cell is darker than the light that is said to be added to it."""
    darkest_here, darkest_there = (float(cells[cells > -1].min()) for cells in (here, there))
    if line.offset < 0:
        return line.gain * darkest_here + line.offset > -_LEAST
    return darkest_there - line.offset > -_LEAST


def _pooled(
    here: Cells, there: Cells, is_usable: NDArray[np.bool_], size: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Usable cells of both frames, `size` times as large, and the weight of each."""
    rows, columns = (length // size for length in here.shape)
    blocks = [
        part[: rows * size, : columns * size].reshape(rows, size, columns, size)
        for part in (here, there, is_usable)
    ]
    larger = [blocks[0].mean((1, 3)), blocks[1].mean((1, 3))]
    usable = blocks[2].all((1, 3))
    # Where all around is even, blur changes nothing.
    unevenness = np.maximum(*(_unevenness(np.maximum(part, 0)) for part in larger))
    weights = 1 / (_NOISE**2 + unevenness[usable].astype(np.float64) ** 2)
    x, y = (part[usable].astype(np.float64) for part in larger)
    return x, y, weights


def _unevenness(cells: Cells) -> Cells:
    """Standard deviation of a cell and its neighbours."""
    mean = cv2.blur(cells, (3, 3))
    spread: Cells = np.sqrt(np.maximum(cv2.blur(cells * cells, (3, 3)) - mean * mean, 0))
    return spread.reshape(cells.shape)


def _line(x: Numbers, y: Numbers, known: Numbers) -> Line | None:
    """The line nearest to weighted points, both of whose coordinates err (Deming, 1943).

    Points that lie far off count less (Geman and McClure), round by round.
    """
    if len(x) < _FEWEST:
        return None
    weights = known
    for _ in range(_ROUNDS):
        total = weights.sum()
        middle = (weights @ x) / total, (weights @ y) / total
        dx, dy = x - middle[0], y - middle[1]
        xx, yy, xy = ((weights @ product) / total for product in (dx * dx, dy * dy, dx * dy))
        if xx < 1e-9 or xy <= 0:
            return None
        gain = (yy - xx + np.hypot(yy - xx, 2 * xy)) / (2 * xy)
        off = (dy - gain * dx) / np.hypot(1, gain)
        scaled = np.abs(off) * np.sqrt(known / known.max())
        scale = 1.48 * float(np.median(scaled)) + 1e-5
        used, weights = weights, known / (1 + (scaled / (2 * scale)) ** 2) ** 2
    # Neighbouring cells err alike, hence the 4.
    count = max(1.0, float(used.sum() ** 2 / (used**2).sum()) / 4)
    variance = (used @ off**2) / total * (1 + gain**2)
    error = float(np.sqrt(variance / (count * xx) * (xx + middle[0] ** 2)))
    return Line(float(gain), float(middle[1] - gain * middle[0]), error)
