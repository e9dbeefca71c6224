"""Losses for training by reconstruction; all take (N, 1, H, W) and give a scalar."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_window(size: int, sigma: float) -> Tensor:
    """(size,) normalised Gaussian."""
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def ssim(
    first: Tensor, second: Tensor, *, window: int = 5, sigma: float = 1.5, peak: float = 1.0
) -> Tensor:
    """Mean structural similarity; 1 for equal pictures. Borders are padded with zeros.

    Wang, Bovik, Sheikh, Simoncelli, 2004; C1 = (0.01 peak)², C2 = (0.03 peak)².
    """
    kernel = gaussian_window(window, sigma).to(first)
    rows, columns = kernel.view(1, 1, -1, 1), kernel.view(1, 1, 1, -1)
    pad = window // 2

    def blurred(maps: Tensor) -> Tensor:
        maps = functional.conv2d(maps, rows, padding=(pad, 0))
        return functional.conv2d(maps, columns, padding=(0, pad))

    stacked = torch.cat([first, second, first * first, second * second, first * second])
    mean_1, mean_2, square_1, square_2, product = blurred(stacked).chunk(5)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    covariance = product - mean_1 * mean_2
    variances = square_1 - mean_1**2 + square_2 - mean_2**2
    likeness = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return (likeness / ((mean_1**2 + mean_2**2 + c1) * (variances + c2))).mean()


def gradient_loss(made: Tensor, target: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    """Mean squared difference of the Sobel magnitudes; borders are left out."""
    return functional.mse_loss(_sobel(made, epsilon), _sobel(target, epsilon))


def _sobel(pictures: Tensor, epsilon: float) -> Tensor:
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(pictures)
    slopes = functional.conv2d(pictures, torch.stack([across, across.T])[:, None])
    # Without epsilon the root has no slope where the picture is flat.
    return torch.sqrt(slopes.square().sum(1, keepdim=True) + epsilon)


def spatial_frequency_loss(made: Tensor, target: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    """Mean squared difference of √(RF² + CF²), RF and CF being a pixel's first differences."""
    return functional.mse_loss(_frequency(made, epsilon), _frequency(target, epsilon))


def _frequency(pictures: Tensor, epsilon: float) -> Tensor:
    rows = pictures[..., 1:, 1:] - pictures[..., 1:, :-1]
    columns = pictures[..., 1:, 1:] - pictures[..., :-1, 1:]
    return torch.sqrt(rows.square() + columns.square() + epsilon)
