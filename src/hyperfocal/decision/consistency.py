"""Consistency verification: what a decision map needs to become a weight.

Neighbouring pixels come from the same frame, unless an edge of the picture says otherwise:
opening, removal of small regions, closing, removal again (Ma et al., 2020). Masks are
(height, width) bool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import IndexMap

Mask: TypeAlias = NDArray[np.bool_]

_FEWEST_FOR_SURFACES = 4  # frames


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

    What of each frame's region survives opening falls into pieces. Pieces that touch and come from
    neighbouring frames are one surface, because what is slanted is sharp in slices. Pieces of
    surfaces of at least `smallest` pixels stay; the rest goes to the nearest piece that stayed.
    Where nothing stays, the decision is left as it is. In stacks of fewer than four frames, where
    most frames are neighbours, each piece stands for itself.
    """
    pieces = Pieces.of(index, frame_count=frame_count, radius=radius)
    areas = pieces.areas
    if frame_count >= _FEWEST_FOR_SURFACES:
        surface = _joined(len(areas), _touching(pieces))
        areas = np.bincount(surface, areas, len(areas))[surface]
    is_large = areas >= smallest
    is_large[0] = False  # label 0 is what opening took away
    return nearest_kept(index, is_large[pieces.labels])


@dataclass(frozen=True)
class Pieces:
    """Connected regions of one frame each, after opening; label 0 belongs to none."""

    labels: NDArray[np.int32]  # (height, width)
    areas: NDArray[np.int64]  # by label
    frames: NDArray[np.int64]  # by label, -1 for label 0

    @classmethod
    def of(cls, index: IndexMap, *, frame_count: int, radius: int) -> Pieces:
        labels = np.zeros(index.shape, np.int32)
        areas, frames = [np.zeros(1, np.int64)], [np.full(1, -1)]
        known = 0
        for frame in range(frame_count):
            window = support(index == frame, margin=radius)
            if window is None:
                continue
            mask = index[window] == frame
            mask &= opened(mask, radius)
            count, found, stats, _ = cv2.connectedComponentsWithStats(
                mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
            )
            labels[window][mask] = found[mask] + known
            known += count - 1
            areas.append(stats[1:, cv2.CC_STAT_AREA].astype(np.int64))
            frames.append(np.full(count - 1, frame))
        return cls(labels, np.concatenate(areas), np.concatenate(frames))


def _touching(pieces: Pieces) -> NDArray[np.int32]:
    """(K, 2) labels of pieces from neighbouring frames that touch along a side.

    What opening took away is given to the nearest piece before.
    """
    labels = nearest_kept(pieces.labels, pieces.labels > 0)
    found = []
    for first, second in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        differs = first != second
        pairs = np.stack([first[differs], second[differs]], 1)
        steps = np.diff(pieces.frames[pairs], axis=1)[:, 0]
        found.append(np.unique(np.sort(pairs[np.abs(steps) == 1], axis=1), axis=0))
    return np.concatenate(found)


def _joined(count: int, pairs: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each label the smallest of all that pairs join it to, directly or not."""
    smallest = np.arange(count)
    while pairs.size:
        before = smallest.copy()
        least = np.minimum(smallest[pairs[:, 0]], smallest[pairs[:, 1]])
        for side in (0, 1):
            np.minimum.at(smallest, before[pairs[:, side]], least)
            np.minimum.at(smallest, pairs[:, side], least)
        smallest = smallest[smallest]
        if np.array_equal(before, smallest):
            break
    return smallest


def nearest_kept(index: NDArray[Any], kept: Mask) -> NDArray[Any]:
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
