"""Training of SESF-Fuse: the encoder-decoder learns to reconstruct grey photographs.

Loss = ssim_weight · (1 − SSIM) + pixel loss, the pixel loss being the Euclidean norm of the
whole batch. The paper's text reads λ = 3, its published training weighs SSIM by 1000, which is
the default here: beside the norm of a batch, a weight of 3 leaves SSIM without effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperfocal.measures.sesf.config import Attention, SesfConfig
from hyperfocal.measures.sesf.network import SesfNetwork
from hyperfocal.options import option
from hyperfocal.training.export import export
from hyperfocal.training.losses import ssim
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainSesf(TrainOptions):
    """Options of `hyperfocal train sesf`; the defaults are the published settings."""

    attention: Attention = option(SesfConfig.attention, "squeeze-and-excitation of the encoder")
    growth: int = option(SesfConfig.growth, "channels that each block adds", low=8)
    ssim_weight: float = option(1000.0, "weight of 1 − SSIM beside the pixel loss", low=0)

    def lesson(self) -> SesfLesson:
        return SesfLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.learning_rate)


class SesfLesson:
    """The network and its loss."""

    def __init__(self, options: TrainSesf):
        self.options = options
        self.network = SesfNetwork(SesfConfig(options.attention, options.growth))

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        made = self.network(views)
        with torch.autocast(views.device.type, enabled=False):
            made, target = made.float(), self.network.normalise(views.float())
            unlike = 1 - ssim(made, target)
            pixel = torch.linalg.vector_norm(made - target)
        total = self.options.ssim_weight * unlike + pixel
        return {"total": total, "1 - SSIM": unlike, "pixel": pixel}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / f"sesf-{network.config.attention}.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        return self.network.denormalise(self.network(views)).clamp(0, 1)
