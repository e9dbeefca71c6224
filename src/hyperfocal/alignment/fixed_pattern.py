"""What belongs to the camera and not to the scene: a round field, a label, dust, hot pixels.

It stays where it is while the scene moves. So the mean of what all frames show at a place is as
strong as what each of them shows there, and weak where frames are brought to cover one another:
that tells it from the scene, of which the opposite is true (averaging brings out the fixed pattern
of a sensor: Lukáš, Fridrich and Goljan, 2006). It is hidden from the registration, whose blocks
would follow it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import motion_estimation, transforms
from hyperfocal.alignment.motion_estimation import Level, Pyramid
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Placement, Tell, register
from hyperfocal.alignment.transforms import Matrix
from hyperfocal.frame import Grey
from hyperfocal.io.coverage import Mask

Shape = tuple[int, int]

_LARGEST = 5e5  # px of the level that is looked at
_FEWEST = 5  # frames; what fewer have in common may be chance
_LITTLE = 0.05  # mean square of equalised contrast that counts as half a detail
_DETAIL = 0.2  # from which a place shows any
_REACH = 2.0  # px, of the means of squares
_ALIKE = 0.6  # share of a place's detail that stays, from which it may be the camera's
_FIXED = 0.85  # from which it is
_APART = 0.25  # by which less of it stays where the frames cover one another
_SURELY_APART = 0.4
_SMALLEST = 20  # px that are surely the camera's, in one piece
_MIRRORED = 8  # px of the border
_MOVED = 2.0  # px, by which the scene must have moved there
_UNLIKE = 0.7  # the usual share below which frames may not cover one another as they lie
_OTHER = 0.7  # px of a preview, by which a motion is another
_LESS = 0.75  # of what is unexplained, that it must leave at most
_BETTER = 0.05  # more of the scene that covers itself, for another motion to be believed
_RIM = 4  # px, by which contrast spreads
_MOST = 0.7  # of the detail; a camera does not hide more
_FINE = 2.0  # px, below which detail tells to a few px where something is
_NOISE = 0.012  # amplitude of fine detail, on 0…1, from which a place shows any
_SEAM = 2  # px, by which that spreads
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
    """Means over frames of detail, and of its square; `little` is a square next to none."""

    def __init__(self, little: float = _LITTLE) -> None:
        self._little = np.float32(little)
        self._total = self._squares = np.zeros((1, 1), np.float32)
        self._known: Grey | float = 0.0
        self.count = 0

    def add(self, levels: Pyramid) -> None:
        """Take in a frame as it lies."""
        self.add_one(_level_of(levels).grey)

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
        share = _around(mean * mean) / (detail + self._little)
        if not isinstance(self._known, float):
            detail[self._known < _FEWEST] = 0
        return _Shares(share, detail)


def _level_of(levels: Pyramid) -> Level:
    """The finest that is small enough to be looked at for this."""
    sizes = [math.prod(levels.shape(place)) for place in range(len(levels))]
    return levels[next((i for i, size in enumerate(sizes) if size <= _LARGEST), len(sizes) - 1)]


@dataclass(frozen=True)
class Own:
    """Where in previews the camera's own is seen, (height, width)."""

    wide: Mask  # with all that it may have misled
    narrow: Mask  # to a few px


def registered(previews: Previews, tell: Tell) -> tuple[list[Placement], int, Own | None]:
    """As `register`, and what is the camera's, which had no say in it."""
    sums = _Sums()
    placements, reference = register(previews, tell, look=sums.add)
    members = placed(placements)
    if len(members) < _FEWEST:
        return placements, reference, None
    if len(members) < sums.count:
        # What a frame of another scene shows stays nowhere, and moves nowhere.
        sums = _Sums()
        for index in members:
            sums.add(motion_estimation.pyramid(previews.grey(index)))
    still = sums.shares()
    size, first = still.share.shape, (placements, reference)
    guess = _followed(previews, placements, still)
    if guess is not None:
        other = register(previews, lambda *step: None)
        gain = _covering(previews, other[0], size, guess)
        gain -= _covering(previews, placements, size, guess)
        if gain > _BETTER:
            placements, reference = other
    mask = _camera_own(previews, placements, still)
    if mask is not None:
        previews.hide(_enlarged(mask, previews.shape))
        placements, reference = register(previews, lambda *step: None)
    # Of what is left when something is hidden, no more frames may show the same.
    if mask is None or placed(placements).keys() - members.keys():
        previews.hide(None)
        return *first, None
    narrow = _narrowed(previews, placements, mask)
    return placements, reference, Own(*(_enlarged(each, previews.shape) for each in (mask, narrow)))


def placed(placements: Sequence[Placement]) -> dict[int, Matrix]:
    """The frames that show the scene, and how they lie."""
    return {
        index: one.matrix
        for index, one in enumerate(placements)
        if one.status in ("placed", "reference")
    }


def _followed(previews: Previews, placements: list[Placement], still: _Shares) -> Mask | None:
    """What surely stays, hidden from now on, where two frames without it show another motion."""
    shown = still.shown
    sure = _opened(shown & (still.share > _FIXED))
    rest = still.share[shown & ~sure]
    if not sure.any() or not rest.size or float(np.median(rest)) > _UNLIKE:
        return None
    guess = _complete(sure, shown)
    if not _is_part(guess, still):
        return None
    previews.hide(_enlarged(guess, previews.shape))
    members = list(placed(placements))
    one, other = (members[(len(members) - 1) * part // 3] for part in (1, 2))
    first, second = (
        motion_estimation.pyramid(previews.grey(index), previews.known) for index in (one, other)
    )
    before = transforms.normal(
        placements[other].matrix @ transforms.inverse(placements[one].matrix)
    )
    found = motion_estimation.match([first], second, before)
    shifted = transforms.largest_shift(
        transforms.normal(found.matrix @ transforms.inverse(before)), *previews.shape
    )
    unexplained = 1 - motion_estimation.confidence(first, second, before)
    if shifted > _OTHER and 1 - found.confidence < _LESS * unexplained:
        return guess
    previews.hide(None)
    return None


def _covering(previews: Previews, placements: list[Placement], size: Shape, hidden: Mask) -> float:
    """The share of the scene's detail that is the same in all frames, placed so."""
    moved = _moved(previews, placements, size)
    weight = moved.detail * ~hidden
    return float((moved.share * weight).sum() / max(1e-6, float(weight.sum())))


def _camera_own(previews: Previews, placements: list[Placement], still: _Shares) -> Mask | None:
    """Where frames show the same as they lie, and not as they are placed."""
    size = still.share.shape
    may_be = still.shown & (still.share > _ALIKE)
    may_be &= distance_moved(_local(previews, placements, size).values(), size) > _MOVED
    if np.count_nonzero(may_be & (still.share > _FIXED)) < _SMALLEST:
        return None
    moved = _moved(previews, placements, size)
    apart = still.share - moved.share
    may_be &= (moved.detail > 0) & (apart > _APART)
    surely = may_be & (still.share > _FIXED) & (apart > _SURELY_APART)
    surely &= _inner(size)
    mask = _holding(_opened(may_be), surely)
    return _complete(mask, still.shown) if mask.any() and _is_part(mask, still) else None


def _holding(mask: Mask, seeds: Mask) -> Mask:
    """The parts of a mask that hold enough seeds."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    counts = np.bincount(labels[seeds], minlength=int(labels.max()) + 1)
    counts[0] = 0
    return (counts >= _SMALLEST)[labels]


def _inner(size: Shape) -> Mask:
    """Without the border, where contrast is that of what is mirrored there."""
    inner = np.zeros(size, bool)
    inner[_MIRRORED:-_MIRRORED, _MIRRORED:-_MIRRORED] = True
    return inner


def _narrowed(previews: Previews, placements: list[Placement], mask: Mask) -> Mask:
    """Of what is hidden, what is the camera's to a few px.

    Equalised contrast is that of tens of px around, so less of the scene is lost in this.
    """
    size = mask.shape
    known = np.ones(size, np.float32)
    lying, moving = _Sums(_NOISE**2), _Sums(_NOISE**2)
    for index, matrix in _local(previews, placements, size).items():
        grey = _small(previews, index, size)
        detail = grey - cv2.GaussianBlur(grey, (0, 0), _FINE)
        lying.add_one(detail, known)
        covered = motion_estimation.coverage(size, matrix, size)
        moving.add_one(motion_estimation.warped(detail, matrix, size) * covered, covered)
    still, moved = lying.shares(), moving.shares()
    shown = still.detail > _NOISE**2
    stays = mask & shown & (still.share > _ALIKE) & (still.share - moved.share > _APART)
    return mask & _complete(_opened(stays), shown, rim=_SEAM)


def _is_part(mask: Mask, still: _Shares) -> bool:
    """Whether it hides no more than a camera may of all that is seen."""
    return float((still.detail * mask).sum()) < _MOST * float(still.detail.sum())


def _complete(mask: Mask, shown: Mask, rim: int = _RIM) -> Mask:
    """With the rim that contrast spreads to, and with plain places that it surrounds."""
    kernel = np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)
    wide = cv2.dilate(mask.astype(np.uint8), kernel).view(bool)
    plain = (~shown & ~wide).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(plain, connectivity=4)
    around = np.ones((3, 3), np.uint8)
    near = cv2.dilate(wide.astype(np.uint8), around).view(bool)
    complete = wide.copy()
    for number in range(1, count):
        left, top, width, height, area = stats[number]
        if area >= _SMALLEST:
            # With the pixels beside it, and no more of the picture.
            window = (
                slice(max(0, top - 1), top + height + 1),
                slice(max(0, left - 1), left + width + 1),
            )
            piece = labels[window] == number
            outline = cv2.dilate(piece.astype(np.uint8), around).view(bool) & ~piece
            if outline.any() and float(near[window][outline].mean()) > _BORDER:
                complete[window] |= piece
    return complete


def _opened(mask: Mask) -> Mask:
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2))).view(bool)


def _moved(previews: Previews, placements: list[Placement], size: Shape) -> _Shares:
    """What stays where frames are placed as was found."""
    sums = _Sums()
    for index, matrix in _local(previews, placements, size).items():
        contrast = motion_estimation.contrast_normalised(_small(previews, index, size))
        known = motion_estimation.coverage(size, matrix, size)
        sums.add_one(motion_estimation.warped(contrast, matrix, size) * known, known)
    return sums.shares()


def _small(previews: Previews, index: int, size: Shape) -> Grey:
    whole = previews.grey(index, is_whole=True)
    return np.asarray(cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA))


def _local(previews: Previews, placements: list[Placement], size: Shape) -> dict[int, Matrix]:
    """Matrices of the frames that are placed, in px of the size that is looked at."""
    y, x = (small / full for small, full in zip(size, previews.shape, strict=True))
    return {
        index: transforms.rescaled(matrix, x, y) for index, matrix in placed(placements).items()
    }


def distance_moved(matrices: Iterable[Matrix], size: Shape) -> Grey:
    """How far the scene goes at each place, px."""
    height, width = size
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    low, high = np.zeros((2, *size), np.float32), np.zeros((2, *size), np.float32)
    for matrix in matrices:
        across, down, scale = (
            np.float32(a) * x + np.float32(b) * y + np.float32(c) for a, b, c in matrix
        )
        shift = np.stack([across / scale - x, down / scale - y])
        np.minimum(low, shift, out=low)
        np.maximum(high, shift, out=high)
    return np.hypot(*(high - low))


def _around(squares: NDArray[Any]) -> Grey:
    return np.asarray(cv2.GaussianBlur(squares, (0, 0), _REACH), np.float32)


def _enlarged(mask: Mask, shape: Shape) -> Mask:
    large = cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST)
    return large.view(bool)
