"""DenseFuse: features of a densely connected encoder are fused, a decoder makes the picture.

`add` takes the mean of the features. The publication adds them, which suits infrared and visible
light; of two pictures of one scene the sum would be twice as bright. `l1` weighs the features of
each frame with the mean over 3×3 px of their l1-norm, as published. Both are running sums over any
number of frames. Colour channels are fused each by itself, as published. No decision is made, and
the network's own error stays in the composite, also where frames are equal.
Li, Wu: DenseFuse, a fusion approach to infrared and visible images, IEEE TIP, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np

from hyperfocal.baselines._encoder_decoder import EncoderDecoder, Features
from hyperfocal.baselines.dense_fuse.config import DECODER_REACH, DenseFuseConfig
from hyperfocal.frame import Pixels
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.options import option

_SIDE = 192  # px of a block
_SMALLEST = 2  # px; mirrored borders need a neighbour


@dataclass(frozen=True)
class DenseFuse(NetworkOptions):
    """Options of the fusion rule and of the inference."""

    mode: Literal["add", "l1"] = option(
        "l1", "mean of the features, or mean weighted by their l1-norm"
    )
    radius: int = option(1, "window over which the l1-norm is averaged", unit="px", low=0, high=99)

    network: ClassVar[str] = "dense_fuse"

    @property
    def config(self) -> DenseFuseConfig:
        return self.used_weights.config(DenseFuseConfig)

    @property
    def bytes_per_pixel(self) -> int:
        # Sums of three colour channels, the features of one channel and their weighted copy.
        return 5 * 4 * self.config.channels + 120

    @property
    def halo(self) -> int:
        reach = self.config.encoder_reach + DECODER_REACH
        return reach + (self.radius if self.mode == "l1" else 0)

    @property
    def grid(self) -> int:
        return 1

    def fold(self, height: int, width: int, channels: int) -> DenseFold:
        return DenseFold(self, (height, width, channels))


class DenseFold:
    """Sums of weighted features and of weights, for every colour channel."""

    def __init__(self, options: DenseFuse, shape: tuple[int, int, int]):
        height, width, channels = shape
        self._options, self._shape, config = options, shape, options.config
        padded = max(height, _SMALLEST), max(width, _SMALLEST)
        self._totals = np.zeros((channels, config.channels, *padded), np.float32)
        self._shares = np.zeros((channels, *padded), np.float32)
        encoder = Blocks(side=_SIDE, border=config.encoder_reach)
        decoder = Blocks(side=_SIDE, border=DECODER_REACH)
        self._network = EncoderDecoder(options, config.channels, encoder, decoder)

    def add(self, pixels: Pixels) -> None:
        down, across = (_SMALLEST - min(_SMALLEST, side) for side in pixels.shape[:2])
        pixels = np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="edge")
        for channel in range(pixels.shape[2]):
            features = self._network.encode(pixels[:, :, channel])
            weight = self._weight(features)
            features *= weight
            self._totals[channel] += features
            self._shares[channel] += weight

    def _weight(self, features: Features) -> Features:
        if self._options.mode == "add":
            return np.ones(features.shape[1:], np.float32)
        side = 2 * self._options.radius + 1
        # Features are never negative, so their sum is their l1-norm.
        norm = cv2.blur(features.sum(0), (side, side), borderType=cv2.BORDER_REFLECT)
        return norm + np.float32(1e-12)  # where no feature is active in any frame

    def result(self) -> Pixels:
        height, width, channels = self._shape
        picture = np.empty(self._shape, np.float32)
        for channel in range(channels):
            self._totals[channel] /= self._shares[channel]
            picture[:, :, channel] = self._network.decode(self._totals[channel])[:height, :width]
        return picture
