"""A fused picture under the brush: strokes go on one by one, and the last can be taken back.

Only what a stroke touches, and a rim around it, is composed anew. The strokes are the whole
history: taking one back makes the picture again from those before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import OptionError, StackError
from hyperfocal.frame import IndexMap, Pixels, Samples, Weight, to_pixels, to_samples
from hyperfocal.fusion.api import Fusion
from hyperfocal.fusion.retouch import (
    RESTORE,
    Stroke,
    Window,
    edited_maps,
    painted,
    require_inside,
    stamp,
    with_rim,
)
from hyperfocal.stack.stack import Stack


@dataclasses.dataclass(frozen=True)
class _Taken:
    """What a stroke takes: pixels of box and rim, and what the maps say of them in the box."""

    pixels: Pixels
    frame: int | IndexMap | None
    position: float | NDArray[np.float32] | None = None
    certainty: float | Weight = 1.0


class Editing:
    """A fusion, and what strokes have made of it."""

    def __init__(
        self, fusion: Fusion, frames: Stack, *, numbers: Sequence[int], left_out: Sequence[str]
    ):
        """`frames` are the aligned ones, which have these numbers among those that were given."""
        self.strokes: list[Stroke] = []
        self._base, self._frames = fusion, frames
        self._numbers, self._left_out = numbers, set(left_out)
        self._places = {source.info.name: at for at, source in enumerate(frames.sources)}
        area = fusion.report["alignment"]["area"]
        self._origin = area["top"], area["left"]
        self._scale = fusion.report["sample_scale"]
        self._step = fusion.report["step_um"] or 1.0
        self._results: dict[str, Fusion] = {}
        self._begin()

    @property
    def fusion(self) -> Fusion:
        """The picture and its maps as they are now."""
        return dataclasses.replace(
            self._base,
            picture=self._samples.reshape(self._base.picture.shape).copy(),
            decision=_copied(self._decision),
            depth=_copied(self._depth),
            confidence=_copied(self._confidence),
        )

    def compose(self, rows: slice = slice(None)) -> Samples:
        """These rows of the picture as they are now, of the frames' type."""
        return self._samples.reshape(self._base.picture.shape)[rows].copy()

    def paint(self, stroke: Stroke, results: Mapping[str, Fusion] | None = None) -> Window:
        """Put a stroke on; the rows and columns that changed come back.

        Its source is a frame's name, a name in `results` (fusions of the same frames in the same
        area), or "restore". Raises OptionError for a source that is not there and for a stroke that
        touches nothing, StackError for a result of another size; nothing is changed then.
        """
        self._results |= results or {}
        window = self._put(stroke)
        self.strokes.append(stroke)
        return window

    def undo(self) -> Stroke:
        """Take the last stroke back, and give it; raises OptionError where there is none."""
        if not self.strokes:
            raise OptionError("no stroke is left to take back")
        last = self.strokes.pop()
        self._begin()
        for stroke in self.strokes:
            self._put(stroke)
        return last

    def close(self) -> None:
        """Let go of the frames."""
        self._frames.close()

    def _begin(self) -> None:
        base = self._base
        self._samples = _with_channels(base.picture).copy()
        self._decision, self._depth = _copied(base.decision), _copied(base.depth)
        self._confidence = _copied(base.confidence)

    def _put(self, stroke: Stroke) -> Window:
        shape = self._samples.shape
        require_inside(stroke, shape, self._origin)
        window, weight = stamp(stroke, shape, self._origin)
        seen = with_rim(window, shape)
        taken = self._taken(stroke.source, window, seen)
        pixels = to_pixels(self._samples[seen])
        made = painted(pixels, taken.pixels, weight, match=stroke.is_matched)
        inner = tuple(
            slice(box.start - around.start, box.stop - around.start)
            for box, around in zip(window, seen, strict=True)
        )
        own = weight[inner[0], inner[1]]
        changed = made[inner[0], inner[1]]
        # Where the weight is nothing, samples stay as they are, whatever rounding would do.
        samples = to_samples(changed, self._samples.dtype)
        np.copyto(self._samples[window], samples, where=(own > 0)[:, :, None])
        if self._decision is None or self._depth is None or self._confidence is None:
            return window
        maps = edited_maps(
            self._decision[window],
            self._depth[window],
            self._confidence[window],
            own,
            taken.frame,
            position=taken.position,
            certainty=taken.certainty,
        )
        self._decision[window], self._depth[window], self._confidence[window] = maps
        return window

    def _taken(self, source: str, window: Window, seen: Window) -> _Taken:
        if source == RESTORE:
            return _of_result(self._base, window, seen)
        if source in self._results:
            result = self._results[source]
            if result.picture.shape != self._base.picture.shape:
                raise StackError(
                    f"result {source} has another size than the picture; fuse both with the same "
                    "alignment"
                )
            return _of_result(result, window, seen)
        if source not in self._places:
            why = "was left out of the stack" if source in self._left_out else "is not there"
            raise OptionError(
                f"{source} {why}, so nothing can be painted from it; name one of the "
                f"{len(self._places)} frames that were fused, a result, or {RESTORE!r}"
            )
        at = self._places[source]
        self._frames.load(at)
        pixels = self._frames.read(at, seen[0])[:, seen[1]] / np.float32(self._scale)
        number = self._numbers[at]
        return _Taken(pixels, number, number * self._step)


def _of_result(fusion: Fusion, window: Window, seen: Window) -> _Taken:
    pixels = to_pixels(_with_channels(fusion.picture)[seen])
    decision, depth, confidence = fusion.decision, fusion.depth, fusion.confidence
    if decision is None or depth is None or confidence is None:
        return _Taken(pixels, None)
    return _Taken(pixels, decision[window], depth[window], confidence[window])


def _with_channels(picture: Samples) -> Samples:
    return picture[:, :, None] if picture.ndim == 2 else picture


def _copied(values: NDArray[Any] | None) -> Any:
    return None if values is None else values.copy()
