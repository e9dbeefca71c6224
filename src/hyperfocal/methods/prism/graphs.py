"""The steps of Prism as they run at inference: one level of one frame at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.inference.graph import Graph, Input
from hyperfocal.methods.prism.network import PrismNetwork, Step


class Level(Graph):
    """A step that takes its level pixel-unshuffled by 2, as its first convolution sees it.

    Features of the coarser level go through a transposed convolution, which is what that
    convolution does to them when every one of them is repeated 2×2 times. What the head
    gives and, unless they are the last, the features come out of one convolution, because engines
    are slow at joining maps.
    """

    output = "made"

    def __init__(self, step: Step, *, is_last: bool = False):
        super().__init__()
        first, *rest = step.layers
        channels = first.out_channels
        seen = first.in_channels - channels
        self.seen = nn.Conv2d(seen, channels, 3, padding=1)
        self.coarser = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
        self.rest = nn.ModuleList(rest)
        made = step.head.out_channels + channels * (not is_last)
        self.head = nn.Conv2d(channels, made, 1)
        with torch.no_grad():
            self.seen.weight.copy_(first.weight[:, :seen])
            self.seen.bias.copy_(first.bias)
            self.coarser.weight.copy_(_repeated(first.weight[:, seen:]))
            same = torch.eye(channels)[: channels * (not is_last), :, None, None]
            self.head.weight.copy_(torch.cat([step.head.weight, same]))
            self.head.bias.copy_(functional.pad(step.head.bias, (0, len(same))))

    def inputs(self) -> dict[str, Input]:
        coarser = Input((1, self.coarser.in_channels, 16, 16), {2: "rows", 3: "columns"})
        return {"unshuffled": Input.of_size(1, self.seen.in_channels, 32, 32), "coarser": coarser}

    def forward(self, unshuffled: Tensor, coarser: Tensor) -> Tensor:
        """(1, 4·seen, h, w), features (1, C, h/2, w/2) -> (1, made, h, w), then its features."""
        maps = functional.relu(self.seen(unshuffled) + self.coarser(coarser))
        for layer in self.rest:
            maps = functional.relu(layer(maps))
        return self.head(maps)


class Coarse(Level):
    """Scores and features of any level but the finest."""

    def __init__(self, network: PrismNetwork):
        super().__init__(network.coarse)


class Fine(Level):
    """Scores of the finest level."""

    def __init__(self, network: PrismNetwork):
        super().__init__(network.fine, is_last=True)


class Refine(Level):
    """The change of a level of the averages, and features."""

    def __init__(self, network: PrismNetwork):
        super().__init__(network.refine)


GRAPHS = {"coarse": Coarse, "fine": Fine, "refine": Refine}


def _repeated(weight: Tensor) -> Tensor:
    """Weights (C, D, 3, 3) of a convolution of maps that were doubled in size by repetition ->
    (D, C, 4, 4) of the transposed convolution, stride 2, of the maps themselves."""
    for axis in (2, 3):
        first, middle, last = weight.split(1, axis)
        weight = torch.cat([last, middle + last, first + middle, first], axis)
    return weight.transpose(0, 1)
