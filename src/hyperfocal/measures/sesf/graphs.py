"""The two halves of SESF-Fuse's encoder as it runs at inference, without torch.

Squeeze-and-excitation looks at the whole picture, everything else at a few pixels around. So the
encoder is cut there: `Gates` finds the channel factors of a frame from windows of it, `Gradient`
takes them as given and works on tiles, whose results then equal those of the whole.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.inference.graph import Graph, Input
from hyperfocal.measures.sesf.config import SesfConfig
from hyperfocal.measures.sesf.network import BothGates, ChannelGate, SesfNetwork


class _Encoder(Graph):
    output = "energy"

    def __init__(self, network: SesfNetwork):
        super().__init__()
        self.network = network

    def attended(self, place: int, maps: Tensor, gate: Tensor) -> Tensor:
        """The attention unit with its channel gate given, (N, growth, 1, 1)."""
        unit = self.network.attention[place]
        if isinstance(unit, ChannelGate):
            return maps * gate
        if isinstance(unit, BothGates):
            return maps * gate + unit.spatial(maps)
        return unit(maps)


class _Pooling(_Encoder):
    """A part that pools channels over the picture, which sSE does not."""

    @classmethod
    def is_needed(cls, config: SesfConfig) -> bool:
        return config.attention != "sse"


class Gradient(_Encoder):
    """Grey tile (1, 1, H, W) and gates (1, C, 1, 1) -> deep gradient energy (1, 1, H−1, W−1).

    Entry (i, j) is the sum over channels of the squared first differences of the features
    that end in pixel (i+1, j+1). Depthwise 2×2 differences and a 1×1 sum keep every step in the
    processor's blocked layout; slicing and reducing costs four times as much.
    """

    def inputs(self) -> dict[str, Input]:
        channels = self.network.config.channels
        return {"tile": Input.of_size(1, 1, 128, 128), "gates": Input((1, channels, 1, 1))}

    def forward(self, tile: Tensor, gates: Tensor) -> Tensor:
        network, growth = self.network, self.network.config.growth
        maps: list[Tensor] = []
        energies: list[Tensor] = []
        for place, encode in enumerate(network.encoder):
            known = torch.cat(maps, 1) if maps else network.normalise(tile)
            gate = gates[:, place * growth : (place + 1) * growth]
            maps.append(self.attended(place, encode(known), gate))
            energies.append(_difference_energy(maps[-1], growth))
        return functools.reduce(torch.add, energies)


class Whole(_Pooling):
    """Grey frame (1, 1, H, W) -> deep gradient energy (1, 1, H−1, W−1), gates pooled on the way.

    One run instead of two, for frames small enough to be held with all their features.
    """

    def inputs(self) -> dict[str, Input]:
        return {"frame": Input.of_size(1, 1, 128, 128)}

    def forward(self, frame: Tensor) -> Tensor:
        network = self.network
        maps: list[Tensor] = []
        energies: list[Tensor] = []
        for encode, attend in zip(network.encoder, network.attention, strict=True):
            known = torch.cat(maps, 1) if maps else network.normalise(frame)
            maps.append(attend(encode(known)))
            energies.append(_difference_energy(maps[-1], network.config.growth))
        return functools.reduce(torch.add, energies)


def _difference_energy(maps: Tensor, channels: int) -> Tensor:
    across = torch.tensor([[0.0, 0.0], [-1.0, 1.0]]).view(1, 1, 2, 2).repeat(channels, 1, 1, 1)
    down = torch.tensor([[0.0, -1.0], [0.0, 1.0]]).view(1, 1, 2, 2).repeat(channels, 1, 1, 1)
    across_difference = functional.conv2d(maps, across, groups=channels)
    down_difference = functional.conv2d(maps, down, groups=channels)
    squared = across_difference * across_difference + down_difference * down_difference
    return functional.conv2d(squared, torch.ones(1, channels, 1, 1))


class Gates(_Pooling):
    """Grey windows (K, 1, S, S) of one frame -> its channel gates (1, C, 1, 1).

    The channel means run over all windows at once, over the pixels where `inside` (1, 1, S, S) is
    1: all of a whole frame; of windows those whose neighbourhood is not cut off.
    """

    output = "gates"

    def inputs(self) -> dict[str, Input]:
        windows = Input((2, 1, 128, 128), {0: "count", 2: "height", 3: "width"})
        return {"windows": windows, "inside": Input.of_size(1, 1, 128, 128)}

    def forward(self, windows: Tensor, inside: Tensor) -> Tensor:
        network = self.network
        maps: list[Tensor] = []
        gates: list[Tensor] = []
        for place, encode in enumerate(network.encoder):
            made = encode(torch.cat(maps, 1) if maps else network.normalise(windows))
            # Mean over windows first: the sum over pixels then has no more terms than a window.
            pooled = (made.mean(0, keepdim=True) * inside).sum((2, 3)) / inside.sum((2, 3))
            gates.append(self._gate(place, pooled))
            maps.append(self.attended(place, made, gates[-1]))
        return torch.cat(gates, 1)

    def _gate(self, place: int, pooled: Tensor) -> Tensor:
        unit = self.network.attention[place]
        if isinstance(unit, BothGates):
            unit = unit.channel
        if isinstance(unit, ChannelGate):
            return unit.gate(pooled)
        return torch.ones_like(pooled)[:, :, None, None]


GRAPHS = {"": Gradient, "gates": Gates, "whole": Whole}
