"""Sobel gradients, as the edge metrics take them."""

from __future__ import annotations

import cv2
import numpy as np

from hyperfocal.metrics._grey import Plane

NUDGE = 1e-5  # stands for a gradient of exactly zero, so that quotients exist


def sobel(picture: Plane) -> tuple[Plane, Plane]:
    """Unscaled 3×3 responses along x and along y, black beyond the border."""
    return (
        cv2.Sobel(picture, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_CONSTANT),
        cv2.Sobel(picture, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_CONSTANT),
    )


def strength(picture: Plane) -> Plane:
    """Length of the gradient."""
    return np.hypot(*sobel(picture))


def edges(picture: Plane) -> tuple[Plane, Plane]:
    """Strength (never 0) and orientation (-π/2…π/2) of the gradient at each pixel."""
    along_x, along_y = sobel(picture)
    return nudged(np.hypot(along_x, along_y)), np.arctan(along_y / nudged(along_x))


def mirrored_edges(picture: Plane) -> tuple[Plane, Plane]:
    """Strength per pixel and orientation, the picture mirrored at its border."""
    # The order of additions is that of the published program: which of two edges is the
    # stronger is decided by the last bit wherever the fused picture is as flat as its sources.
    padded = np.pad(picture, 1, mode="reflect")
    smooth = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    change = padded[2:] - padded[:-2]
    along_x = smooth[:, 2:] - smooth[:, :-2]
    along_y = change[:, :-2] + 2 * change[:, 1:-1] + change[:, 2:]
    slope = np.divide(along_x, along_y, out=np.zeros_like(along_x), where=along_y != 0)
    is_upright = (along_y == 0) & (along_x != 0)
    angle = np.where(is_upright, np.copysign(np.pi / 2, along_x), np.arctan(slope))
    return np.sqrt(along_x**2 + along_y**2) / 8, angle


def nudged(values: Plane) -> Plane:
    """The values, zeros replaced by something very small."""
    return np.where(values == 0, NUDGE, values)


def clamped_strength(picture: Plane) -> Plane:
    """Squared length of the gradient per pixel, the border continued outwards."""
    along_x = cv2.Sobel(picture, cv2.CV_64F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    along_y = cv2.Sobel(picture, cv2.CV_64F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    squared: Plane = along_x**2 + along_y**2
    return squared
