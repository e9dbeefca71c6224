"""Editing a fused picture by hand: strokes as data, and what each does to pixels and maps.

A stroke copies a place of a frame, or of another result, into the picture. It is drawn in pixels of
the reference frame, pixel centres at whole numbers, so it survives another crop and another method.

    window, weight = stamp(stroke, shape, origin)  # what changes, and how much
    seen = with_rim(window, shape)                 # what must be known for it
    picture[seen] = painted(picture[seen], source[seen], weight, match=stroke.is_matched)

All of it is exact by pieces: what is computed of `seen` equals what is computed of the picture.
Windows are (rows, columns) of the picture; `origin` is the (row, column) of the reference frame at
which the picture begins. Does not read frames, and keeps no history: undo is one stroke less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import IndexMap, Pixels, Weight
from hyperfocal.fusion.retouch.brush import (
    RIM,
    Window,
    box,
    mask,
    require_inside,
    stamp,
    touched,
    with_rim,
)
from hyperfocal.fusion.retouch.matching import matched
from hyperfocal.fusion.retouch.strokes import MOST_POINTS, RESTORE, Stroke, dump, load

__all__ = [
    "MOST_POINTS",
    "RESTORE",
    "RIM",
    "Maps",
    "Stroke",
    "Window",
    "box",
    "dump",
    "edited_maps",
    "load",
    "mask",
    "matched",
    "painted",
    "require_inside",
    "stamp",
    "with_rim",
]


class Maps(NamedTuple):
    """What selecting methods tell of a picture; None of those that blend without deciding."""

    decision: IndexMap | None
    depth: NDArray[np.float32] | None
    confidence: Weight | None


def painted(result: Pixels, source: Pixels, mask: Weight, *, match: bool = True) -> Pixels:
    """result + mask · (source − result), grey or colour; untouched where the mask is 0.

    With `match` the source is brought to the brightness of the result around the mask, for which
    all three must show the rim (`with_rim`). Values are not clipped.
    """
    made = result.astype(np.float32)
    window = touched(mask)
    fitting = matched(source, result, mask) if match else source.astype(np.float32, copy=False)
    weight = mask[window].reshape(*mask[window].shape, *[1] * (result.ndim - 2))
    made[window] += weight * (fitting[window] - made[window])
    return made


def edited_maps(
    index: IndexMap | None,
    depth: NDArray[np.float32] | None,
    confidence: Weight | None,
    mask: Weight,
    frame: int | IndexMap | None,
    *,
    position: float | NDArray[np.float32] | None = None,
    certainty: float | Weight = 1.0,
) -> Maps:
    """The maps after a stroke; None for a picture that has none.

    A pixel comes from `frame` where the mask is above ½. Depth is blended as pixels are, towards
    `position` (on the scale of the depth; the frame's number unless given). Confidence is the share
    of the pixel that comes from the frame that the decision names. Where the source is a result
    with maps of its own, give its decision, depth and confidence for `frame`, `position` and
    `certainty`; where it has none, `frame` is None: decision and depth stay, confidence falls.
    """
    if index is None or depth is None or confidence is None:
        return Maps(None, None, None)
    kept = (1 - mask) * confidence
    if frame is None:
        return Maps(index.copy(), depth.copy(), kept)
    decision = np.where(mask > 0.5, frame, index).astype(index.dtype)
    place = np.asarray(frame if position is None else position, np.float32)
    share = (decision == frame) * (mask * certainty) + (decision == index) * kept
    return Maps(decision, depth + mask * (place - depth), share.astype(np.float32))
