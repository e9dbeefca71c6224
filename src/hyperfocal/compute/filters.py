"""Box and guided filters, whose windows at the border are smaller, not padded."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey, Weight


def guided_filter(
    guide: Grey, mask: NDArray[np.bool_] | Weight, *, radius: int, epsilon: float
) -> Weight:
    """The mask smoothed along the edges of the guide, 0…1; it looks 2·radius pixels far.

    `guide` and `epsilon` are on the same scale. Windows at the border are smaller, not padded.
    He, Sun, Tang: Guided image filtering, 2013, eq. 5, 6 and 8.
    """
    weight = mask.astype(np.float32)
    mean_guide, mean_weight = box_mean(guide, radius), box_mean(weight, radius)
    covariance = box_mean(guide * weight, radius) - mean_guide * mean_weight
    slope = covariance / (box_mean(guide * guide, radius) - mean_guide**2 + np.float32(epsilon))
    offset = mean_weight - slope * mean_guide
    smooth = box_mean(slope, radius) * guide + box_mean(offset, radius)
    return np.clip(smooth, 0, 1, out=smooth)


def box_mean(values: Grey, radius: int) -> Grey:
    """Mean over the (2·radius + 1)² window, over what of it lies inside the picture."""
    rows, columns = (_inside_counts(length, radius) for length in values.shape)
    mean = box_sum(values, radius)
    mean /= rows[:, None]
    mean /= columns
    return mean


def box_sum(values: Grey, radius: int) -> Grey:
    """Sum over the (2·radius + 1)² window; outside the picture there is nothing to add."""
    size = (2 * radius + 1, 2 * radius + 1)
    return cv2.boxFilter(values, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)


def _inside_counts(length: int, radius: int) -> NDArray[np.float32]:
    places = np.arange(length)
    last = np.minimum(places + radius, length - 1)
    return (last - np.maximum(places - radius, 0) + 1).astype(np.float32)
