"""Specks that are sharp in one frame and far out of focus in others: bright and dark ones alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import hyperfocal
from hyperfocal.methods.prism import Prism

GROUND, CONTRAST = 0.24, 0.47  # bright on dark; dark specks are the same, inverted


def specks(seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """25 ellipses on an even ground, and where each is."""
    rng = np.random.default_rng(seed)
    sharp, places = np.full((480, 640), GROUND, np.float32), []
    for number in range(25):
        place = np.zeros_like(sharp)
        centre = 60 + 130 * (number % 5) + int(rng.integers(-15, 15)), 48 + 96 * (number // 5)
        short = float(rng.uniform(1.5, 12))
        axes = round(short), round(min(40.0, short * rng.uniform(1, 5)))
        ellipse = (centre, axes, float(rng.uniform(0, 180)), 0, 360)
        cv2.ellipse(sharp, *ellipse, GROUND + CONTRAST, -1, cv2.LINE_AA)
        cv2.ellipse(place, *ellipse, 1, -1)
        places.append(place > 0)
    return sharp, places


def seen_through(picture: np.ndarray, radius: int) -> np.ndarray:
    """Blurred by a round aperture."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (rows**2 + columns**2 <= radius**2).astype(np.float32)
    wide = cv2.copyMakeBorder(picture, *[radius] * 4, cv2.BORDER_REFLECT)
    blurred = cv2.filter2D(wide, -1, disc / disc.sum())
    return blurred[radius : radius + picture.shape[0], radius : radius + picture.shape[1]]


@pytest.mark.parametrize("light", ["bright", "dark"])
@pytest.mark.parametrize("count", [2, 6, 10])
@pytest.mark.parametrize("radius", [5, 10, 20, 40, 60, 90, 120])
def test_specks_are_kept_whatever_the_blur_of_other_frames(radius, count, light):
    sharp, places = specks(seed=5)
    rng = np.random.default_rng(6)
    sign, start = (1, 0.0) if light == "bright" else (-1, 1.0)
    frames = [
        start + sign * seen_through(sharp, round(radius * at / (count - 1)))
        + rng.normal(0, 0.004, sharp.shape)
        for at in range(count)
    ]  # fmt: skip
    frames = [np.rint(255 * np.clip(frame, 0, 1)).astype(np.uint8) for frame in frames]
    made = hyperfocal.fuse(frames, method="prism", align="none", exposure="none").picture / 255
    made = (made - start) / sign
    kept = [(made[place].mean() - GROUND) / CONTRAST for place in places]
    assert min(kept) > 0.7
    assert -10 * np.log10(np.mean((made - sharp) ** 2)) > 36


def test_small_pictures_have_fewer_levels_and_tiles_as_many_as_the_picture():
    method = Prism()
    assert [method.levels_of(*size) for size in ((255, 900), (900, 255), (256, 256))] == [5, 5, 6]
    assert method.halo >= 256  # rows that a tile of a larger picture has at least
    assert Prism(levels=4).levels_of(2000, 3000) == 4
