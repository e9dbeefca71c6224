"""Training of DenseFuse: encoder and decoder learn to reconstruct grey photographs.

Loss = ssim_weight · (1 − SSIM) + pixel loss, the pixel loss being the Euclidean norm of the whole
batch. The weight 1000 is the "1e3" of published comparisons. Li and Wu, 2019, eq. 1 to 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperfocal.baselines.dense_fuse.config import DenseFuseConfig
from hyperfocal.baselines.dense_fuse.network import DenseFuseNetwork
from hyperfocal.options import option
from hyperfocal.training.export import export
from hyperfocal.training.losses import ssim
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainDenseFuse(TrainOptions):
    """Options of `hyperfocal train dense_fuse`; the defaults are the published settings."""

    epochs: int = option(4, "how often every photograph is seen", low=1)
    batch: int = option(2, "views a step", low=1)
    decay: float = option(1.0, "factor on the learning rate", low=0, high=1)
    growth: int = option(DenseFuseConfig.growth, "channels that each layer adds", low=1)
    ssim_weight: float = option(1000.0, "weight of 1 − SSIM beside the pixel loss", low=0)

    def lesson(self) -> DenseFuseLesson:
        return DenseFuseLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.learning_rate)


class DenseFuseLesson:
    """The network and its loss."""

    def __init__(self, options: TrainDenseFuse):
        self.options = options
        self.network = DenseFuseNetwork(DenseFuseConfig(options.growth))

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        made = self.network(views)
        with torch.autocast(views.device.type, enabled=False):
            made, target = made.float(), views.float()
            unlike = 1 - ssim(made, target, window=11)
            pixel = torch.linalg.vector_norm(made - target)
        total = self.options.ssim_weight * unlike + pixel
        return {"total": total, "1 - SSIM": unlike, "pixel": pixel}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / "dense_fuse.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        return self.network(views).clamp(0, 1)
