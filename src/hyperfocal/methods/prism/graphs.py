"""The steps of Prism as they run at inference: one level of one frame at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.methods.prism.network import Step


class Inference(nn.Module):
    """A step that takes its level pixel-unshuffled by 2, as its first convolution sees it.

    Features of the coarser level go through a transposed convolution, which is what that
    convolution does to them when every one of them is repeated 2×2 times. What the head
    gives and, unless they are the last, the features come out of one convolution, because engines
    are slow at joining maps.
    """

    def __init__(self, step: Step, *, is_last: bool):
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

    def forward(self, unshuffled: Tensor, coarser: Tensor) -> Tensor:
        """(1, 4·seen, h, w), features (1, C, h/2, w/2) -> (1, made, h, w), then its features."""
        maps = functional.relu(self.seen(unshuffled) + self.coarser(coarser))
        for layer in self.rest:
            maps = functional.relu(layer(maps))
        return self.head(maps)


def _repeated(weight: Tensor) -> Tensor:
    """Weights (C, D, 3, 3) of a convolution of maps that were doubled in size by repetition ->
    (D, C, 4, 4) of the transposed convolution, stride 2, of the maps themselves."""
    for axis in (2, 3):
        first, middle, last = weight.split(1, axis)
        weight = torch.cat([last, middle + last, first + middle, first], axis)
    return weight.transpose(0, 1)


def example(part: Inference) -> tuple[Tensor, Tensor]:
    """Inputs of the right shapes, to trace the graph with."""
    return (
        torch.rand(1, part.seen.in_channels, 32, 32),
        functional.relu(torch.rand(1, part.coarser.in_channels, 16, 16)),
    )
