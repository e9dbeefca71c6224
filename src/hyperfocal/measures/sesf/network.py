"""SESF-Fuse: a dense encoder with squeeze-and-excitation, and the decoder that trains it.

The encoder's features keep the picture's full resolution; their spatial frequency tells what is
in focus. The decoder exists for training and for the decoded ablation modes only.
Ma, Zhu, Yin, Ban, Huang, Mukeshimana: SESF-Fuse, Neural Computing and Applications, 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hyperfocal.measures.sesf.config import SesfConfig

multiple_of = 1  # any picture size will do
minimum = 1  # px


def block(channels_in: int, channels_out: int) -> nn.Sequential:
    """3×3 convolution, ReLU, batch norm: in that order, as published."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(channels_out),
    )


class ChannelGate(nn.Module):
    """cSE: one factor a channel, from the channel's mean over the picture."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias=False)
        self.excite = nn.Linear(channels // reduction, channels, bias=False)

    def gate(self, pooled: Tensor) -> Tensor:
        """(N, C) channel means -> (N, C, 1, 1) factors in 0…1."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))[:, :, None, None]

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.gate(maps.mean((2, 3)))


class SpatialGate(nn.Module):
    """sSE: one factor a position, from the channels there."""

    def __init__(self, channels: int):
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return maps * torch.sigmoid(self.score(maps))


class BothGates(nn.Module):
    """scSE: the sum of cSE and sSE."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        self.channel = ChannelGate(channels, reduction)
        self.spatial = SpatialGate(channels)

    def forward(self, maps: Tensor) -> Tensor:
        return self.channel(maps) + self.spatial(maps)


def attention_unit(config: SesfConfig) -> nn.Module:
    if config.attention == "cse":
        return ChannelGate(config.growth, config.reduction)
    if config.attention == "sse":
        return SpatialGate(config.growth)
    return BothGates(config.growth, config.reduction)


class SesfNetwork(nn.Module):
    """Reconstructs grey pictures; what it is for is `features`.

    Pictures are (N, 1, H, W), 0…1. Normalising them is the network's own first step.
    """

    config_class = SesfConfig

    def __init__(self, config: SesfConfig | None = None):
        super().__init__()
        self.config = config = config or SesfConfig()
        growth = config.growth
        widths = [max(1, index * growth) for index in range(config.blocks)]
        self.encoder = nn.ModuleList(block(width, growth) for width in widths)
        self.attention = nn.ModuleList(attention_unit(config) for _ in widths)
        self.decoder = nn.Sequential(
            block(config.channels, 64), block(64, 32), block(32, 16), block(16, 1)
        )

    def normalise(self, pictures: Tensor) -> Tensor:
        return (pictures - self.config.mean) / self.config.deviation

    def denormalise(self, normalised: Tensor) -> Tensor:
        return normalised * self.config.deviation + self.config.mean

    def features(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) in 0…1 -> (N, C, H, W)."""
        maps = self.attention[0](self.encoder[0](self.normalise(pictures)))
        for encode, attend in zip(self.encoder[1:], self.attention[1:], strict=True):
            maps = torch.cat([maps, attend(encode(maps))], 1)
        return maps

    def decode(self, features: Tensor) -> Tensor:
        """(N, C, H, W) features -> (N, 1, H, W), a normalised picture."""
        return self.decoder(features)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.decode(self.features(pictures))
