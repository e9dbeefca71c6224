"""Energy of the image gradient (Tenengrad).

Does not correct for noise: on flat, noisy areas every frame scores alike. Krotkov, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from hyperfocal.compute.filters import box_sum
from hyperfocal.frame import FocusMap, Grey
from hyperfocal.options import option


@dataclass(frozen=True)
class TenengradMeasure:
    """Squared Sobel gradient, summed over a window."""

    radius: int = option(4, "window in which gradient energy is summed", unit="px", low=0, high=99)

    @property
    def halo(self) -> int:
        return self.radius + 1

    @property
    def grid(self) -> int:
        return 1

    def survey(self, frame: Grey) -> None:
        return None

    def __call__(self, tile: Grey, surveyed: None = None) -> FocusMap:
        across = cv2.Sobel(tile, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Sobel(tile, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
        return box_sum(across * across + down * down, self.radius)
