"""Training of CNN-Fuse: tell patches of photographs from the same patches blurred.

No human labels: each 16×16 patch is compared with itself out of focus, at one of five strengths.
Both orders of a pair are examples, as published, and share the features. Liu et al., 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.baselines.cnn_fuse.config import PATCH
from hyperfocal.baselines.cnn_fuse.graphs import Scores, focus_map
from hyperfocal.baselines.cnn_fuse.network import CnnFuseNetwork, merged
from hyperfocal.options import option
from hyperfocal.training import focus_pairs
from hyperfocal.training.export import export
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainCnnFuse(TrainOptions):
    """Options of `hyperfocal train cnn_fuse`; the defaults are the published settings."""

    epochs: int = option(10, "how often every photograph is seen", low=1)
    batch: int = option(16, "views a step; each gives `patches` pairs in both orders", low=1)
    learning_rate: float = option(1e-4, "first learning rate", low=0)
    decay: float = option(0.1, "factor on the learning rate", low=0, high=1)
    decay_epochs: int = option(8, "epochs after which it decays", unit="epochs", low=1)
    height: int = option(64, "height of a view", unit="px", low=PATCH)
    width: int = option(64, "width of a view", unit="px", low=PATCH)
    crop: bool = option(True, "cut views at random places and scales instead of shrinking")
    patches: int = option(4, "patches of a view", low=1)
    levels: int = option(5, "strengths of blur", low=1)
    flattest: float = option(
        25.0, "patches with a smaller variance are left out", unit="levels² of 255", low=0
    )
    momentum: float = option(0.9, "of the gradient descent", low=0, high=1)
    weight_decay: float = option(5e-4, "pull of the weights to 0", low=0)

    def lesson(self) -> CnnFuseLesson:
        return CnnFuseLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            network.parameters(),
            self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )


class CnnFuseLesson:
    """The network and its loss."""

    def __init__(self, options: TrainCnnFuse):
        self.options = options
        self.network = CnnFuseNetwork()

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        sharp, soft, is_flat = self.pairs(views)
        features = self.network.features(torch.cat([sharp, soft])[:, None])
        one, other = features.chunk(2)
        logits = self.network.compare(torch.cat([one, other]), torch.cat([other, one])).float()
        first = torch.arange(2, device=logits.device).repeat_interleave(len(one))
        counts = (~is_flat).repeat(2).float()
        total = counts.sum().clamp(min=1)
        entropy = functional.cross_entropy(logits, first, reduction="none")
        wrong = (logits.argmax(1) != first).float()
        return {
            "total": (entropy * counts).sum() / total,
            "wrong": (wrong * counts).sum() / total,
        }

    def pairs(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Patches (M, 16, 16) of the views, the same blurred, and which of them are flat (M)."""
        options, (count, _, height, width) = self.options, views.shape
        random = focus_pairs.generator_of(views)
        shape = (count, options.patches)
        level = torch.randint(1, options.levels + 1, shape, generator=random)
        top = torch.randint(height - PATCH + 1, shape, generator=random)
        left = torch.randint(width - PATCH + 1, shape, generator=random)
        offsets = torch.arange(PATCH)
        place = (
            torch.arange(count).view(-1, 1, 1, 1),
            level[:, :, None, None],
            top[:, :, None, None] + offsets[:, None],
            left[:, :, None, None] + offsets,
        )
        blurred = focus_pairs.blurred(views.float(), options.levels)
        sharp = blurred[place[0], 0, place[2], place[3]].flatten(0, 1)
        soft = blurred[place].flatten(0, 1)
        is_flat = sharp.var((1, 2), correction=0) <= options.flattest / 255**2
        return sharp, soft, is_flat

    def export(self, network: Any, folder: Path) -> list[Path]:
        """The network with its last two layers merged."""
        return export(merged(network.cpu()), folder / "cnn_fuse.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        """The focus map of the view and its blurred self, each sharp on one half."""
        soft = focus_pairs.blurred(views, self.options.levels)[:, 1:2]
        half = views.shape[3] // 2
        frames = [
            torch.cat([views[..., :half], soft[..., half:]], 3),
            torch.cat([soft[..., :half], views[..., half:]], 3),
        ]
        scores = Scores(self.network).to(views.device)
        return focus_map(*(scores(frame).float() for frame in frames))
