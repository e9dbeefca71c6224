"""Means, variances and covariances in windows that lie wholly inside the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.metrics._grey import Plane


@dataclass(frozen=True)
class Windowed:
    """A picture with its statistics in all windows; each is smaller than the picture."""

    picture: Plane
    window: Plane
    mean: Plane
    variance: Plane
    is_flat: NDArray[np.bool_]


def gaussian(size: int, deviation: float) -> Plane:
    """Weights along one side of a Gaussian window; they sum to 1."""
    position = np.arange(size) - (size - 1) / 2
    weights: Plane = np.exp(-(position**2) / (2 * deviation**2))
    weights /= weights.sum()
    return weights


def box(size: int) -> Plane:
    """Weights along one side of a window that treats all pixels alike."""
    return np.full(size, 1 / size)


def mean(picture: Plane, window: Plane) -> Plane:
    """Weighted mean in each window."""
    return inside(cv2.sepFilter2D(picture, cv2.CV_64F, window, window), len(window))


def windowed(picture: Plane, window: Plane) -> Windowed:
    """The statistics of one picture; where a window is constant, its variance is exactly 0."""
    square = np.ones((len(window), len(window)), np.uint8)
    is_flat = inside(cv2.dilate(picture, square) == cv2.erode(picture, square), len(window))
    average = mean(picture, window)
    variance = np.maximum(mean(picture**2, window) - average**2, 0)
    # Rounding would leave a variance of about 1e-16 of the squared grey, which decides quotients.
    variance[is_flat] = 0
    return Windowed(picture, window, average, variance, is_flat)


def covariance(one: Windowed, other: Windowed) -> Plane:
    """Weighted covariance of two pictures; exactly 0 where a window of either is constant."""
    together = mean(one.picture * other.picture, one.window) - one.mean * other.mean
    together[one.is_flat | other.is_flat] = 0
    return together


def inside(filtered: NDArray[Any], size: int) -> NDArray[Any]:
    """What a filter gave where its window of this size did not reach over the border."""
    before, after = size // 2, (size - 1) // 2
    height, width = filtered.shape
    return filtered[before : height - after, before : width - after]
