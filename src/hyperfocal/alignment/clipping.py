"""Samples as white as they get, which say no more than that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Pixels

CLIPPED = np.float32(0.98)  # of white; cameras and JPEG do not clip to the last digit


def is_clipped(pixels: Pixels) -> NDArray[np.bool_]:
    """Where any channel is clipped, (height, width)."""
    return reach_any(pixels, np.full(pixels.shape[2], CLIPPED))


def reach_any(pixels: Pixels, levels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where any channel reaches its level, (height, width)."""
    # Channel by channel, because to reduce a last axis of three costs thirty times as much.
    found: NDArray[np.bool_] = pixels[:, :, 0] >= levels[0]
    for channel in range(1, pixels.shape[2]):
        found |= pixels[:, :, channel] >= levels[channel]
    return found
