"""Image matting: where two regions of focus meet, every frame's share is found by matting.

Morphological detail (what opening takes off and closing fills in) chooses frames; away from borders
of the chosen regions that choice stands, between them a frame's share is the matte that follows its
own luma. N frames as published, their mattes made to add up to 1. Works on the whole picture,
because mattes solve an equation over it. Li, Kang, Hu, Yang: Image matting for fusion of
multi-focus images in dynamic scenes, Information Fusion, 2013.

The publication takes robust matting (Wang, Cohen, 2007); this takes the closed-form mattes of
Levin, Lischinski, Weiss, 2008, without building their matrix (He, Sun, Tang, 2010). The sizes of
discs and windows are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.baselines._whole import WholePicture
from hyperfocal.decision.argmax import ArgMax
from hyperfocal.decision.consistency import disk, verified_stack
from hyperfocal.frame import FocusMap, Grey, Pixels, Weight, to_grey
from hyperfocal.options import option

Mask: TypeAlias = NDArray[np.bool_]
Plane: TypeAlias = NDArray[np.float64]

_MOST_STEPS, _TOLERANCE = 300, 1e-3  # of conjugate gradients; of what was wrong at first


@dataclass(frozen=True)
class Imf(WholePicture):
    """Options of the choice and of the mattes."""

    disk_radius: int = option(4, "disk of the morphological detail", unit="px", low=1, high=50)
    mean_radius: int = option(5, "window over which detail is averaged", unit="px", low=0, high=99)
    opening_radius: int = option(
        5, "disk that must fit into a region for it to be kept", unit="px", low=0, high=99
    )
    smallest_share: float = option(
        0.01, "regions below this share of the picture are given up", low=0, high=1
    )
    border: int = option(8, "px on both sides of a border that are matted", unit="px", low=1)
    window_radius: int = option(2, "window of the mattes", unit="px", low=1, high=50)
    epsilon: float = option(1e-5, "their regularisation", unit="levels² of 1", low=1e-12)

    @property
    def bytes_per_pixel(self) -> int:
        return 250

    def detail(self, grey: Grey) -> FocusMap:
        """The larger of both top-hats, averaged."""
        shape = disk(self.disk_radius)
        bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, shape)
        dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, shape)
        side = 2 * self.mean_radius + 1
        return cv2.blur(np.maximum(bright, dark), (side, side), borderType=cv2.BORDER_REPLICATE)

    def fold(self, height: int, width: int, channels: int) -> MatteFold:
        return MatteFold(self, (height, width, channels))


class MatteFold:
    """First the choice, then every frame by its matte."""

    def __init__(self, options: Imf, shape: tuple[int, int, int]):
        self._options = options
        self._contest = ArgMax(*shape[:2])
        self._count = self._added = 0
        self._is_unknown: Mask = np.zeros(shape[:2], np.bool_)
        self._total = np.zeros(shape, np.float32)
        self._share = np.zeros((*shape[:2], 1), np.float32)

    def observe(self, pixels: Pixels) -> None:
        self._contest.add(self._count, self._options.detail(to_grey(pixels)))
        self._count += 1

    def add(self, pixels: Pixels) -> None:
        options = self._options
        if self._added == 0:
            self._settle()
        chosen = self._contest.index == self._added
        weight = matte(
            to_grey(pixels),
            chosen,
            self._is_unknown,
            radius=options.window_radius,
            epsilon=options.epsilon,
        )
        # Where no frame's matte claims a pixel, its choice stands.
        weight += np.float32(1e-6) * chosen
        self._total += weight[:, :, None] * pixels
        self._share += weight[:, :, None]
        self._added += 1

    def result(self) -> Pixels:
        return self._total / self._share

    def _settle(self) -> None:
        """Regions without small ones, and where their borders are."""
        options, index = self._options, self._contest.index
        smallest = options.smallest_share * index.size * 2 / self._count
        index = verified_stack(
            index, frame_count=self._count, radius=options.opening_radius, smallest=smallest
        )
        shape = np.ones((2 * options.border + 1,) * 2, np.uint8)
        self._contest.index = index
        self._is_unknown = cv2.dilate(index, shape) != cv2.erode(index, shape)


def matte(guide: Grey, chosen: Mask, unknown: Mask, *, radius: int, epsilon: float) -> Weight:
    """`chosen` as 0 and 1, and where it is `unknown` the closed-form matte of the guide, 0…1.

    Conjugate gradients over the unknown pixels, from `chosen`. Where all pixels are unknown there
    is nothing to go by, and `chosen` stands.
    """
    start = chosen.astype(np.float64)
    if not unknown.any() or unknown.all():
        return start.astype(np.float32)
    laplacian = MattingLaplacian(guide.astype(np.float64), radius, epsilon)
    alpha, left = start.copy(), -laplacian(start) * unknown
    direction, size = left.copy(), float(np.vdot(left, left))
    enough = _TOLERANCE**2 * size
    for _ in range(_MOST_STEPS):
        if size <= enough:
            break
        turned = laplacian(direction) * unknown
        length = size / float(np.vdot(direction, turned))
        alpha += length * direction
        left -= length * turned
        former, size = size, float(np.vdot(left, left))
        direction = left + (size / former) * direction
    return np.clip(alpha, 0, 1).astype(np.float32)


class MattingLaplacian:
    """How far a matte is from a linear function of the guide in each window: L of Levin et al.

    Applied by box filters, in a time that does not depend on the window. Windows at the border are
    smaller, not padded.
    """

    def __init__(self, guide: Plane, radius: int, epsilon: float):
        self._guide, self._side = guide, 2 * radius + 1
        self._count = self._sum(np.ones_like(guide))
        self._mean = self._sum(guide) / self._count
        variance = self._sum(guide * guide) / self._count - self._mean**2
        self._damped = np.maximum(variance, 0) + epsilon / self._count

    def __call__(self, alpha: Plane) -> Plane:
        mean = self._sum(alpha) / self._count
        slope = (self._sum(self._guide * alpha) / self._count - self._mean * mean) / self._damped
        offset = mean - slope * self._mean
        fitted = self._sum(slope) * self._guide + self._sum(offset)
        return self._count * alpha - fitted

    def _sum(self, values: Plane) -> Any:
        size = (self._side, self._side)
        return cv2.boxFilter(
            values, cv2.CV_64F, size, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
