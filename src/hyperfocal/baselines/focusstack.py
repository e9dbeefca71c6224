"""The frame with the strongest Laplacian at each pixel, and nothing else.

What simple programs called FocusStack do: blur a little, take the second derivative, choose the
pixel where it is largest. Looks at no neighbourhood, so that noise decides where pictures are flat.
Decides on luma. After C. McGuinness' program `focusstack`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.decision.verification import NoVerification
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.options import option


@dataclass(frozen=True)
class StrongestLaplacian:
    """Magnitude of the Laplacian of the blurred frame."""

    blur: int = option(5, "side of the Gaussian window, made odd by adding 1", unit="px", low=1)
    kernel: int = option(
        5, "side of the Laplacian, made odd by adding 1", unit="px", low=1, high=31
    )

    @property
    def halo(self) -> int:
        return (self.blur | 1) // 2 + max(1, (self.kernel | 1) // 2)

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> None:
        return None

    def __call__(self, tile: Grey, surveyed: None = None) -> FocusMap:
        side = self.blur | 1
        smooth = cv2.GaussianBlur(tile, (side, side), 0)
        laplacian = cv2.Laplacian(smooth, cv2.CV_32F, ksize=self.kernel | 1)
        return np.abs(laplacian, out=laplacian)


@dataclass(frozen=True)
class Focusstack(StrongestLaplacian):
    """Options of the Laplacian."""

    @property
    def measure(self) -> StrongestLaplacian:
        return StrongestLaplacian(self.blur, self.kernel)

    @property
    def decision(self) -> NoVerification:
        return NoVerification()
