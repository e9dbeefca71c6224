"""Training of GACN: decide between two frames whose focus a drawn matte made.

Loss = Dice of the decision map against the mask + 1 − Qg of the fused picture, as published: the
map before the boundary filter, the picture after it. No labels: mattes are drawn, and what is
blurred are views of photographs. Ma, Yin, Wu, Ban, 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from hyperfocal.methods.gacn.network import GacnNetwork
from hyperfocal.options import option
from hyperfocal.training.boundary import softened
from hyperfocal.training.export import export
from hyperfocal.training.losses import dice_loss, gradient_transfer_loss
from hyperfocal.training.matted_pairs import Kind, matted_pairs
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainGacn(TrainOptions):
    """Options of `hyperfocal train gacn`; the defaults are the published settings."""

    epochs: int = option(50, "how often every photograph is seen", low=1)
    batch: int = option(16, "views a step", low=1)
    height: int = option(156, "side of a view", unit="px", low=32)
    width: int = option(156, "the same; views are square", unit="px", low=32)
    crop: bool = option(True, "cut views at random places and scales instead of shrinking")
    flip: bool = option(True, "flip views at random")
    precision: Literal["auto", "fp32", "bf16"] = option(
        "fp32", "arithmetic of the network; its comparisons need fp32"
    )
    pairs: Kind = option("published", "how pairs are made: one photograph, or layers before a lens")
    dice_weight: float = option(1.0, "weight of 1 − Dice of the decision map", low=0)
    gradient_weight: float = option(1.0, "weight of 1 − Qg of the fused picture", low=0)

    def lesson(self) -> GacnLesson:
        return GacnLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.learning_rate)


class GacnLesson:
    """The network and its loss."""

    def __init__(self, options: TrainGacn):
        self.options = options
        self.network = GacnNetwork()

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        options = self.options
        with torch.autocast(views.device.type, enabled=False), torch.no_grad():
            pairs = matted_pairs(views.float(), options.pairs, disturbed=self.network.training)
        decision = self.network(pairs.first, pairs.second)
        with torch.autocast(views.device.type, enabled=False):
            decision = decision.float()
            weight = softened(decision, pairs.first, pairs.second)
            fused = weight * pairs.first + (1 - weight) * pairs.second
            dice = dice_loss(decision, pairs.mask)
            gradient = gradient_transfer_loss(fused, pairs.first, pairs.second)
        total = options.dice_weight * dice + options.gradient_weight * gradient
        wrong = ((decision >= 0.5) != (pairs.mask >= 0.5)).float().mean()
        return {"total": total, "1 - Dice": dice, "1 - Qg": gradient, "wrong": wrong}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / "gacn.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        """The decision map of a pair made of the views."""
        pairs = matted_pairs(views.float(), self.options.pairs, disturbed=False)
        return self.network(pairs.first, pairs.second)
