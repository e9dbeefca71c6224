"""Feature mutual information (FMI): what 3×3 windows of two feature maps tell of each other.

Haghighat, Aghagolzadeh, Seyedarabi: A non-reference image fusion metric based on mutual
information of image features, Computers and Electrical Engineering, 2011, in the fast form of
Haghighat, Razian: Fast-FMI, AICT, 2014. A window, stretched to 0…1, is read as a distribution over
its nine places; the joint distribution of two windows lies between independence and the Fréchet
bound, as far as they are correlated.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.metrics._grey import Plane

# Single precision: a mean over thousands of windows keeps more digits than are ever printed.
Places: TypeAlias = NDArray[np.float32]  # (9, windows), column after column of each window
PerWindow: TypeAlias = NDArray[np.float32]  # (windows,)

PLACES = 9
_STRIP = 32768  # windows laid out at a time, so that memory does not grow with the picture
_BATCH = 4096  # windows whose joint distributions are built at a time; they stay in the cache
_TINY = np.float32(1e-30)


def information(source: Plane, fused: Plane) -> float:
    """Mean over all windows of 2 I / (H + H'), 1 where the windows are equal; 0…1."""
    height, width = (side - 2 for side in fused.shape)
    rows = max(1, _STRIP // width)
    total = 0.0
    for top in range(0, height, rows):
        strips = (_windows(features[top : top + rows + 2]) for features in (source, fused))
        total += float(shared(*strips).sum(dtype=np.float64))
    return total / float(height * width)


def shared(left: Plane, right: Plane) -> PerWindow:
    """2 I / (H + H') of windows given as columns of nine places, column after column."""
    found = np.ones(left.shape[1], np.float32)
    differing = np.flatnonzero(np.any(left != right, axis=0))
    for start in range(0, len(differing), _BATCH):
        some = differing[start : start + _BATCH]
        # np.take keeps the nine places apart in memory, which indexing would interleave.
        taken = (np.take(windows, some, axis=1) for windows in (left, right))
        found[some] = _shared(*map(_distribution, taken))
    return found


def _windows(features: Plane) -> Plane:
    height, width = (side - 2 for side in features.shape)
    windows = np.empty((PLACES, height, width))
    for place in range(PLACES):
        column, row = divmod(place, 3)
        windows[place] = features[row : row + height, column : column + width]
    return windows.reshape(PLACES, -1)


def _distribution(windows: Plane) -> Places:
    """Each window from 0 to its maximum, summing to 1; even where it is constant."""
    raised: Plane = windows - windows.min(axis=0)
    raised[:, ~raised.any(axis=0)] = 1
    raised /= raised.sum(axis=0)
    return raised.astype(np.float32)


def _shared(left: Places, right: Places) -> PerWindow:
    correlation = _correlation(left, right)
    # The lower Fréchet bound is the upper one for a window read backwards, places renumbered.
    left = np.where(correlation < 0, left[::-1], left)
    up_to_left, up_to_right = _accumulated(left), _accumulated(right)
    bound = _bound_covariance(up_to_left, up_to_right)
    strength = np.abs(correlation) * np.sqrt(_variance(left) * _variance(right))
    dependence = np.divide(strength, bound, out=np.zeros_like(bound), where=bound > _TINY)
    total = _entropy(left) + _entropy(right)
    mutual = total - _joint_entropy(left, right, up_to_left, up_to_right, dependence)
    found: PerWindow = np.divide(2 * mutual, total, out=np.zeros_like(total), where=total > 0)
    return found


def _accumulated(shares: Places) -> Places:
    sums = shares.copy()
    for place in range(1, PLACES):
        sums[place] += sums[place - 1]
    return sums


def _correlation(left: Places, right: Places) -> PerWindow:
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    product = np.sum(left * right, axis=0)
    norm = np.sqrt(np.sum(left**2, axis=0) * np.sum(right**2, axis=0))
    found: PerWindow = np.divide(product, norm, out=np.zeros_like(norm), where=norm > _TINY)
    return found


def _variance(shares: Places) -> PerWindow:
    """Of the place's number under the distribution."""
    place = np.arange(PLACES, dtype=np.float32)[:, None]
    centred = place - np.sum(place * shares, axis=0)
    spread: PerWindow = np.sum(centred**2 * shares, axis=0)
    return spread


def _bound_covariance(left: Places, right: Places) -> PerWindow:
    """Covariance under the upper Fréchet bound: Σ min(F, G) - F G over all pairs of places."""
    total: PerWindow = -left.sum(axis=0) * right.sum(axis=0)
    for row in left:
        total += np.minimum(row, right).sum(axis=0)
    return total


def _entropy(shares: Places) -> PerWindow:
    """-Σ p log₂|p| over the first axis; the cells of a joint distribution may fall below 0."""
    sizes = np.abs(shares)
    np.maximum(sizes, _TINY, out=sizes)
    bits: PerWindow = np.einsum("ij,ij->j", shares, np.log2(sizes, out=sizes))
    return -bits


def _joint_entropy(
    left: Places,
    right: Places,
    up_to_left: Places,
    up_to_right: Places,
    dependence: PerWindow,
) -> PerWindow:
    below_right = np.concatenate([np.zeros_like(right[:1]), up_to_right[:-1]])
    independence = 1 - dependence
    total = np.zeros_like(dependence)
    below = np.zeros_like(dependence)
    for share, up_to in zip(left, up_to_left, strict=True):
        cells = np.minimum(up_to, up_to_right)
        cells -= np.maximum(below, below_right)
        np.maximum(cells, 0, out=cells)
        cells *= dependence
        cells += independence * share * right
        total += _entropy(cells)
        below = up_to
    return total
