"""Two pairs of small pictures and what was fused of them, bit by bit the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np


def _softened(picture: Any) -> Any:
    """The mean of the 3×3 pixels around each, in whole numbers."""
    padded = np.pad(picture, 1, mode="edge")
    height, width = picture.shape
    parts = [
        padded[row : row + height, column : column + width] for row, column in np.ndindex(3, 3)
    ]
    return np.sum(parts, axis=0) // 9


def _scene(height: int, width: int, seed: int) -> Any:
    """Shapes with texture of several sizes, 20…230, made of whole numbers alone."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.int64)
    for side, strength in ((16, 90), (5, 60), (2, 40), (1, 20)):
        rows, columns = -(-height // side), -(-width // side)
        coarse = random.integers(0, strength + 1, (rows, columns))
        picture += np.kron(coarse, np.ones((side, side), np.int64))[:height, :width]
    return picture + 20


def pair(number: int) -> dict[str, Any]:
    """Sources `one` and `other`, each sharp in one half, and three fused pictures, on 0…255.

    `chosen` takes the sharp halves but for a strip, `mean` is the average, `soft` is out of focus.
    """
    height, width = ((64, 64), (64, 67))[number]
    sharp = _scene(height, width, seed=number)
    soft = _softened(_softened(_softened(sharp)))
    is_first = np.broadcast_to(np.arange(width) < width // 2, sharp.shape)
    one, other = np.where(is_first, sharp, soft), np.where(is_first, soft, sharp)
    is_taken = np.broadcast_to(np.arange(width) < width // 2 + 4, sharp.shape)
    fused = {
        "chosen": np.where(is_taken, one, other),
        "mean": (one + other) // 2,
        "soft": _softened(np.where(is_first, one, other)),
    }
    pictures = {"one": one, "other": other, **fused}
    return {name: picture.astype(np.float64) for name, picture in pictures.items()}
