"""Training of UMS-Fusion's network: it learns to reconstruct grey photographs.

Loss = MSE + 3 (1 − SSIM) + gradient loss + 2 spatial-frequency loss, on pictures as the network
sees them, −1…1; SSIM alone on 0…1, because it compares brightness by ratio. The publication leaves
open whether its spatial-frequency loss compares pixels or pictures; here it compares pixels, as its
gradient loss does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.measures.ums.network import UmsNetwork
from hyperfocal.options import option
from hyperfocal.training.export import export
from hyperfocal.training.losses import gradient_loss, spatial_frequency_loss, ssim
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainUms(TrainOptions):
    """Options of `hyperfocal train ums`; the defaults are the published settings."""

    epochs: int = option(80, "how often every photograph is seen", low=1)
    batch: int = option(8, "views a step", low=1)
    decay: float = option(0.9, "factor on the learning rate", low=0, high=1)
    decay_epochs: int = option(1, "epochs after which it decays", unit="epochs", low=1)
    height: int = option(600, "height of a view", unit="px", low=16)
    width: int = option(717, "width of a view", unit="px", low=16)
    flip: bool = option(True, "flip views at random")
    weight_decay: float = option(5e-4, "pull of the weights towards zero", low=0)
    mse_weight: float = option(1.0, "weight of the mean squared error", low=0)
    ssim_weight: float = option(3.0, "weight of 1 − SSIM", low=0)
    gradient_weight: float = option(1.0, "weight of the gradient loss", low=0)
    frequency_weight: float = option(2.0, "weight of the spatial-frequency loss", low=0)

    def lesson(self) -> UmsLesson:
        return UmsLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            network.parameters(), self.learning_rate, weight_decay=self.weight_decay
        )


class UmsLesson:
    """The network and its loss."""

    def __init__(self, options: TrainUms):
        self.options = options
        self.network = UmsNetwork()

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        made = self.network(views)
        options = self.options
        with torch.autocast(views.device.type, enabled=False):
            made, views = made.float(), views.float()
            target = self.network.normalise(views)
            terms = {
                "MSE": functional.mse_loss(made, target),
                "1 - SSIM": 1 - ssim(self.network.denormalise(made), views, window=11),
                "gradient": gradient_loss(made, target),
                "frequency": spatial_frequency_loss(made, target),
            }
        weights = [
            options.mse_weight,
            options.ssim_weight,
            options.gradient_weight,
            options.frequency_weight,
        ]
        weighted = [weight * term for weight, term in zip(weights, terms.values(), strict=True)]
        return {"total": torch.stack(weighted).sum(), **terms}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / "ums.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        return self.network.denormalise(self.network(views)).clamp(0, 1)
