"""The parts of UMS-Fusion's network as it runs at inference, without torch.

Its gates pool the whole picture at every node. As for SESF-Fuse, `Whole` does that for frames
small enough to be held with all their features; for others `Gates` finds the gates from windows
of the frame, and `Gradient` takes them as given and works on tiles.

Aligned corners would make upsampling depend on where a tile lies in its picture: they sample at
half-pixel centres in the picture's middle and drift from there, by a quarter of a coarse pixel up
to the border. `Gates` and `Gradient` sample at half-pixel centres everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.inference.graph import Graph, Input
from hyperfocal.measures.ums.config import UmsConfig
from hyperfocal.measures.ums.network import ChannelGate, UmsNetwork, name_of


class _Differences(nn.Module):
    """Features (1, C, H, W) -> deep gradient (1, 1, H−1, W−1).

    Entry (i, j) is the sum over channels of √(RF² + CF²) for the first differences of the
    features that end in pixel (i+1, j+1). Depthwise differences keep every step in the processor's
    blocked layout, as slicing would not.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels
        across, down = [[0.0, 0.0], [-1.0, 1.0]], [[0.0, -1.0], [0.0, 1.0]]
        for name, difference in (("across", across), ("down", down)):
            kernel = torch.tensor(difference).expand(channels, 1, 2, 2).contiguous()
            self.register_buffer(name, kernel, persistent=False)
        self.register_buffer("ones", torch.ones(1, channels, 1, 1), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        across = functional.conv2d(features, self.across, groups=self.channels)
        down = functional.conv2d(features, self.down, groups=self.channels)
        return functional.conv2d(torch.sqrt(across * across + down * down), self.ones)


class Gradient(Graph):
    """Grey tile (1, 1, H, W) and gates (1, C, 1, 1) -> deep gradient (1, 1, H−1, W−1)."""

    output = "energy"

    def __init__(self, network: UmsNetwork):
        super().__init__()
        self.network = network
        self.shares = _shares(network.config)
        self.differences = _Differences(network.config.channels[0])

    def inputs(self) -> dict[str, Input]:
        count = self.network.config.gate_count
        return {"tile": Input.of_size(1, 1, 128, 128), "gates": Input((1, count, 1, 1))}

    def forward(self, tile: Tensor, gates: Tensor) -> Tensor:
        def attend(name: str, maps: Tensor) -> Tensor:
            return maps * gates[:, self.shares[name]]

        return self.differences(self.network.nested(tile, attend, raised_evenly))


class Whole(Graph):
    """Grey frame (1, 1, H, W) -> deep gradient (1, 1, H−1, W−1), by the network as published."""

    output = "energy"

    def __init__(self, network: UmsNetwork):
        super().__init__()
        self.network = network
        self.differences = _Differences(network.config.channels[0])

    def inputs(self) -> dict[str, Input]:
        return {"frame": Input.of_size(1, 1, 128, 128)}

    def forward(self, frame: Tensor) -> Tensor:
        return self.differences(self.network.features(frame))


class Gates(Graph):
    """Grey windows (K, 1, S, S) of one frame -> its channel gates (1, C, 1, 1).

    The channel means run over all windows at once and leave out what is near a window's border:
    as many pixels as the lowest level sees as one, which are those that the border changes most.
    """

    output = "gates"

    def __init__(self, network: UmsNetwork):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        return {"windows": Input((2, 1, 128, 128), {0: "count", 2: "height", 3: "width"})}

    def forward(self, windows: Tensor) -> Tensor:
        gates: list[Tensor] = []

        def attend(name: str, maps: Tensor) -> Tensor:
            cut = self.network.config.grid >> int(name[0])
            pooled = maps[:, :, cut:-cut, cut:-cut].mean((0, 2, 3))[None]
            unit: ChannelGate = self.network.nodes[name].attention
            gates.append(unit.gate(pooled))
            return maps * gates[-1]

        self.network.nested(windows, attend, raised_evenly)
        return torch.cat(gates, 1)


def raised_evenly(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Twice as large, bilinear at half-pixel centres; sizes are even here."""
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def _shares(config: UmsConfig) -> dict[str, slice]:
    """Which of all gates are a node's."""
    shares, start = {}, 0
    for level, column in config.places:
        stop = start + config.channels[level]
        shares[name_of(level, column)] = slice(start, stop)
        start = stop
    return shares


GRAPHS = {"": Gradient, "gates": Gates, "whole": Whole}
