"""What defines Prism's networks; it is written into their weights file, and read from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PrismConfig:
    """Widths of the two networks, and the numbers of the rule that their scores start from."""

    channels: int = 32  # features of the scoring network
    refine_channels: int = 24  # features of the refining network
    depth: int = 2  # convolutions of a step
    levels: int = 5  # bands of the pyramid in training; others will do at inference
    # Power of the energy in the rule that scores start from; two runs that learned it ended here.
    power: float = 1.009
    epsilon: float = 1e-6  # energy of a band that counts as nothing; about that of 8-bit rounding


FEATURES = 7  # maps that either network sees of a level
RULE = 1  # place among them of the score by the rule
