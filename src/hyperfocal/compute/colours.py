"""Numbers as colours that eyes can order: perceptual colour maps, grey where nothing is known.

Viridis and inferno get lighter evenly, in print and for colour-blind eyes too: van der Walt, Smith,
2015.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]  # (height, width, 3)
Map: TypeAlias = Literal["viridis", "inferno", "grey"]

_MAPS = {"viridis": cv2.COLORMAP_VIRIDIS, "inferno": cv2.COLORMAP_INFERNO}
_UNKNOWN = np.float32(205)  # a light grey, that is in neither map
_SURE = 95  # percentile of the confidence that counts as sure
_LEAST = 0.02  # of the confidence; a method that is nowhere surer knows nothing
_CLEAR = 0.5  # of what is sure; from here on a colour is whole


def coloured(share: NDArray[np.float32], name: Map = "viridis") -> Rgb:
    """The colours of numbers 0…1."""
    levels = np.clip(share * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
    if name == "grey":
        return cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(cv2.applyColorMap(levels, _MAPS[name]), cv2.COLOR_BGR2RGB)


def certainty_of(
    confidence: NDArray[np.float32] | None, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """How much of a colour to show, 0…1: the confidence beside the best of its own picture.

    Methods give confidences of their own scale. Evened out a little, because one pixel without
    texture between others is one with them.
    """
    if confidence is None:
        return np.ones(shape[:2], np.float32)
    sure = max(float(np.percentile(confidence, _SURE)), _LEAST)
    smooth = cv2.GaussianBlur(confidence, (0, 0), max(1.0, max(shape) / 400))
    return np.clip(smooth / np.float32(sure * _CLEAR), 0, 1)


def faded(colours: Rgb, certainty: NDArray[np.float32]) -> Rgb:
    """Colours, grey as far as they are not certain."""
    share = certainty[:, :, None]
    return (colours * share + _UNKNOWN * (1 - share) + np.float32(0.5)).astype(np.uint8)
