"""Options that all training commands share; each network adds its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hyperfocal.options import option

if TYPE_CHECKING:
    from hyperfocal.training.loop import Dataset


@dataclass(frozen=True)
class TrainOptions:
    """The published settings of SESF-Fuse; a network with others overrides the fields."""

    out: str = option("runs", "folder for checkpoints, curves and weights; resumed if it exists")
    epochs: int = option(30, "how often every photograph is seen", low=1)
    batch: int = option(48, "views a step", low=1)
    learning_rate: float = option(1e-4, "first learning rate", low=0)
    decay: float = option(0.8, "factor on the learning rate", low=0, high=1)
    decay_epochs: int = option(2, "epochs after which it decays", unit="epochs", low=1)
    height: int = option(256, "height of a view", unit="px", low=16)
    width: int = option(256, "width of a view", unit="px", low=16)
    crop: bool = option(False, "cut views at random places and scales instead of shrinking")
    flip: bool = option(False, "flip views at random")
    repeats: int = option(
        1, "views of a photograph in one epoch; small collections need more", low=1
    )
    validation_share: float = option(0.1, "share of the photographs held out", low=0, high=0.9)
    seed: int = option(0, "of weights, split, order and crops", low=0)
    device: str = option("auto", "auto, cpu, cuda or cuda:1")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "arithmetic of the network")
    threads: int | None = option(None, "processor threads; none leaves it to torch", low=1)
    largest_gradient: float | None = option(
        None, "norm to which gradients are cut; none leaves them as they are", low=0
    )
    start: str | None = option(
        None, "weights to begin with, a .safetensors file; none begins with random ones"
    )

    def material(self, paths: Sequence[Path], *, is_held_out: bool) -> Dataset:
        """What is learned from these photographs, or what the network is tested on."""
        from hyperfocal.training.photographs import Views

        return Views(
            paths,
            self.height,
            self.width,
            crop=self.crop,
            flip=self.flip and not is_held_out,
            seed=self.seed,
        )
