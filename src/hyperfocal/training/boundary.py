"""The boundary guided filter of GACN, differentiable: `methods.gacn.boundary` with a gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.methods.gacn import boundary
from hyperfocal.methods.gacn.network import box_sum
from hyperfocal.training.losses import gaussian_window


def softened(decision: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The decision map (N, 1, H, W) smoothed along its borders, guided by the fused picture."""
    inside = _deep_inside(decision)
    guide = decision * first + (1 - decision) * second
    smooth = _guided(guide, decision)
    return smooth + inside * (decision - smooth)


def _deep_inside(decision: Tensor) -> Tensor:
    reach = boundary.SIDE // 2
    window = gaussian_window(boundary.SIDE, boundary.SIGMA).to(decision)
    padded = functional.pad(decision, (reach,) * 4, mode="reflect")
    down = functional.conv2d(padded, window.view(1, 1, -1, 1))
    blurred = functional.conv2d(down, window.view(1, 1, 1, -1))
    sure = torch.where(
        blurred > boundary.HIGH,
        blurred,
        torch.where(blurred < boundary.LOW, 1 - blurred, torch.zeros_like(blurred)),
    )
    return sure * (2 * blurred - 1).abs()


def _guided(guide: Tensor, decision: Tensor) -> Tensor:
    counts = box_sum(torch.ones_like(guide[:1]), boundary.RADIUS)

    def mean(maps: Tensor) -> Tensor:
        return box_sum(maps, boundary.RADIUS) / counts

    mean_guide, mean_decision = mean(guide), mean(decision)
    covariance = mean(guide * decision) - mean_guide * mean_decision
    slope = covariance / (mean(guide * guide) - mean_guide**2 + boundary.EPSILON)
    return mean(slope) * guide + mean(mean_decision - slope * mean_guide)
