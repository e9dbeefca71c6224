"""Filters written down in the frequency domain, as the metrics of human vision take them."""

from __future__ import annotations

import numpy as np

from hyperfocal.metrics._grey import Plane


def radii(shape: tuple[int, ...], *, across: float, down: float) -> Plane:
    """Frequency radius in the layout of rfft2, its unit set by what Nyquist stands for."""
    height, width = shape
    rows = np.fft.fftfreq(height)[:, None] * (2 * down)
    columns = np.fft.rfftfreq(width) * (2 * across)
    radius: Plane = np.hypot(rows, columns)
    return radius


def filtered(picture: Plane, gain: Plane) -> Plane:
    """The picture after a zero-phase filter, periodic at its borders."""
    result: Plane = np.fft.irfft2(np.fft.rfft2(picture) * gain, picture.shape)
    return result
