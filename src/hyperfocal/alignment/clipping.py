"""Samples as white as they get, which say no more than that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Pixels

CLIPPED = np.float32(0.98)  # of white; cameras and JPEG do not clip to the last digit


def is_clipped(pixels: Pixels) -> NDArray[np.bool_]:
    """Where any channel is clipped, (height, width)."""
    clipped: NDArray[np.bool_] = pixels[:, :, 0] >= CLIPPED
    # Channel by channel, because a maximum along a last axis of three costs thirty times as much.
    for channel in range(1, pixels.shape[2]):
        clipped |= pixels[:, :, channel] >= CLIPPED
    return clipped
