"""UMS-Fusion's network: a nested U-Net (UNet++) that learns to reconstruct photographs.

What it is for is the last node of its upper row: 16 feature maps of the picture's full size, whose
spatial frequency tells what is in focus. The reconstruction head exists for training only.
Xie et al.; UNet++: Zhou, Siddiquee, Tajbakhsh, Liang, 2018.

The publication counts 1.515 M parameters and 0.68 MFLOP a pixel. That is what 7×7 convolutions
with bias, gates without bias and as many maps inside a node as leave it give: 1,515,313, and 0.691
(0.65 without the head) where a multiplication and an addition count as two.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.measures.ums.config import UmsConfig

multiple_of = 1  # any picture size will do
minimum = 16  # px, of which the lowest level sees one

Attend = Callable[[str, Tensor], Tensor]
Raise = Callable[[Tensor, tuple[int, int]], Tensor]


def name_of(level: int, column: int) -> str:
    """X(0,4) is "0_4"."""
    return f"{level}_{column}"


def convolution(channels_in: int, channels_out: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)


class ChannelGate(nn.Module):
    """cSE with GELU inside: one factor a channel, from the channel's mean over the picture."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias=False)
        self.excite = nn.Linear(channels // reduction, channels, bias=False)

    def gate(self, pooled: Tensor) -> Tensor:
        """(N, C) channel means -> (N, C, 1, 1) factors in 0…1."""
        squeezed = functional.gelu(self.squeeze(pooled))
        return torch.sigmoid(self.excite(squeezed))[:, :, None, None]

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.gate(maps.mean((2, 3)))


class Node(nn.Module):
    """Two convolutions and a gate; `body` ends before the gate, after which comes ReLU6."""

    def __init__(self, channels_in: int, channels: int, config: UmsConfig):
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels_in, channels, config.kernel),
            nn.BatchNorm2d(channels),
            nn.ReLU6(),
            convolution(channels, channels, config.kernel),
            nn.BatchNorm2d(channels),
        )
        self.attention = ChannelGate(channels, config.reduction)


class UmsNetwork(nn.Module):
    """Reconstructs grey pictures; what it is for is `features`.

    Pictures are (N, 1, H, W), 0…1. Normalising them is the network's own first step.
    """

    config_class = UmsConfig

    def __init__(self, config: UmsConfig | None = None):
        super().__init__()
        self.config = config = config or UmsConfig()
        self.nodes = nn.ModuleDict()
        for level, column in config.places:
            channels = config.channels[level]
            self.nodes[name_of(level, column)] = Node(
                _width(config, level, column), channels, config
            )
        widths = [config.channels[0], 16, 8, 4, 1]
        self.head = nn.Sequential(
            *(convolution(*pair, config.kernel) for pair in itertools.pairwise(widths))
        )

    def normalise(self, pictures: Tensor) -> Tensor:
        return (pictures - self.config.mean) / self.config.deviation

    def denormalise(self, normalised: Tensor) -> Tensor:
        return normalised * self.config.deviation + self.config.mean

    def features(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) in 0…1 -> X(0,4), (N, 16, H, W)."""
        return self.nested(pictures, self._attend, raised)

    def nested(self, pictures: Tensor, attend: Attend, upsample: Raise) -> Tensor:
        """X(0,4), with the gates and the upsampling left to the caller.

        X(i,0) sees the level above, halved; X(i,j) sees X(i,0) … X(i,j−1) and X(i+1,j−1), raised.
        """
        made: dict[tuple[int, int], Tensor] = {}
        for level, column in self.config.places:
            if (level, column) == (0, 0):
                seen = self.normalise(pictures)
            elif column == 0:
                seen = functional.max_pool2d(made[level - 1, 0], 2)
            else:
                skips = [made[level, before] for before in range(column)]
                size = (skips[0].shape[2], skips[0].shape[3])
                seen = torch.cat([*skips, upsample(made[level + 1, column - 1], size)], 1)
            name = name_of(level, column)
            made[level, column] = functional.relu6(attend(name, self.nodes[name].body(seen)))
        return made[0, len(self.config.channels) - 1]

    def reconstruct(self, features: Tensor) -> Tensor:
        """(N, 16, H, W) features -> (N, 1, H, W), a normalised picture."""
        return self.head(features)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.reconstruct(self.features(pictures))

    def _attend(self, name: str, maps: Tensor) -> Tensor:
        return self.nodes[name].attention(maps)


def raised(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Twice as large, bilinear with aligned corners; zeros below and right if `size` is odd."""
    maps = functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=True)
    # Without a branch, because an exported network is traced once for all sizes.
    return functional.pad(maps, (0, size[1] - maps.shape[3], 0, size[0] - maps.shape[2]))


def _width(config: UmsConfig, level: int, column: int) -> int:
    if column:
        return column * config.channels[level] + config.channels[level + 1]
    return config.channels[level - 1] if level else 1
