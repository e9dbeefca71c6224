"""GACN written down plainly in PyTorch: the baseline that `gacn_speed.py` measures against.

Whole frames through the network, window sums of 64 channels as convolutions, as the authors'
program has them. Borders repeat, as in hyperfocal, so that decisions can be compared everywhere.
"""

from __future__ import annotations

import numpy as np
import torch
from sesf_baseline import grey
from torch.nn import functional


@torch.no_grad()
def activity(network, picture):
    """(1, 64, H, W) spatial frequency of each feature of a grey picture in 0…1."""
    features = network.features(torch.from_numpy(picture)[None, None])
    channels, size = features.shape[1], 2 * network.config.radius + 1
    across = features - functional.pad(features, (1, 0, 0, 0), mode="replicate")[..., :-1]
    down = features - functional.pad(features, (0, 0, 1, 0), mode="replicate")[..., :-1, :]
    window = torch.ones(channels, 1, size, size)
    sums = [
        functional.conv2d(part**2, window, padding=size // 2, groups=channels)
        for part in (across, down)
    ]
    return sums[0] + sums[1]


@torch.no_grad()
def decided(network, first, second):
    """The decision map (H, W) of two activities."""
    maps = torch.sigmoid(1000 * (first - second))
    for gate, settle in zip(network.gates, network.decision, strict=False):
        maps = settle(gate(maps))
    return torch.sigmoid(1000 * network.gates[-1](maps))


def softened(decision, guide):
    """The boundary guided filter."""
    offsets = torch.arange(9) - 4.0
    line = torch.exp(-(offsets**2) / (2 * 8**2))
    window = (line[:, None] * line)[None, None]
    around = functional.pad(decision, (4, 4, 4, 4), mode="reflect")
    blurred = functional.conv2d(around, window / window.sum())
    sure = torch.where(blurred > 0.8, blurred, torch.where(blurred < 0.1, 1 - blurred, 0.0))
    beta = 1 - sure * (2 * blurred - 1).abs()
    ones = torch.ones(1, 1, 7, 7)

    def mean(values):
        return functional.conv2d(values, ones, padding=3) / functional.conv2d(
            torch.ones_like(values), ones, padding=3
        )

    covariance = mean(guide * decision) - mean(guide) * mean(decision)
    slope = covariance / (mean(guide * guide) - mean(guide) ** 2 + 0.1)
    offset = mean(decision) - slope * mean(guide)
    smooth = mean(slope) * guide + mean(offset)
    return beta * smooth + (1 - beta) * decision


def fuse(network, first, second):
    """The whole method on two pictures of type uint8: fused picture and weight of the first."""
    greys = [grey(picture) for picture in (first, second)]
    decision = decided(network, *(activity(network, each) for each in greys))
    one, other = (torch.from_numpy(each)[None, None] for each in greys)
    weight = softened(decision, decision * one + (1 - decision) * other)[0, 0].numpy()
    share = weight[..., None] if first.ndim == 3 else weight
    fused = share * first + (1 - share) * second
    return np.clip(np.rint(fused), 0, 255).astype(np.uint8), weight
