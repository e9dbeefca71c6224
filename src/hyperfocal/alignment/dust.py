"""What dust on a sensor takes from each frame: a map by which frames are divided.

A scene that moves over the dust tells both apart: the mean of frames, each freed of the dust and
placed, is the scene; the mean of what frames differ from that scene, as they lie, is the dust. Each
makes the other better (flat fields out of shifted pictures: Kuhn, Lin and Loranz, 1991).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.alignment import motion_estimation, transforms
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.transforms import Matrix
from hyperfocal.compute import tiles
from hyperfocal.frame import Grey, Pixels
from hyperfocal.io.coverage import Mask

_ROUNDS = 8
_DARK = 0.02  # on 0…1, added so that logarithms of the dark are no more than noise
_REACH = 4  # px of a preview around what was found, where the rest of a spot may lie
_SOFT = 1.5  # px, over which the correction ends
_LEAST = 0.2  # of the light; what lets less through hides the scene
_STRIP = 256  # rows


@dataclass(frozen=True)
class Dust:
    """How much light comes through, (height, width) of a preview, 1 where nothing lies."""

    transmission: Grey
    spots: int
    factor: int  # px of a frame in one of a preview

    def removed(self, pixels: Pixels) -> Pixels:
        """The frame without it, in place."""
        height, width = pixels.shape[:2]
        rows = np.flatnonzero((self.transmission < 1).any(axis=1))
        for strip in tiles.strips(height, _STRIP):
            if not np.any(
                (rows * self.factor < strip.bottom) & ((rows + 1) * self.factor > strip.top)
            ):
                continue
            y = (np.arange(strip.top, strip.bottom, dtype=np.float32) + 0.5) / self.factor - 0.5
            x = (np.arange(width, dtype=np.float32) + 0.5) / self.factor - 0.5
            across, down = np.meshgrid(x, y)
            through = cv2.remap(
                self.transmission, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            pixels[strip.rows] /= through[:, :, None]
        return pixels


def dust(previews: Previews, matrices: Mapping[int, Matrix], mask: Mask) -> Dust:
    """The dust of a mask, (height, width) of previews; the matrices lead into frames."""
    size = previews.shape
    taken = np.zeros(size, np.float32)
    kernel = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    around = cv2.dilate(mask.astype(np.uint8), kernel)
    soft = cv2.GaussianBlur(around.astype(np.float32), (0, 0), _SOFT)
    for _ in range(_ROUNDS):
        scene = _mean(previews, matrices, taken)
        taken = np.minimum(_residue(previews, matrices, scene) * soft, 0)
    np.maximum(taken, np.log(np.float32(_LEAST)), out=taken)
    return Dust(np.exp(taken), cv2.connectedComponents(around)[0] - 1, previews.factor)


def _mean(previews: Previews, matrices: Mapping[int, Matrix], taken: Grey) -> Grey:
    """The scene: the mean of placed frames without what dust takes, in logarithms."""
    return _average(
        previews,
        matrices.items(),
        lambda light, matrix: motion_estimation.warped(light - taken, matrix, previews.shape),
    )


def _residue(previews: Previews, matrices: Mapping[int, Matrix], scene: Grey) -> Grey:
    """The mean of what frames differ from the scene, as they lie."""
    return _average(
        previews,
        ((index, transforms.inverse(matrix)) for index, matrix in matrices.items()),
        lambda light, back: light - motion_estimation.warped(scene, back, previews.shape),
    )


def _average(
    previews: Previews,
    placed: Iterable[tuple[int, Matrix]],
    seen: Callable[[Grey, Matrix], Grey],
) -> Grey:
    """The mean of what is seen of each frame's light by its matrix, where that covers anything."""
    size = previews.shape
    total, count = np.zeros(size, np.float32), np.full(size, 1e-6, np.float32)
    for index, matrix in placed:
        known = motion_estimation.coverage(size, matrix, size)
        total += seen(_light(previews, index), matrix) * known
        count += known
    return total / count


def _light(previews: Previews, index: int) -> Grey:
    return np.asarray(np.log(previews.grey(index, is_whole=True) + np.float32(_DARK)))
