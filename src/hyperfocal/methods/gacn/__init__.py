"""GACN: a network decides between two frames, and a filter softens its map at the borders.

The successor that SESF-Fuse's authors recommend. It compares two frames; for more, by default, each
frame is compared with the *running winner*: the activities of the features that won so far are
kept at every pixel, so that a frame is encoded once. `calibration=serial` fuses each frame with the
result so far, which is encoded again and again. `calibration=published` compares all frames with
the first one only; it cannot tell two of them apart that both beat it, and loses 6 to 12 dB on
stacks (docs/algorithms/gacn.md). Pairs are the same in all three.
Ma, Yin, Wu, Ban: End-to-end learning for simultaneously generating decision map and multi-focus
image fusion result, Neurocomputing 470, 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey
from hyperfocal.inference.engines import AnyPrecision
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.methods.gacn import boundary
from hyperfocal.methods.gacn.config import GacnConfig
from hyperfocal.methods.gacn.decider import Decider
from hyperfocal.methods.gacn.fold import FirstFrameFold, RunningFold, SerialFold
from hyperfocal.options import option


@dataclass(frozen=True)
class Gacn(NetworkOptions):
    """Options of the method."""

    precision: AnyPrecision = option(  # type: ignore[assignment]
        "auto",
        "arithmetic of the decision path; auto: bf16 where the engine has it. Features are fp32",
    )
    calibration: Literal["running", "serial", "published"] = option(
        "running",
        "what frames after the second are compared with: features of the winner so far, the result "
        "so far, or as published the first frame",
    )

    network: ClassVar[str] = "gacn"
    has_depth: ClassVar[bool] = True
    grid: ClassVar[int] = 1

    @property
    def config(self) -> GacnConfig:
        return self.used_weights.config(GacnConfig)

    @property
    def halo(self) -> int | None:
        if self.calibration == "serial":  # the gates of each result pool all of it
            return None
        config = self.config
        reach = config.activity_reach + config.decision_reach + boundary.REACH
        # A decision between two frames looks at earlier ones, and these as far again.
        return reach if self.calibration == "published" else 2 * reach

    @property
    def bytes_per_pixel(self) -> int:
        return 2 * 4 * self.config.channels + 120

    def survey(self, frame: Grey) -> NDArray[np.float32]:
        """The channel gates of this frame."""
        return Decider(self).gates(frame)

    def fold(self, height: int, width: int, channels: int) -> RunningFold:
        folds = {"running": RunningFold, "serial": SerialFold, "published": FirstFrameFold}
        return folds[self.calibration](Decider(self), (height, width, channels))
