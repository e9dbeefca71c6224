"""What belongs to the camera and not to the scene: a round field, a label, dust, hot pixels.

It stays where it is while the scene moves. So the mean of what all frames show at a place is as
strong as what each of them shows there, and weak where frames are brought to cover one another: that
tells it from the scene, of which the opposite is true (fixed-pattern noise of sensors, found as
Lukáš, Fridrich and Goljan do, 2006, by averaging what is not scene). It is hidden from the
registration, whose blocks would follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import motion_estimation, transforms
from hyperfocal.alignment.motion_estimation import Level
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Placement, Tell, register
from hyperfocal.alignment.transforms import Matrix
from hyperfocal.frame import Grey
from hyperfocal.io.coverage import Mask

Shape = tuple[int, int]

_LARGEST = 5e5  # px of the level that is looked at
_FEWEST = 4  # frames; what fewer have in common may be chance
_LITTLE = 0.05  # mean square of equalised contrast that counts as half a detail
_DETAIL = 0.2  # from which a place shows any
_REACH = 2.0  # px, of the means of squares
_ALIKE = 0.6  # share of a place's detail that stays, from which it may be the camera's
_FIXED = 0.85  # of a whole piece, from which it is
_APART = 0.25  # by which less of it stays where the frames cover one another
_SURELY_APART = 0.4  # of a whole piece
_SMALLEST = 20  # px of a piece
_MOVED = 2.0  # px, by which the scene must have moved there
_UNLIKE = 0.4  # the usual share below which frames do not cover one another as they lie
_BETTER = 0.05  # more of the scene that covers itself, for another motion to be believed
_RIM = 4  # px, by which contrast spreads
_MOST = 0.7  # of the detail; a camera does not hide more
_BORDER = 0.5  # of a plain piece's outline along which it touches what is the camera's


@dataclass(frozen=True)
class _Shares:
    """How much of the detail around a place is the same in all frames, (height, width), 0…1."""

    share: Grey
    detail: Grey  # mean square of equalised contrast

    @property
    def shown(self) -> Mask:
        """Where there is anything to be seen."""
        return self.detail > _DETAIL


class _Sums:
    """Means over frames of equalised contrast, and of its square."""

    def __init__(self) -> None:
        self._total = self._squares = np.zeros((1, 1), np.float32)
        self._known: Grey | float = 0.0
        self.count = 0

    def add(self, levels: Sequence[Level]) -> None:
        """Take in a frame as it lies."""
        self.add_one(level_of(levels).grey)

    def add_one(self, contrast: Grey, known: Grey | float = 1.0) -> None:
        if not self.count:
            self._total, self._squares = np.zeros_like(contrast), np.zeros_like(contrast)
        self._total += contrast
        self._squares += contrast * contrast
        self._known = self._known + known
        self.count += 1

    def shares(self) -> _Shares:
        known = np.maximum(self._known, np.float32(1))
        mean, square = self._total / known, self._squares / known
        detail = _around(square)
        share = _around(mean * mean) / (detail + np.float32(_LITTLE))
        if not isinstance(self._known, float):
            detail[self._known < _FEWEST] = 0
        return _Shares(share, detail)


def level_of(levels: Sequence[Level]) -> Level:
    """The finest that is small enough to be looked at for this."""
    return next((level for level in levels if level.grey.size <= _LARGEST), levels[-1])


def registered(previews: Previews, tell: Tell) -> tuple[list[Placement], int, Mask | None]:
    """As `register`, and where in previews the camera's own is seen, which had no say in it."""
    sums = _Sums()
    placements, reference = register(previews, tell, look=sums.add)
    if sums.count < _FEWEST:
        return placements, reference, None
    still = sums.shares()
    size = still.share.shape
    hidden: Mask | None = None
    shown = still.shown
    if shown.any() and float(np.median(still.share[shown])) < _UNLIKE:
        # The frames move, but perhaps not as was found: what surely stays may have been followed.
        guess = _complete(_opened(shown & (still.share > _FIXED)), shown)
        if guess.any() and _is_part(guess, still):
            previews.hide(_enlarged(guess, previews.shape))
            other = register(previews, lambda *step: None)
            if _covering(previews, other[0], size, guess) > _BETTER + _covering(
                previews, placements, size, guess
            ):
                placements, reference, hidden = *other, guess
    mask = _camera_own(previews, placements, still)
    if mask is None:
        previews.hide(None)
        if hidden is not None:
            return *register(previews, lambda *step: None), None
        return placements, reference, None
    previews.hide(_enlarged(mask, previews.shape))
    placements, reference = register(previews, lambda *step: None)
    return placements, reference, _enlarged(mask, previews.shape)


def _covering(previews: Previews, placements: list[Placement], size: Shape, hidden: Mask) -> float:
    """The share of the scene's detail that is the same in all frames, placed so."""
    moved = _moved(previews, placements, size)
    weight = moved.detail * ~hidden
    return float((moved.share * weight).sum() / max(1e-6, float(weight.sum())))


def _camera_own(previews: Previews, placements: list[Placement], still: _Shares) -> Mask | None:
    """Where frames show the same as they lie, and not as they are placed."""
    size = still.share.shape
    may_be = still.shown & (still.share > _ALIKE)
    may_be &= _distance_moved(_local(previews, placements, size), size) > _MOVED
    if not any(piece.share > _FIXED for piece in _pieces(may_be, still.share)):
        return None
    moved = _moved(previews, placements, size)
    apart = still.share - moved.share
    may_be &= (moved.detail > 0) & (apart > _APART)
    mask = np.zeros(size, bool)
    for piece in _pieces(_opened(may_be), still.share):
        if piece.share > _FIXED and float(apart[piece.where].mean()) > _SURELY_APART:
            mask[piece.where] = True
    if not mask.any() or not _is_part(mask, still):
        return None
    return _complete(mask, still.shown)


def _is_part(mask: Mask, still: _Shares) -> bool:
    """Whether it hides no more than a camera may of all that is seen."""
    return float((still.detail * mask).sum()) < _MOST * float(still.detail.sum())


@dataclass(frozen=True)
class _Piece:
    where: tuple[NDArray[np.intp], NDArray[np.intp]]
    share: float


def _pieces(mask: Mask, share: Grey) -> Iterator[_Piece]:
    """Places that hang together, with the mean of what stays of their detail."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for number in range(1, count):
        left, top, width, height, area = stats[number]
        if area >= _SMALLEST:
            window = slice(top, top + height), slice(left, left + width)
            y, x = np.nonzero(labels[window] == number)
            where = y + top, x + left
            yield _Piece(where, float(share[where].mean()))


def _complete(mask: Mask, shown: Mask) -> Mask:
    """With the rim that contrast spreads to, and with plain places that it surrounds."""
    kernel = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    wide = cv2.dilate(mask.astype(np.uint8), kernel).view(bool)
    plain = (~shown & ~wide).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(plain, connectivity=4)
    near = cv2.dilate(wide.astype(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    complete = wide.copy()
    for number in range(1, count):
        if stats[number, cv2.CC_STAT_AREA] >= _SMALLEST:
            piece = labels == number
            outline = cv2.dilate(piece.astype(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
            outline &= ~piece
            if outline.any() and float(near[outline].mean()) > _BORDER:
                complete |= piece
    return complete


def _opened(mask: Mask) -> Mask:
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2))).view(bool)


def _moved(previews: Previews, placements: list[Placement], size: Shape) -> _Shares:
    """What stays where frames are placed as was found."""
    sums = _Sums()
    for index, matrix in enumerate(_local(previews, placements, size)):
        grey = cv2.resize(
            previews.grey(index, is_whole=True), size[::-1], interpolation=cv2.INTER_AREA
        )
        contrast = motion_estimation.contrast_normalised(grey)
        known = motion_estimation.coverage(size, matrix, size)
        sums.add_one(motion_estimation.warped(contrast, matrix, size) * known, known)
    return sums.shares()


def _local(previews: Previews, placements: list[Placement], size: Shape) -> list[Matrix]:
    """Matrices in px of the size that is looked at."""
    y, x = (small / full for small, full in zip(size, previews.shape, strict=True))
    return [transforms.rescaled(placement.matrix, x, y) for placement in placements]


def _distance_moved(matrices: list[Matrix], size: Shape) -> Grey:
    """How far the scene goes at each place, px."""
    height, width = size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    low, high = np.zeros((2, *size), np.float32), np.zeros((2, *size), np.float32)
    for matrix in matrices:
        across, down, scale = (np.float32(a) * x + np.float32(b) * y + np.float32(c) for a, b, c in matrix)
        shift = np.stack([across / scale - x, down / scale - y])
        np.minimum(low, shift, out=low)
        np.maximum(high, shift, out=high)
    return np.hypot(*(high - low))


def _around(squares: Grey) -> Grey:
    return cv2.GaussianBlur(squares, (0, 0), _REACH)


def _enlarged(mask: Mask, shape: Shape) -> Mask:
    large = cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST)
    return large.view(bool)
