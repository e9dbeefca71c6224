"""DenseFuse: a densely connected encoder, and a decoder that makes pictures of its features.

Frames are fused by their features, and the decoder makes the composite. Borders are mirrored.
Li, Wu: DenseFuse, a fusion approach to infrared and visible images, IEEE TIP, 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hyperfocal.baselines.dense_fuse.config import DenseFuseConfig

multiple_of = 1  # any picture size will do
minimum = 2  # px; a mirror needs a neighbour


def convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode="reflect")


class DenseFuseNetwork(nn.Module):
    """Reconstructs grey pictures (N, 1, H, W), 0…1; fusion goes in between the two halves."""

    config_class = DenseFuseConfig

    def __init__(self, config: DenseFuseConfig | None = None):
        super().__init__()
        self.config = config = config or DenseFuseConfig()
        widths = [max(1, index * config.growth) for index in range(config.layers)]
        self.encoder = nn.ModuleList(convolution(width, config.growth) for width in widths)
        self.decoder = nn.Sequential(
            convolution(config.channels, 64),
            nn.ReLU(),
            convolution(64, 32),
            nn.ReLU(),
            convolution(32, 16),
            nn.ReLU(),
            convolution(16, 1),
        )

    def features(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, C, H, W), never negative."""
        maps = torch.relu(self.encoder[0](pictures))
        for layer in self.encoder[1:]:
            maps = torch.cat([maps, torch.relu(layer(maps))], 1)
        return maps

    def decode(self, features: Tensor) -> Tensor:
        """(N, C, H, W) features -> (N, 1, H, W)."""
        return self.decoder(features)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.decode(self.features(pictures))
