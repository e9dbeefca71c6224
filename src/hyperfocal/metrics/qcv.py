"""Perceived difference Q_CV between fused picture and sources, weighted by regional saliency.

H. Chen, Varshney: A human perception inspired quality metric for image fusion based on regional
information, Information Fusion, 2007. Follows the evaluation toolbox behind the published tables
(Liu et al., IEEE TPAMI, 2012). Each picture is stretched to 0…255 first, so that the value does
not depend on the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._frequencies import filtered, radii
from hyperfocal.metrics._gradients import strength
from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._stretched import stretched

BEST: float | None = 0.0
HIGHER_IS_BETTER = False

_REGION = 16  # px
_PIXELS_PER_CYCLE = 8  # picture side over the frequency that Nyquist stands for
_SALIENCY_EXPONENT = 5


def qcv(fused: Grey, sources: Sequence[Grey]) -> float:
    """Σ λᵢ Dᵢ / Σ λᵢ over regions of 16 × 16 px and sources i; 0 and up, lower is better.

    λᵢ is Σ G⁵ over the region, G the Sobel gradient of source i; Dᵢ is the mean square of source
    less fused picture after the contrast sensitivity of Mannos and Sakrison,
    2.6 (0.0192 + 0.144 r) e^(-(0.144 r)^1.1). Any number of sources.
    """
    plane, planes = stretched(*checked(fused, sources))
    height, width = plane.shape
    radius = 0.144 * radii(
        plane.shape, across=width / _PIXELS_PER_CYCLE, down=height / _PIXELS_PER_CYCLE
    )
    sensitivity = 2.6 * (0.0192 + radius) * np.exp(-(radius**1.1))
    weighted = total = 0.0
    for source in planes:
        saliency = _regions(strength(source) ** _SALIENCY_EXPONENT)
        difference = _regions(filtered(source - plane, sensitivity) ** 2) / _REGION**2
        weighted += float(np.vdot(saliency, difference))
        total += float(saliency.sum())
    return weighted / total


def _regions(picture: Plane) -> Plane:
    """Sums over whole regions, black where the last ones reach over the border."""
    height, width = picture.shape
    padded = np.pad(picture, ((0, -height % _REGION), (0, -width % _REGION)))
    rows, columns = (side // _REGION for side in padded.shape)
    sums: Plane = padded.reshape(rows, _REGION, columns, _REGION).sum(axis=(1, 3))
    return sums
