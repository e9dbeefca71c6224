"""The parts of GACN as they run at inference, without torch.

Channel gates look at the whole picture, everything else at a few pixels around. So `Gates` finds
the gates of a frame, from windows of it if it is large; `Activity` takes them as given and works on
blocks; `Decision` compares the activities of two frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hyperfocal.inference.graph import Graph, Input
from hyperfocal.methods.gacn.network import GacnNetwork


class Gates(Graph):
    """Grey windows (K, 1, S, S) of one frame -> its channel gates (1, C, 1, 1).

    The channel means run over all windows at once, over the pixels where `inside` (1, 1, S, S) is
    1: all of a whole frame; of windows those whose neighbourhood is not cut off.
    """

    output = "gates"

    def __init__(self, network: GacnNetwork):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        windows = Input((2, 1, 128, 128), {0: "count", 2: "height", 3: "width"})
        return {"windows": windows, "inside": Input.of_size(1, 1, 128, 128)}

    def forward(self, windows: Tensor, inside: Tensor) -> Tensor:
        maps: list[Tensor] = []
        gates: list[Tensor] = []
        for encode, attend in zip(self.network.encoder, self.network.attention, strict=True):
            made = encode(torch.cat(maps, 1) if maps else windows)
            pooled = (made.mean(0, keepdim=True) * inside).sum((2, 3)) / inside.sum((2, 3))
            gates.append(attend.gate(pooled))
            maps.append(made * gates[-1])
        return torch.cat(gates, 1)


class _Encoder(Graph):
    output = "activity"

    def __init__(self, network: GacnNetwork):
        super().__init__()
        self.network = network


class Activity(_Encoder):
    """Grey tile (1, 1, H, W) and gates (1, C, 1, 1) -> activity of the features (1, C, H, W)."""

    def inputs(self) -> dict[str, Input]:
        channels = self.network.config.channels
        return {"tile": Input.of_size(1, 1, 128, 128), "gates": Input((1, channels, 1, 1))}

    def forward(self, tile: Tensor, gates: Tensor) -> Tensor:
        maps: list[Tensor] = []
        shares = gates.split(self.network.config.growth, 1)
        for encode, gate in zip(self.network.encoder, shares, strict=True):
            maps.append(encode(torch.cat(maps, 1) if maps else tile) * gate)
        return self.network.activity(torch.cat(maps, 1))


class Whole(_Encoder):
    """Grey frame (1, 1, H, W) -> activity of its features (1, C, H, W), gates pooled on the way.

    One run instead of two, for frames small enough to be held with all their features.
    """

    def inputs(self) -> dict[str, Input]:
        return {"frame": Input.of_size(1, 1, 128, 128)}

    def forward(self, frame: Tensor) -> Tensor:
        return self.network.activity(self.network.features(frame))


class Decision(Graph):
    """Activity of one frame less that of another (1, C, H, W) -> decision map (1, 1, H, W).

    The map is 1 where the first frame is the sharper one. Activities are large numbers that differ
    by little, so they are subtracted before, whatever the arithmetic here.
    """

    output = "decision"

    def __init__(self, network: GacnNetwork):
        super().__init__()
        self.network = network
        self.gates = nn.ModuleList(_InTwoSteps(gate.score) for gate in network.gates)

    def inputs(self) -> dict[str, Input]:
        return {"ahead": Input.of_size(1, self.network.config.channels, 128, 128)}

    def forward(self, ahead: Tensor) -> Tensor:
        maps = self.network.compared(ahead)
        for gate, settle in zip(self.gates, self.network.decision, strict=False):
            maps = settle(maps * torch.sigmoid(gate(maps)))
        score = maps * torch.sigmoid(self.gates[-1](maps))
        return torch.sigmoid(self.network.config.steepness * score)


class _InTwoSteps(nn.Module):
    """A convolution of many maps to one: along rows to one map for each row of its kernel, then the
    sum of these, each moved to its place.

    Engines compute 16 maps in the time of one, so that a kernel of 7×7 takes a fifth of the time.
    """

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        weight = convolution.weight
        side = weight.shape[2]
        self.along = nn.Conv2d(weight.shape[1], side, (1, side), padding=(0, side // 2), bias=False)
        self.down = nn.Conv2d(side, 1, (side, 1), padding=(side // 2, 0), bias=False)
        with torch.no_grad():
            self.along.weight.copy_(weight[0].transpose(0, 1)[:, :, None])
            self.down.weight.copy_(torch.eye(side)[None, :, :, None])

    def forward(self, maps: Tensor) -> Tensor:
        return self.down(self.along(maps))


GRAPHS = {"gates": Gates, "activity": Activity, "whole": Whole, "decision": Decision}
