"""What methods share that fuse features: encode each frame, decode what came of all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.networks import NetworkOptions

Features = NDArray[np.float32]  # (channels, height, width)


@dataclass(frozen=True)
class EncoderDecoder:
    """The encoder and the decoder of a network, for tiles of any size.

    Both run over blocks that fit a core's cache; what they give does not depend on these.
    """

    options: NetworkOptions
    channels: int  # of the features
    encoder: Blocks
    decoder: Blocks

    def encode(self, grey: Grey) -> Features:
        """(height, width) in 0…1 -> (channels, height, width)."""
        features = np.empty((self.channels, *grey.shape), np.float32)
        self.encoder.mapped(grey[None], features, partial(self.options.opened, "encoder"))
        return features

    def decode(self, features: Features) -> Grey:
        """(channels, height, width) -> (height, width)."""
        picture = np.empty((1, *features.shape[1:]), np.float32)
        self.decoder.mapped(features, picture, partial(self.options.opened, "decoder"))
        return picture[0]
