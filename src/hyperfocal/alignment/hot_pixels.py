"""Hot and dead pixels: they shine, or stay dark, at one place of the sensor while the scene moves.

Those of the first frame are candidates, of which each further frame leaves fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey, Pixels, Samples

Indices: TypeAlias = NDArray[np.intp]

_STANDS_OUT = 0.08  # of white, from what lies around it
_SPREADS = 0.03  # to pixels beside it that its colour was made with, and no less
_VARIES = 0.3  # of what it adds, at most
_WAVERS = 0.05  # of white, that its own value may
_FEWEST = 4  # frames that tell
_MOST = 5e-4  # of all pixels; a sensor with more would be thrown away, a scene has them
_CANDIDATES = 5e-3  # of all pixels; in noise the strongest of those that stand out
_RADIUS = 2  # px of the ring around it that tells what belongs there
_RING = np.array(
    [(y, x) for y in range(-2, 3) for x in range(-2, 3) if max(abs(y), abs(x)) == _RADIUS]
)
_BLOCK = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)])
_CENTRE = 4  # of the block


@dataclass(frozen=True)
class HotPixels:
    """Pixels that tell nothing of the scene, each with the middle of its ring."""

    places: Indices  # (count, 2), rows and columns of a frame
    middles: Indices  # (count, 2)

    def __len__(self) -> int:
        return len(self.places)

    def mended(self, samples: Samples) -> Samples:
        """A copy with the median of its ring at each of them."""
        samples = samples.copy()
        samples[tuple(self.places.T)] = np.median(_around(samples, self.middles), axis=0).astype(
            samples.dtype
        )
        return samples

    def where(self, mask: NDArray[np.bool_]) -> HotPixels:
        """Those whose middle lies in a mask, (height, width) of a frame."""
        chosen = mask[tuple(self.middles.T)]
        return HotPixels(self.places[chosen], self.middles[chosen])


class Candidates:
    """What may be hot pixels, after the frames so far; each comes in strips from top to bottom."""

    def __init__(self, height: int, width: int):
        self._size = height, width
        self._places: Indices = np.empty((0, 2), np.intp)
        self._signs: NDArray[np.float32] = np.empty(0, np.float32)  # 1 shines, −1 is dark
        # Sums over frames: of what its block has over its ring, of the square of that of its own
        # pixel, of that pixel and its square.
        self._sums: NDArray[np.float32] = np.empty((12, 0), np.float32)
        self._count = 0
        self._parts: list[tuple[Any, ...]] = []

    def take(self, top: int, pixels: Pixels) -> None:
        """Rows of a frame from `top` on, (rows, width, channels)."""
        if self._count == 0:
            places, signs = _standing_out(_brightest(pixels))
            sums = np.zeros((12, len(places)), np.float32)
            places[:, 0] += top
        else:
            inside = (self._places[:, 0] >= top) & (self._places[:, 0] < top + len(pixels))
            places, signs = self._places[inside], self._signs[inside]
            sums = self._sums[:, inside]
        if len(places):
            here = places - np.array([top, 0], np.intp)
            around = np.median(_around(pixels, here).max(axis=-1), axis=0)
            block = pixels[_inside(here[None] + _BLOCK[:, None], pixels.shape)].max(axis=-1)
            over = (block - around) * signs
            # A white thing hides one that shines, and a black one a dark one.
            room = np.where(signs > 0, 1 - around, around)
            stays = (over[_CENTRE] > _STANDS_OUT) | (room < 2 * _STANDS_OUT)
            places, signs = places[stays], signs[stays]
            own, value = over[_CENTRE], block[_CENTRE]
            sums = (sums + np.vstack([over, own * own, value, value * value]))[:, stays]
        self._parts.append((places, signs, sums))
        if top + len(pixels) == self._size[0]:
            places_, signs_, sums_ = zip(*self._parts, strict=True)
            self._places, self._signs = np.concatenate(places_), np.concatenate(signs_)
            self._sums = np.concatenate(sums_, axis=1)
            self._parts, self._count = [], self._count + 1

    def found(self) -> HotPixels | None:
        """Those that stood out in every frame, and alike; None where none did, or too many."""
        most = max(1, int(_MOST * self._size[0] * self._size[1]))
        if self._count < _FEWEST or not 0 < len(self._places) <= most:
            return None
        means = self._sums / self._count
        spread, own_spread = (
            np.sqrt(np.maximum(squares - mean * mean, 0))
            for mean, squares in ((means[_CENTRE], means[9]), (means[10], means[11]))
        )
        # It adds the same to what it sees, or sees nothing; what passes by does neither.
        alike = (spread < _VARIES * means[_CENTRE]) | (own_spread < _WAVERS)
        alike &= means[_CENTRE] > _STANDS_OUT
        stands_out = means[:9] > _SPREADS
        stands_out[_CENTRE] = True
        member, number = np.nonzero(stands_out & alike)
        if not len(number):
            return None
        middles = self._places[number]
        places = middles + _BLOCK[member]
        rows, columns = _inside(places, self._size)
        return HotPixels(np.stack([rows, columns], 1), middles)


def _brightest(pixels: Pixels) -> Grey:
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green, red), blue, red))


def _standing_out(strip: Grey) -> tuple[Indices, NDArray[np.float32]]:
    """Pixels brighter, or darker, than all around them and by much than their mean."""
    above = strip - cv2.blur(strip, (5, 5))
    kernel = np.ones((3, 3), np.uint8)
    shine = (above > _STANDS_OUT / 2) & (strip >= cv2.dilate(strip, kernel))
    dark = (above < -_STANDS_OUT / 2) & (strip <= cv2.erode(strip, kernel))
    found = np.argwhere(shine | dark)
    most = max(1, int(_CANDIDATES * strip.size))
    if len(found) > most:
        strength = np.abs(above[tuple(found.T)])
        found = found[np.sort(np.argpartition(strength, -most)[-most:])]
    return found, np.where(shine[tuple(found.T)], 1, -1).astype(np.float32)


def _around(picture: Samples, middles: Indices) -> Samples:
    """The ring around each middle, (ring, count[, channels])."""
    return picture[_inside(middles[None] + _RING[:, None], picture.shape)]


def _inside(places: Indices, shape: tuple[int, ...]) -> tuple[Indices, Indices]:
    """Rows and columns, of those beyond the border the nearest."""
    rows, columns = np.moveaxis(places, -1, 0)
    return rows.clip(0, shape[0] - 1), columns.clip(0, shape[1] - 1)
