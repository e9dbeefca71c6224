"""What defines CNN-Fuse's network; it is written into its weights file, and read from there."""

from __future__ import annotations

from dataclasses import dataclass

PATCH = 16  # px, side of what is compared
STRIDE = 2  # px from patch to patch, of the pooling
CELLS = PATCH // STRIDE  # of a patch's side after pooling


@dataclass(frozen=True)
class CnnFuseConfig:
    """Widths of the branch and of what compares two of them."""

    channels: tuple[int, int, int] = (64, 128, 256)
    hidden: int = 256  # values between the last two layers; 0: both are merged into one

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # a list in the weights file
