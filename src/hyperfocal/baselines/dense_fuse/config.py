"""What defines DenseFuse's network; it is written into its weights file, and read from there."""

from __future__ import annotations

from dataclasses import dataclass

DECODER_REACH = 4  # px, of its four 3×3 convolutions in a row


@dataclass(frozen=True)
class DenseFuseConfig:
    """Widths of the encoder."""

    growth: int = 16  # channels each layer of the encoder adds
    layers: int = 4

    @property
    def channels(self) -> int:
        """Of the features."""
        return self.growth * self.layers

    @property
    def encoder_reach(self) -> int:
        """Px, of 3×3 convolutions in a row."""
        return self.layers
