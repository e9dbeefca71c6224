"""Phase congruency metric Q_P: are the features of the sources, edges and corners, still there.

J. Zhao, Laganière, Z. Liu: Performance assessment of combinative pixel-level image fusion based
on an absolute feature measurement, International Journal of Innovative Computing, Information and
Control, 2007. Follows the evaluation toolbox behind the published tables (Liu et al., IEEE TPAMI,
2012). Depends weakly on the value range, through a constant in the phase congruency.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._phase_congruency import Features, features, filter_bank
from hyperfocal.metrics._windows import Windowed, covariance, gaussian, windowed

BEST: float | None = None
HIGHER_IS_BETTER = True

_SIDE = 11  # px
_STABILIZER = 1e-4
_FEATURE = 0.1  # congruency from which a pixel belongs to a feature


def qp(fused: Grey, sources: Sequence[Grey]) -> float:
    """Product of three mean correlations, of congruency, edges and corners; up to 1, higher better.

    Each is Σ max rᵢ / (number of feature pixels), rᵢ = (σ_iF + C) / (σᵢ σ_F + C) in Gaussian
    windows, i going over the sources and the map that takes, at each pixel, the source of
    largest congruency. Where neither map has contrast, r is C / C = 1, so that a wholly flat
    result scores high. Any number of sources.
    """
    plane, planes = checked(fused, sources)
    bank = filter_bank(plane.shape)
    result = features(plane, bank)
    compared = [features(picture, bank) for picture in planes]
    compared.append(_strongest(compared))
    masks = [one.congruency > _FEATURE for one in compared]
    count = int(masks[-1].sum())
    if count == 0:
        raise StackError("Q_P is not defined for sources without any feature; leave flat ones out")
    value = 1.0
    for of_fused, *of_sources in zip(result, *compared, strict=True):
        value *= float(_correlation(of_fused, of_sources, masks).sum()) / count
    return value


def _strongest(compared: Sequence[Features]) -> Features:
    """Each pixel's maps from the source of largest congruency, the last of equals."""
    best = compared[0]
    for other in compared[1:]:
        stays = best.congruency > other.congruency
        best = Features(*(np.where(stays, *maps) for maps in zip(best, other, strict=True)))
    return best


def _correlation(
    fused: Plane, sources: Sequence[Plane], masks: Sequence[NDArray[np.bool_]]
) -> Plane:
    """Largest correlation with any source at each pixel; one without a feature there counts 0."""
    result = _windowed(fused)
    best = np.full_like(fused, -np.inf)
    for source, mask in zip(sources, masks, strict=True):
        masked = _windowed(source * mask)
        contrast = np.sqrt(masked.variance * result.variance)
        correlation = (covariance(masked, result) + _STABILIZER) / (contrast + _STABILIZER)
        best = np.maximum(best, np.where(mask, correlation, 0))
    return best


def _windowed(picture: Plane) -> Windowed:
    """Statistics in a window around every pixel, nothing beyond the border."""
    return windowed(np.pad(picture, _SIDE // 2), gaussian(_SIDE, 1.5))
