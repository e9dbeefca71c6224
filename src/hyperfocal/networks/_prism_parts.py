"""The parts of Prism as they run at inference, without torch: one level of one frame at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.networks.prism import Prism, mend_features


class Coarse(nn.Module):
    """Maps (1, 8, h, w) of a level, features (1, C, h/4, w/4) -> (1, 5 + C, h/2, w/2).

    First the scores of the four pixels of a square and of the base, then the features.
    """

    def __init__(self, network: Prism):
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, coarser: Tensor) -> Tensor:
        return torch.cat(self.network.coarse_scores(maps, coarser), 1)


class Fine(nn.Module):
    """Maps (1, 8, H, W) of the finest level, features -> scores of pixels and of the band."""

    def __init__(self, network: Prism):
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, coarser: Tensor) -> Tensor:
        return self.network.fine_scores(maps, coarser)


class Mend(nn.Module):
    """Maps (1, 8, h, w) of a level of the averages, features -> (1, 4 + C, h/2, w/2).

    First the changes of the four pixels of a square, in units of the largest deviation there, then
    the features for the next finer level.
    """

    def __init__(self, network: Prism):
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, coarser: Tensor) -> Tensor:
        step = self.network.mend
        features = step(mend_features(maps), coarser)
        return torch.cat([step.head(features), features], 1)


def example(channels: int) -> tuple[Tensor, Tensor]:
    """Inputs of the right shapes, to trace the graphs with."""
    return torch.rand(1, 8, 64, 64), functional.relu(torch.rand(1, channels, 16, 16))
