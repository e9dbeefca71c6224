"""Frames out of focus, made from photographs: what takes the place of labels.

Random numbers depend on the views alone, so that a resumed run sees what an unbroken one sees.
"""

from __future__ import annotations

import zlib

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.training.losses import gaussian_window

_WINDOW, _SIGMA = 7, 2.0  # px, of one blur (Liu et al., 2017)


def generator_of(views: Tensor) -> torch.Generator:
    """Random numbers for these views, the same every time."""
    seed = zlib.crc32(views.float().cpu().contiguous().numpy().tobytes())
    return torch.Generator().manual_seed(seed)


def blurred(views: Tensor, levels: int) -> Tensor:
    """(N, 1, H, W) -> (N, 1 + levels, H, W): the view, then each level blurred from the one before.

    Gaussian of 7×7 px with σ 2, borders mirrored.
    """
    window = gaussian_window(_WINDOW, _SIGMA).to(views)
    pad = _WINDOW // 2
    made = [views]
    for _ in range(levels):
        last = functional.pad(made[-1], (pad, pad, pad, pad), mode="reflect")
        last = functional.conv2d(last, window.view(1, 1, -1, 1))
        made.append(functional.conv2d(last, window.view(1, 1, 1, -1)))
    return torch.cat(made, 1)


def focus_pairs(views: Tensor, levels: int) -> Tensor:
    """(N, 1, H, W) -> (N, 2, H, W): frames that are sharp on either side of a random line.

    What is out of focus is one of the levels of `blurred`.
    """
    random = generator_of(views)
    count, _, height, width = views.shape
    level = torch.randint(1, levels + 1, (count,), generator=random)
    soft = blurred(views, levels)[torch.arange(count), level][:, None]
    angle = 2 * torch.pi * torch.rand(count, 1, 1, generator=random)
    rows = torch.linspace(-1, 1, height)[:, None] - _centred(count, random)
    columns = torch.linspace(-1, 1, width) - _centred(count, random)
    side = torch.cos(angle) * columns + torch.sin(angle) * rows
    mask = (side > 0)[:, None].to(views)
    return torch.cat([views * mask + soft * (1 - mask), views * (1 - mask) + soft * mask], 1)


def _centred(count: int, random: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, generator=random) - 0.5
