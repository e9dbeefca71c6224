"""The brightness of a source brought to that of the picture around a stroke.

The field that is carried into the stroke is a membrane as in seamless cloning (Pérez et al., 2003),
of the logarithm of a ratio instead of a difference, found by pull and push (Gortler et al., 1996).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Pixels, Weight
from hyperfocal.fusion.retouch.brush import RIM, touched, with_rim

_LARGEST_GAIN = 0.35  # in the logarithm: 1.42 and 0.70
_BLUR = 2.0  # px, sigma: details that only one of two pictures shows are no ratio
_DARK = 0.1  # of the mean of channels: below it a channel's own ratio is noise
_NARROWEST = 0.03  # in the logarithm; ratios this near to each other are all believed
_ROUNDS = 10  # of weighing ratios by their distance from the gain, and gains anew
_PRIOR = 10.0  # pixels of the rim that outweigh what a coarser level says


def matched(source: Pixels, result: Pixels, mask: Weight) -> Pixels:
    """The source with the brightness and colour that the result has around the mask.

    The logarithm of result/source is measured per channel in a rim around the mask: one gain that
    most of the rim agrees on, and how far the rim differs from it from place to place, carried
    inward. Pixels that disagree, where the fault reaches beyond the stroke, say little. At most
    ±0.35; where the rim is black, or there is none, nothing is changed. Equal pictures stay equal.
    """
    source, result = source.astype(np.float32, copy=False), result.astype(np.float32, copy=False)
    seen = with_rim(touched(mask), mask.shape)
    rim, trust = _rim(mask[seen])
    if not trust.size:
        return source.copy()
    above, below = (_mean_within(rim, _channels(values[seen])) for values in (result, source))
    trust = trust * np.minimum(above.mean(1), below.mean(1))
    total = _total(trust)
    if not total > 0:
        return source.copy()
    trust *= np.float32(len(trust) / total)
    gain, difference, believed = _agreed(_log_ratio(above, below), trust)
    weight = np.zeros(rim.shape, np.float32)
    weight[rim] = believed
    weighted = np.zeros((*rim.shape, len(gain)), np.float32)
    weighted[rim] = difference * believed[:, None]
    field = _carried_inward(weighted, weight)
    field += gain
    np.clip(field, -_LARGEST_GAIN, _LARGEST_GAIN, out=field)
    made = source.copy()
    made[seen] *= np.exp(field, out=field).reshape(made[seen].shape)
    return made


def _rim(mask: Weight) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Where pictures are compared, and how far each pixel of it is trusted.

    The further from the stroke, the less likely is a pixel to show what was to be painted over.
    """
    is_free = (mask == 0).astype(np.uint8)
    if is_free.all() or not is_free.any():
        return np.zeros(mask.shape, np.bool_), np.zeros(0, np.float32)
    distance = cv2.distanceTransform(is_free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's roots differ in their last bits with the place in memory; squares are whole numbers.
    square = np.rint(np.square(distance, out=distance), out=distance)
    rim = (square > 0) & (square <= RIM**2)
    return rim, square[rim] / np.float32(RIM**2)


def _channels(values: Pixels) -> Pixels:
    return values if values.ndim == 3 else values[:, :, None]


def _mean_within(rim: NDArray[np.bool_], values: Pixels) -> NDArray[np.float32]:
    """(pixels of the rim, channels): a blur in which only the rim takes part; nothing below 0."""
    share = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), _BLUR)
    total = _channels(cv2.GaussianBlur(np.where(rim[:, :, None], values, 0), (0, 0), _BLUR))
    return np.maximum(total[rim] / share[rim, None], 0)


def _log_ratio(above: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithm of above/below, at most ±log 4; that of all channels where one is dark."""
    above, below = (
        np.maximum(values, np.float32(_DARK) * values.mean(1, keepdims=True))
        for values in (above, below)
    )
    ratio = np.ones_like(above)
    np.divide(np.clip(above, below / 4, below * 4), below, out=ratio, where=below > 0)
    return np.log(ratio, out=ratio)


def _agreed(
    ratio: NDArray[np.float32], trust: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The gain on which most pixels agree, what each is away from it, and how far it is believed.

    Begins at the weighted median of each channel; then a pixel is weighed by its distance from the
    gain, and the gain is the mean with these weights.
    """
    order = np.argsort(ratio, axis=0, kind="stable")
    ranks = np.cumsum(trust[order], axis=0, dtype=np.float64)
    middle = order[(ranks < ranks[-1] / 2).sum(0), range(ratio.shape[1])]
    gain = ratio[middle, range(ratio.shape[1])]
    weight = trust
    for _ in range(_ROUNDS):
        distance = np.sqrt(np.square(ratio - gain).mean(1))
        scale = np.float32(max(_NARROWEST, 2 * float(np.median(distance))))
        weight = trust / np.square(1 + np.square(distance / scale))
        gain = (_total(weight[:, None] * ratio) / _total(weight)).astype(np.float32)
    return gain, ratio - gain, weight * np.float32(_total(trust) / _total(weight))


def _total(values: NDArray[np.float32]) -> Any:
    """The sum over pixels, of which there may be so many that rounding would add up."""
    return values.sum(0, dtype=np.float64)


def _carried_inward(weighted: Pixels, weight: Weight) -> Pixels:
    """Values known where there is weight, everywhere: by pull and push on a pyramid.

    Each level is the mean of what is known there and of what the coarser level says, which counts
    as `_PRIOR` pixels; the coarsest leans towards 0.
    """
    levels = [(weighted, weight)]
    while max(weight.shape) > 1:
        weighted, weight = 4 * _channels(cv2.pyrDown(weighted)), 4 * cv2.pyrDown(weight)
        levels.append((weighted, weight))
    carried, prior = np.zeros_like(weighted), np.float32(_PRIOR)
    for weighted, weight in reversed(levels):
        if carried.shape != weighted.shape:
            carried = _channels(cv2.pyrUp(carried, dstsize=weight.shape[::-1]))
        carried *= prior
        carried += weighted
        carried /= (weight + prior)[:, :, None]
    return carried
