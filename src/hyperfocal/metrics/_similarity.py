"""Structural similarity (SSIM) of two pictures in all windows.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
similarity, IEEE Transactions on Image Processing, 2004.
"""

from __future__ import annotations

from dataclasses import replace

from hyperfocal.metrics._grey import Plane
from hyperfocal.metrics._windows import Windowed, covariance


def ssim(
    one: Windowed,
    other: Windowed,
    covariance: Plane,
    *,
    constants: tuple[float, float],
    guard: float = 0.0,
) -> Plane:
    """(2μμ' + C₁)(2σ₁₂ + C₂) / ((μ² + μ'² + C₁)(σ² + σ'² + C₂) + guard)."""
    of_means, of_contrasts = constants
    above = (2 * one.mean * other.mean + of_means) * (2 * covariance + of_contrasts)
    below = one.mean**2 + other.mean**2 + of_means
    below *= one.variance + other.variance + of_contrasts
    similarity: Plane = above / (below + guard)
    return similarity


def sampled_ssim(one: Windowed, other: Windowed, constants: tuple[float, float]) -> Plane:
    """SSIM with sample variances, divided by n - 1, of windows of n equal weights."""
    count = len(one.window) ** 2
    unbiased = count / (count - 1)
    together = covariance(one, other) * unbiased
    first, second = (replace(each, variance=each.variance * unbiased) for each in (one, other))
    return ssim(first, second, together, constants=constants)


def contrast_similarity(
    one: Windowed, other: Windowed, covariance: Plane, of_contrasts: float
) -> Plane:
    """(2σ₁₂ + C₂) / (σ² + σ'² + C₂), SSIM without its luminance."""
    similarity: Plane = (2 * covariance + of_contrasts) / (
        one.variance + other.variance + of_contrasts
    )
    return similarity


def stabilizers(peak: float) -> tuple[float, float]:
    """The usual constants C₁ and C₂ for pictures on 0…peak."""
    return (0.01 * peak) ** 2, (0.03 * peak) ** 2
