"""Guided filtering fusion: saliency chooses, guided filters smooth that choice at two scales.

Every frame is split into a base (its mean over a window) and a detail. Base and detail have weights
of their own, the detail's following the edges of the frame closely. Saliency and guide are luma;
the weights serve all colour channels. N frames as published. Li, Kang, Hu: Image fusion with guided
filtering, IEEE TIP, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hyperfocal.compute.filters import guided_filter
from hyperfocal.decision.argmax import ArgMax
from hyperfocal.frame import FocusMap, Grey, Pixels, to_grey
from hyperfocal.options import option

_LAPLACIAN_REACH = 1


@dataclass(frozen=True)
class Gf:
    """The published values as defaults."""

    base_radius: int = option(45, "guided filter of the base's weights", unit="px", low=1, high=500)
    base_epsilon: float = option(0.3, "its regularisation", unit="levels² of 1", low=1e-12)
    detail_radius: int = option(7, "guided filter of the detail's weights", unit="px", low=1)
    detail_epsilon: float = option(1e-6, "its regularisation", unit="levels² of 1", low=1e-12)
    mean_radius: int = option(15, "window whose mean is the base", unit="px", low=1)
    saliency_radius: int = option(
        5, "Gaussian window, and its σ, of the saliency", unit="px", low=1
    )

    @property
    def bytes_per_pixel(self) -> int:
        return 130

    @property
    def halo(self) -> int:
        saliency = _LAPLACIAN_REACH + self.saliency_radius
        return max(self.mean_radius, saliency + 2 * max(self.base_radius, self.detail_radius))

    @property
    def grid(self) -> int:
        return 1

    def saliency(self, grey: Grey) -> FocusMap:
        """|Laplacian|, blurred."""
        laplacian = np.abs(cv2.Laplacian(grey, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE))
        side = 2 * self.saliency_radius + 1
        return cv2.GaussianBlur(
            laplacian, (side, side), self.saliency_radius, borderType=cv2.BORDER_REPLICATE
        )

    def fold(self, height: int, width: int, channels: int) -> GuidedFold:
        return GuidedFold(self, (height, width, channels))


class GuidedFold:
    """First the arg-max of the saliency, then both scales of every frame with its weights."""

    def __init__(self, options: Gf, shape: tuple[int, int, int]):
        self._options = options
        self._contest = ArgMax(*shape[:2])
        self._count = self._added = 0
        self._totals = np.zeros((2, *shape), np.float32)
        self._shares = np.zeros((2, *shape[:2], 1), np.float32)

    def observe(self, pixels: Pixels) -> None:
        self._contest.add(self._count, self._options.saliency(to_grey(pixels)))
        self._count += 1

    def add(self, pixels: Pixels) -> None:
        options = self._options
        mask = self._contest.index == self._added
        # Around 0 float32 is precise enough for variances that matter beside ε.
        guide = to_grey(pixels) - np.float32(0.5)
        side = 2 * options.mean_radius + 1
        base = cv2.blur(pixels, (side, side), borderType=cv2.BORDER_REPLICATE)
        base = base.reshape(pixels.shape)
        for place, (scale, radius, epsilon) in enumerate(
            (
                (base, options.base_radius, options.base_epsilon),
                (pixels - base, options.detail_radius, options.detail_epsilon),
            )
        ):
            weight = guided_filter(guide, mask, radius=radius, epsilon=epsilon)[:, :, None]
            weight += np.float32(1e-12)  # where every frame's weight was clipped to 0
            self._totals[place] += weight * scale
            self._shares[place] += weight
        self._added += 1

    def result(self) -> Pixels:
        base, detail = self._totals / self._shares
        return base + detail
