"""What defines DeepFuse's network; it is written into its weights file, and read from there."""

from __future__ import annotations

from dataclasses import dataclass

ENCODER_REACH = 2 + 3  # px, of a 5×5 and a 7×7 convolution
DECODER_REACH = 3 + 2 + 2


@dataclass(frozen=True)
class DeepFuseConfig:
    """The width between the two halves."""

    channels: int = 32  # of the features
