"""Training of DeepFuse: fuse frames so that MEF-SSIM, which needs no reference, becomes large.

The frames are views of photographs, each blurred on one side of a random line: focus instead of
the exposures of the publication. MEF-SSIM leaves the brightness of a window free; the authors'
program stretches what comes out to the full range. Here a second term holds the brightness of
every window to that of the frames; with `brightness_weight` 0 the loss is the published one.
Prabhakar, Srikar, Babu, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperfocal.baselines.deep_fuse.config import DeepFuseConfig
from hyperfocal.baselines.deep_fuse.network import DeepFuseNetwork
from hyperfocal.options import option
from hyperfocal.training import focus_pairs
from hyperfocal.training.export import export
from hyperfocal.training.losses import brightness_loss, mef_ssim
from hyperfocal.training.options import TrainOptions


@dataclass(frozen=True)
class TrainDeepFuse(TrainOptions):
    """Options of `hyperfocal train deep_fuse`; the defaults are the published settings."""

    epochs: int = option(100, "how often every photograph is seen", low=1)
    batch: int = option(8, "views a step", low=1)
    decay: float = option(1.0, "factor on the learning rate", low=0, high=1)
    height: int = option(64, "height of a view", unit="px", low=16)
    width: int = option(64, "width of a view", unit="px", low=16)
    crop: bool = option(True, "cut views at random places and scales instead of shrinking")
    channels: int = option(DeepFuseConfig.channels, "features of a frame", low=1)
    levels: int = option(5, "strengths of blur", low=1)
    brightness_weight: float = option(
        10.0, "weight of the squared difference in brightness beside 1 − MEF-SSIM", low=0
    )

    def lesson(self) -> DeepFuseLesson:
        return DeepFuseLesson(self)

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), self.learning_rate)


class DeepFuseLesson:
    """The network and its loss."""

    def __init__(self, options: TrainDeepFuse):
        self.options = options
        self.network = DeepFuseNetwork(DeepFuseConfig(options.channels))

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        with torch.autocast(views.device.type, enabled=False):
            frames = focus_pairs.focus_pairs(views.float(), self.options.levels)
        made = self.network(frames)
        with torch.autocast(views.device.type, enabled=False):
            unlike = 1 - mef_ssim(made.float(), frames)
            brightness = brightness_loss(made.float(), frames)
        total = unlike + self.options.brightness_weight * brightness
        return {"total": total, "1 - MEF-SSIM": unlike, "brightness": brightness}

    def export(self, network: Any, folder: Path) -> list[Path]:
        return export(network, folder / "deep_fuse.safetensors")

    def sample(self, views: Tensor) -> Tensor:
        frames = focus_pairs.focus_pairs(views.float(), self.options.levels)
        return self.network(frames).clamp(0, 1)
