"""What brings a frame to the brightness of the reference: pixels · gain + offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Pixels


@dataclass(frozen=True)
class Correction:
    """A gain and an offset (on 0…1) for each channel."""

    gain: NDArray[np.float32]  # (channels,)
    offset: NDArray[np.float32]  # (channels,), zeros where none is called for

    @property
    def is_needed(self) -> bool:
        return bool((self.gain != 1).any() or self.offset.any())

    def apply(self, pixels: Pixels) -> Pixels:
        """The same array, corrected."""
        width = pixels.shape[1]
        # Rows as long as they are, because a loop over three channels costs six times as much.
        rows = pixels.reshape(len(pixels), -1) if pixels.flags.c_contiguous else None
        if rows is None:
            pixels *= self.gain
            pixels += self.offset
            return pixels
        rows *= np.tile(self.gain, width)
        if self.offset.any():
            rows += np.tile(self.offset, width)
        return pixels
