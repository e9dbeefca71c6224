"""Fusion metric of human vision Q_CB: local contrast as the eye perceives it, kept or lost.

Y. Chen, R. Blum: A new automated quality assessment algorithm for image fusion,
Image and Vision Computing, 2009. Follows the evaluation toolbox behind the published tables
(Liu et al., IEEE TPAMI, 2012). Each picture is stretched to 0…255 first, so that the value does
not depend on the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hyperfocal.metrics._frequencies import filtered, radii
from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._stretched import stretched

BEST: float | None = 1.0
HIGHER_IS_BETTER = True

_PIXELS_PER_CYCLE = 30  # picture side over the frequency that Nyquist stands for
_WIDE, _NARROW, _SUPPRESSION = 15.3870, 1.3456, 0.7622  # of the contrast sensitivity
_MASKING = 1e-4


def qcb(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over pixels of Σ λᵢ Qᵢ; 0…1, higher is better. Any number of sources.

    Qᵢ is the smaller masked contrast C' of source and fused picture over the larger, and
    λᵢ = C'ᵢ² / Σ C'². C' = |C|³ / (C² + 10⁻⁴), where C = G₂∗f / G₄∗f - 1 after the contrast
    sensitivity e^(-(r/15.387)²) - 0.7622 e^(-(r/1.3456)²).
    """
    plane, planes = stretched(*checked(fused, sources))
    fused_contrast = _masked_contrast(plane)
    weighted = np.zeros_like(plane)
    total = np.zeros_like(plane)
    for source in planes:
        contrast = _masked_contrast(source)
        saliency = contrast**2
        weighted += saliency * _smaller_over_larger(contrast, fused_contrast)
        total += saliency
    return float(np.mean(weighted / np.maximum(total, np.finfo(np.float64).tiny)))


def _masked_contrast(picture: Plane) -> Plane:
    height, width = picture.shape
    radius = radii(picture.shape, across=width / _PIXELS_PER_CYCLE, down=height / _PIXELS_PER_CYCLE)
    sensitivity = np.exp(-((radius / _WIDE) ** 2)) - _SUPPRESSION * np.exp(
        -((radius / _NARROW) ** 2)
    )
    perceived = filtered(picture, sensitivity)
    narrow, wide = _blurred(perceived, 2.0), _blurred(perceived, 4.0)
    contrast = np.abs(np.divide(narrow, wide, out=np.ones_like(wide), where=wide != 0) - 1)
    masked: Plane = contrast**3 / (contrast**2 + _MASKING)
    return masked


def _blurred(picture: Plane, deviation: float) -> Plane:
    # Not normalized, as published: the wider Gaussian loses its tails to the 31 px window.
    position = np.arange(-15, 16)
    kernel = np.exp(-(position**2) / (2 * deviation**2)) / (np.sqrt(2 * np.pi) * deviation)
    blurred: Plane = cv2.sepFilter2D(
        picture, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT
    )
    return blurred


def _smaller_over_larger(one: Plane, other: Plane) -> Plane:
    larger = np.maximum(one, other)
    return np.divide(np.minimum(one, other), larger, out=np.ones_like(one), where=larger > 0)
