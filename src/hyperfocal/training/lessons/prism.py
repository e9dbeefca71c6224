"""Training of Prism: make of composed stacks what one pinhole would have seen.

The loss is by how much the PSNR of the scenes is below 60 dB on the mean, so that easy and hard
scenes count alike; the two averages that it is made of count a little too, and so does SSIM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperfocal.methods.prism.config import PrismConfig
from hyperfocal.methods.prism.network import PrismNetwork
from hyperfocal.options import option
from hyperfocal.training.export import export
from hyperfocal.training.losses import ssim
from hyperfocal.training.options import TrainOptions
from hyperfocal.training.scenes.dataset import SceneDataset


@dataclass(frozen=True)
class TrainPrism(TrainOptions):
    """Options of `hyperfocal train prism`; the defaults are those of the shipped weights."""

    epochs: int = option(5, "how often every scene is seen", low=1)
    batch: int = option(24, "frames a step, in scenes of equally many", low=2)
    learning_rate: float = option(2e-3, "first learning rate", low=0)
    decay: float = option(0.45, "factor on the learning rate", low=0, high=1)
    decay_epochs: int = option(1, "epochs after which it decays", unit="epochs", low=1)
    height: int = option(128, "side of a scene", unit="px", low=64)
    width: int = option(128, "the same; scenes are square", unit="px", low=64)
    validation_share: float = option(0.06, "share of the photographs held out", low=0, high=0.9)
    largest_gradient: float | None = option(5.0, "norm to which gradients are cut", low=0)
    weight_decay: float = option(1e-4, "pull of the weights towards zero", low=0)
    scenes: int = option(12000, "scenes that are composed of the photographs", low=40)
    held_out_scenes: int = option(200, "scenes of the photographs that are held out", low=40)
    channels: int = option(PrismConfig.channels, "features of the scoring network", low=4)
    refine_channels: int = option(
        PrismConfig.refine_channels, "features of the refining network", low=4
    )
    depth: int = option(PrismConfig.depth, "convolutions of a step of either network", low=1)
    part_weight: float = option(0.25, "weight of each average's own error", low=0)
    ssim_weight: float = option(0.15, "weight of 10·log10(1 − SSIM)", low=0)

    def lesson(self) -> PrismLesson:
        return PrismLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            network.parameters(),
            self.learning_rate,
            weight_decay=self.weight_decay,
            betas=(0.9, 0.99),
        )

    def material(self, paths: Sequence[Path], *, is_held_out: bool) -> SceneDataset:
        folder = Path(self.out) / ("held_out" if is_held_out else "scenes")
        count = self.held_out_scenes if is_held_out else self.scenes
        return SceneDataset(folder, paths, count, self.height, self.seed + is_held_out)


class PrismLesson:
    """The network and its loss."""

    def __init__(self, options: TrainPrism):
        self.options = options
        self.network = PrismNetwork(
            PrismConfig(options.channels, options.refine_channels, options.depth)
        )

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        """Of scenes (B, K + 1, H, W), the reference being the last."""
        frames, reference = views[:, :-1].contiguous(), views[:, -1:]
        options = self.options
        pictures = self.network.composites(frames)
        with torch.autocast(views.device.type, enabled=False):
            picture, first, second = (_decibels(made, reference) for made in pictures)
            unlike = 1 - ssim(pictures[0].float(), reference, window=11)
            total = picture + options.part_weight * (first + second)
            total = total + options.ssim_weight * (40 + 10 * torch.log10(unlike + 1e-4))
        parts = {"average of frames": first, "average of bands": second}
        return {"total": total, "picture": picture, **parts, "1 - SSIM": unlike}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / "prism.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        return self.network(views[:, :-1].contiguous()).clamp(0, 1)


def _decibels(made: Tensor, reference: Tensor) -> Tensor:
    """By how much the scenes' mean PSNR is below 60 dB; errors below 55 dB hardly count."""
    squares = (made.float() - reference).square().mean((1, 2, 3))
    return 60 + 10 * torch.log10(squares + 3e-6).mean()
