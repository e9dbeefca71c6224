"""GACN: features of two frames, compared channel by channel, and a map of which is sharper.

The encoder is SESF-Fuse's without its normalisation. Where the spatial frequency of a feature is
larger in the first frame is a soft map of 1 and 0; a convolutional decision path makes one map of
the 64. Everything is differentiable, and trained at once (training/lessons/gacn.py).
Ma, Yin, Wu, Ban: End-to-end learning for simultaneously generating decision map and multi-focus
image fusion result, Neurocomputing 470, 2022.

Shifts repeat the picture's border instead of padding with zeros, which would be an edge.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.measures.sesf.network import ChannelGate, block
from hyperfocal.methods.gacn.config import GacnConfig

multiple_of = 1  # any picture size will do
minimum = 1  # px


class WideSpatialGate(nn.Module):
    """sSE over a neighbourhood: one factor a position, from the channels around it."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        self.score = nn.Conv2d(channels, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * torch.sigmoid(self.score(maps))


class GacnNetwork(nn.Module):
    """Decides which of two grey frames is sharper; frames are (N, 1, H, W), 0…1."""

    config_class = GacnConfig

    def __init__(self, config: GacnConfig | None = None):
        super().__init__()
        self.config = config = config or GacnConfig()
        growth = config.growth
        seen = [1, *(growth * made for made in range(1, config.blocks))]
        self.encoder = nn.ModuleList(block(channels, growth) for channels in seen)
        self.attention = nn.ModuleList(ChannelGate(growth, config.reduction) for _ in seen)
        widths = list(itertools.pairwise([config.channels, *config.decision]))
        self.gates = nn.ModuleList(
            WideSpatialGate(channels, config.gate) for channels in (*(w for w, _ in widths), 1)
        )
        self.decision = nn.ModuleList(block(*width) for width in widths)

    def features(self, frames: Tensor) -> Tensor:
        """(N, 1, H, W) in 0…1 -> (N, C, H, W)."""
        maps: list[Tensor] = []
        for encode, attend in zip(self.encoder, self.attention, strict=True):
            maps.append(attend(encode(torch.cat(maps, 1) if maps else frames)))
        return torch.cat(maps, 1)

    def activity(self, features: Tensor) -> Tensor:
        """Spatial frequency of each feature: its squared first differences, summed in a window.

        No root, and no sum over channels.
        """
        # Picture by picture, which keeps what training holds of one in a core's cache.
        return torch.cat([self._activity(of_one) for of_one in features.split(1)])

    def _activity(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 0, 1, 0), mode="replicate")
        middle, left, above = padded[..., 1:, 1:], padded[..., 1:, :-1], padded[..., :-1, 1:]
        return box_sum((middle - left).square() + (middle - above).square(), self.config.radius)

    def compared(self, ahead: Tensor) -> Tensor:
        """Per channel, 1 where the first frame's activity is ahead of the second's, else 0."""
        return torch.sigmoid(self.config.steepness * ahead)

    def score(self, compared: Tensor) -> Tensor:
        """(N, C, H, W) soft maps -> (N, 1, H, W), positive where the first frame is to be taken.

        Its sign only: its size does not tell how much sharper that frame is.
        """
        maps = compared
        for gate, settle in zip(self.gates, self.decision, strict=False):
            maps = settle(gate(maps))
        return self.gates[-1](maps)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The decision map (N, 1, H, W), 1 where the first frame is taken."""
        both = self.activity(self.features(torch.cat([first, second])))
        first, second = both.chunk(2)
        return torch.sigmoid(self.config.steepness * self.score(self.compared(first - second)))


def box_sum(maps: Tensor, radius: int) -> Tensor:
    """Sum over the (2·radius + 1)² window; outside the picture there is nothing to add."""
    side = 2 * radius + 1
    maps = functional.avg_pool2d(maps, (side, 1), 1, (radius, 0))
    return functional.avg_pool2d(maps, (1, side), 1, (0, radius)) * side**2
