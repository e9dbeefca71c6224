"""The parts of GACN as they run at inference, without torch.

Channel gates look at the whole picture, everything else at a few pixels around. So `Gates` finds
the gates of a frame, from windows of it if it is large; `Activity` takes them as given and works on
blocks; `Decision` compares the activities of two frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

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


class Activity(Graph):
    """Grey tile (1, 1, H, W) and gates (1, C, 1, 1) -> activity of the features (1, C, H, W)."""

    output = "activity"

    def __init__(self, network: GacnNetwork):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        channels = self.network.config.channels
        return {"tile": Input.of_size(1, 1, 128, 128), "gates": Input((1, channels, 1, 1))}

    def forward(self, tile: Tensor, gates: Tensor) -> Tensor:
        maps: list[Tensor] = []
        shares = gates.split(self.network.config.growth, 1)
        for encode, gate in zip(self.network.encoder, shares, strict=True):
            maps.append(encode(torch.cat(maps, 1) if maps else tile) * gate)
        return self.network.activity(torch.cat(maps, 1))


class Decision(Graph):
    """Activities of two frames (1, 2·C, H, W) -> decision map (1, 1, H, W), 1: the first frame."""

    output = "decision"

    def __init__(self, network: GacnNetwork):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        return {"maps": Input.of_size(1, 2 * self.network.config.channels, 128, 128)}

    def forward(self, maps: Tensor) -> Tensor:
        first, second = maps.split(self.network.config.channels, 1)
        return self.network.decided(first, second)


GRAPHS = {"gates": Gates, "activity": Activity, "decision": Decision}
