"""DeepFuse: the features of all frames' luma are added, three layers make the luma of the picture.

The features of two frames are added, as published; of N frames twice their mean is taken, which
for two is the same. Each chroma value is the mean over the frames weighted by its own distance
from grey. Both are running sums. No decision is made, and the network's own error stays in the
composite, also where frames are equal.
Prabhakar, Srikar, Babu: DeepFuse, ICCV 2017; trained on focus instead of exposure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hyperfocal.baselines._encoder_decoder import EncoderDecoder
from hyperfocal.baselines.deep_fuse.config import DECODER_REACH, ENCODER_REACH, DeepFuseConfig
from hyperfocal.frame import Pixels, to_grey
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.networks import NetworkOptions

_ENCODER = Blocks(side=192, border=ENCODER_REACH)
_DECODER = Blocks(side=192, border=DECODER_REACH)
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # ITU-R BT.709


@dataclass(frozen=True)
class DeepFuse(NetworkOptions):
    """Options of the inference."""

    network: ClassVar[str] = "deep_fuse"

    @property
    def config(self) -> DeepFuseConfig:
        return self.used_weights.config(DeepFuseConfig)

    @property
    def bytes_per_pixel(self) -> int:
        # The sum of features and those of one frame, beside sums of chroma and the frame.
        return 2 * 4 * self.config.channels + 144

    @property
    def halo(self) -> int:
        return _ENCODER.border + _DECODER.border

    @property
    def grid(self) -> int:
        return 1

    def fold(self, height: int, width: int, channels: int) -> DeepFold:
        return DeepFold(self, (height, width, channels))


class DeepFold:
    """Sums of the luma's features, of chroma, and of chroma's weights."""

    def __init__(self, options: DeepFuse, shape: tuple[int, int, int]):
        height, width, channels = shape
        self._count, count = 0, options.config.channels
        self._features = np.zeros((count, height, width), np.float32)
        self._chroma, self._weights = np.zeros((2, 2 * (channels == 3), height, width), np.float32)
        self._network = EncoderDecoder(options, count, _ENCODER, _DECODER)

    def add(self, pixels: Pixels) -> None:
        luma = to_grey(pixels)
        self._features += self._network.encode(luma)
        for place, channel in enumerate((0, 2)[: len(self._chroma)]):
            # Cr and Cb up to a factor, on which the weighted mean does not depend.
            difference = pixels[:, :, channel] - luma
            weight = np.abs(difference)
            self._chroma[place] += weight * difference
            self._weights[place] += weight
        self._count += 1

    def result(self) -> Pixels:
        luma = self._network.decode(self._features / np.float32(self._count))
        if not len(self._chroma):
            return luma[:, :, None]
        red, blue = (
            np.divide(self._chroma, self._weights, out=self._chroma, where=self._weights > 0) + luma
        )
        green = (luma - _RED * red - _BLUE * blue) / _GREEN
        return np.stack([red, green, blue], axis=2, dtype=np.float32)
