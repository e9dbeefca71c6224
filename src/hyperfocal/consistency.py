"""Consistency verification: what a decision map needs to become a weight.

Neighbouring pixels come from the same frame, unless an edge of the picture says otherwise:
opening, removal of small regions, closing, removal again (Ma et al. 2020), then a guided filter
(He, Sun, Tang 2013). Masks are (height, width) bool.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey, IndexMap, Weight

Mask: TypeAlias = NDArray[np.bool_]


def disk(radius: int) -> NDArray[np.uint8]:
    """All offsets with row² + column² ≤ radius², as scikit-image draws it."""
    offsets = np.arange(-radius, radius + 1)
    return (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.uint8)


def opened(mask: Mask, radius: int) -> Mask:
    """The parts of the mask into which a disk of this radius fits."""
    return _morphed(mask, cv2.MORPH_OPEN, radius)


def closed(mask: Mask, radius: int) -> Mask:
    """The mask with its gaps filled into which a disk of this radius does not fit."""
    return _morphed(mask, cv2.MORPH_CLOSE, radius)


def _morphed(mask: Mask, operation: int, radius: int) -> Mask:
    return cv2.morphologyEx(mask.view(np.uint8), operation, disk(radius)).view(np.bool_)


def without_small_regions(mask: Mask, smallest: float) -> Mask:
    """The mask with connected regions of fewer than `smallest` pixels flipped.

    First those of the mask, then those of what is left out of it; regions touch along sides.
    """
    kept = _large_regions(mask, smallest)
    return ~_large_regions(~kept, smallest)


def _large_regions(mask: Mask, smallest: float) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    is_large = stats[:, cv2.CC_STAT_AREA] >= smallest
    is_large[0] = False  # label 0 is what lies outside the mask
    return mask if count == 1 or is_large[1:].all() else is_large[labels]


def verified_pair(first: Mask, *, radius: int, smallest: float) -> Mask:
    """The published verification of a two-frame decision: True where the first frame is chosen."""
    mask = without_small_regions(opened(first, radius), smallest)
    return without_small_regions(closed(mask, radius), smallest)


def verified_stack(index: IndexMap, *, frame_count: int, radius: int, smallest: float) -> IndexMap:
    """The same idea for any number of frames, which the paper does not cover.

    What of each frame's region survives opening and is not small stays; the rest goes to the
    nearest region that stayed. Where nothing stays, the decision is left as it is.
    """
    kept = np.zeros(index.shape, np.bool_)
    for frame in range(frame_count):
        window = support(index == frame, margin=radius)
        if window is not None:
            mask = index[window] == frame
            kept[window] |= _large_regions(opened(mask, radius), smallest) & mask
    return nearest_kept(index, kept)


def nearest_kept(index: IndexMap, kept: Mask) -> IndexMap:
    """The index map with every entry outside `kept` replaced by the nearest one inside."""
    if kept.all() or not kept.any():
        return index
    _, nearest = cv2.distanceTransformWithLabels(
        (~kept).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    entries = np.zeros(int(nearest.max()) + 1, index.dtype)
    entries[nearest[kept]] = index[kept]
    return entries[nearest]


def support(mask: Mask, *, margin: int) -> tuple[slice, slice] | None:
    """The smallest window that holds the mask and a margin around it; None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if rows.size == 0:
        return None
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def guided_filter(guide: Grey, mask: Mask, *, radius: int, epsilon: float) -> Weight:
    """The mask smoothed along the edges of the guide, 0…1; it looks 2·radius pixels far.

    `guide` and `epsilon` are on the same scale. Windows at the border are smaller, not padded.
    He, Sun, Tang: Guided image filtering, 2013, eq. 5, 6 and 8.
    """
    weight = mask.astype(np.float32)
    mean_guide, mean_weight = box_mean(guide, radius), box_mean(weight, radius)
    covariance = box_mean(guide * weight, radius) - mean_guide * mean_weight
    slope = covariance / (box_mean(guide * guide, radius) - mean_guide**2 + np.float32(epsilon))
    offset = mean_weight - slope * mean_guide
    smooth = box_mean(slope, radius) * guide + box_mean(offset, radius)
    return np.clip(smooth, 0, 1, out=smooth)


def box_mean(values: Grey, radius: int) -> Grey:
    """Mean over the (2·radius + 1)² window, over what of it lies inside the picture."""
    rows, columns = (_inside_counts(length, radius) for length in values.shape)
    mean = box_sum(values, radius)
    mean /= rows[:, None]
    mean /= columns
    return mean


def box_sum(values: Grey, radius: int) -> Grey:
    """Sum over the (2·radius + 1)² window; outside the picture there is nothing to add."""
    size = (2 * radius + 1, 2 * radius + 1)
    return cv2.boxFilter(values, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_CONSTANT)


def _inside_counts(length: int, radius: int) -> NDArray[np.float32]:
    places = np.arange(length)
    last = np.minimum(places + radius, length - 1)
    return (last - np.maximum(places - radius, 0) + 1).astype(np.float32)
