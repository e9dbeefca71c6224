"""The order of things: stack, alignment, focus maps, decision, composite.

Nothing here knows a file format or a focus measure. Between frames live a few arrays of a tile
and a few of the picture, however many frames there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.compute import tiles
from hyperfocal.compute.tiles import Tile
from hyperfocal.decision.argmax import ArgMax, winners
from hyperfocal.decision.blending import Blend
from hyperfocal.decision.verification import Decision
from hyperfocal.errors import StackError
from hyperfocal.frame import FocusMap, Grey, IndexMap, Pixels, Samples, Weight, to_samples
from hyperfocal.measures import Measure
from hyperfocal.methods import DepthFold, Fold, Folding, Method, Selecting, TwoPassFold, has_depth
from hyperfocal.stack.stack import Stack

OnStep = Callable[[str, int, int], None]

# What lives at once per pixel of a tile while frames go by, measured at its highest (colour).
_BYTES_PER_PIXEL = 80
_STRIP = 256  # rows
_AT_HAND = 2  # frames that a stack keeps anyway


@dataclass(frozen=True)
class Composite:
    """What fusing gives: the picture, and for selecting methods how it was decided."""

    picture: Samples  # (height, width, channels), of the frames' type
    index: IndexMap | None = None  # the frame that each pixel comes from
    initial: IndexMap | None = None  # the same before the decision was made consistent
    activity: FocusMap | None = None  # the largest focus measure over the frames
    depth: NDArray[np.float32] | None = None  # position in the stack, in frames
    confidence: Weight | None = None  # 1 − second best focus / best focus
    covered: NDArray[np.bool_] | None = None  # where all frames have data; None: everywhere


@dataclass(frozen=True)
class Run:
    """A stack on its way through the figure."""

    stack: Stack
    memory_bytes: int
    on_step: OnStep

    def compose(self, method: Method) -> Composite:
        """The composite by either kind of method."""
        if len(self.stack) > _AT_HAND and _has_passes(method):
            self.stack.spool_if_room(self.memory_bytes)
        if isinstance(method, Selecting):
            return self._select(registry.make("measures", method.measure), method.decision)
        if isinstance(method, Folding):
            return self._fold(method)
        raise StackError(f"{method!r} is no fusion method; it neither selects nor folds")

    def _select(self, measure: Measure, decision: Decision) -> Composite:
        initial, activity, confidence, covered = self._compare(measure)
        self.on_step("decide", 0, 1)
        index = decision.verify(initial, frame_count=len(self.stack))
        self.on_step("decide", 1, 1)
        picture, depth = self._blend(index, decision)
        return Composite(picture, index, initial, activity, depth, confidence, covered)

    def _compare(
        self, measure: Measure
    ) -> tuple[IndexMap, FocusMap, Weight, NDArray[np.bool_] | None]:
        """Arg-max over frames, its focus measure and confidence, and where all have data.

        For the whole picture. Where some frames have none, the others won without a contest, so
        that the confidence is 0.
        """
        height, width = self._size
        index = np.empty((height, width), np.uint16)
        activity, confidence = np.empty((2, height, width), np.float32)
        everywhere: NDArray[np.bool_] | None = None
        new_contest = getattr(measure, "arg_max", ArgMax)
        surveyed: list[Any] = []  # a few numbers a frame, not pixels
        plan = self._plan(measure.halo, measure.grid)
        for place, tile in enumerate(plan):
            arg_max = new_contest(tile.outer_bottom - tile.outer_top, width)
            for frame in self._frames("measure", place, len(plan)):
                if len(surveyed) == frame:
                    is_split = len(plan) > 1
                    surveyed.append(measure.survey(self.stack.grey(frame)) if is_split else None)
                grey = self.stack.grey(frame, tile.outer_rows)
                focus_map = measure(grey, surveyed[frame])
                covered = self.stack.covered(frame, tile.outer_rows)
                if covered is not None:
                    focus_map = masked(focus_map, covered)
                    if everywhere is None:
                        everywhere = np.ones((height, width), bool)
                    everywhere[tile.rows] &= covered[tile.inner_rows]
                arg_max.add(frame, focus_map)
            index[tile.rows] = arg_max.index[tile.inner_rows]
            activity[tile.rows] = arg_max.best[tile.inner_rows]
            confidence[tile.rows] = arg_max.confidence()[tile.inner_rows]
        if everywhere is not None:
            confidence[~everywhere] = 0
        return index, activity, confidence, everywhere

    def _blend(self, index: IndexMap, decision: Decision) -> tuple[Samples, NDArray[np.float32]]:
        picture = self._new_picture()
        depth = np.empty(self._size, np.float32)
        plan = self._plan(decision.halo)
        for place, tile in enumerate(plan):
            chosen = index[tile.outer_rows]
            frames = winners(chosen)
            guide = self._guide(chosen, frames, tile) if decision.needs_guide else None
            blend = Blend(chosen.shape[0], chosen.shape[1], picture.shape[2])
            for step, frame in enumerate(frames):
                self.stack.load(frame, then=next(iter(frames[step + 1 :]), None))
                self._blend_frame(blend, frame, chosen, guide, tile, decision)
                self.on_step("blend", place * len(frames) + step + 1, len(plan) * len(frames))
            pixels, position = blend.result()
            fill(picture[tile.rows], pixels[tile.inner_rows])
            depth[tile.rows] = position[tile.inner_rows]
        return picture, depth

    def _blend_frame(
        self,
        blend: Blend,
        frame: int,
        chosen: IndexMap,
        guide: Grey | None,
        tile: Tile,
        decision: Decision,
    ) -> None:
        # Strips keep the arrays of a weight in the cache, and most strips hold few frames.
        for strip in tiles.strips(len(chosen), _STRIP, decision.halo):
            mask = chosen[strip.outer_rows] == frame
            if mask.any():
                seen = None if guide is None else guide[strip.outer_rows]
                weight = decision.weigh(mask, seen)[strip.inner_rows]
                rows = slice(tile.outer_top + strip.top, tile.outer_top + strip.bottom)
                blend.add(frame, strip.rows, self.stack.read(frame, rows), weight)

    def _guide(self, chosen: IndexMap, frames: list[int], tile: Tile) -> Grey:
        """The picture as the bare decision makes it, grey on 0…255."""
        guide = np.empty(chosen.shape, np.float32)
        for frame in reversed(frames):
            for strip in tiles.strips(len(chosen), _STRIP):
                mask = chosen[strip.rows] == frame
                if mask.any():
                    rows = slice(tile.outer_top + strip.top, tile.outer_top + strip.bottom)
                    np.copyto(guide[strip.rows], self.stack.grey(frame, rows), where=mask)
        guide *= 255
        return guide

    def _fold(self, method: Folding) -> Composite:
        height, width = self._size
        picture = self._new_picture()
        index = np.empty((height, width), np.uint16)
        depth, confidence = np.empty((2, height, width), np.float32)
        everywhere = np.ones((height, width), bool)
        held = getattr(method, "bytes_per_pixel", _BYTES_PER_PIXEL)
        plan = self._plan(method.halo, method.grid, held)
        for place, tile in enumerate(plan):
            shape = tile.outer_bottom - tile.outer_top, width, picture.shape[2]
            fold, pixels = method.fold(*shape), None
            if isinstance(fold, DepthFold):
                pixels = np.empty(shape, np.float32)
            if isinstance(fold, TwoPassFold):
                for frame in self._frames("look", place, len(plan)):
                    fold.observe(*self._given(fold, frame, tile, pixels))
            for frame in self._frames("fold", place, len(plan)):
                given = self._given(fold, frame, tile, pixels)
                fold.add(*given)
                for covered in given[1:]:
                    if covered is not None:
                        everywhere[tile.rows] &= covered[tile.inner_rows]
            fill(picture[tile.rows], fold.result()[tile.inner_rows])
            if isinstance(fold, DepthFold):
                found = fold.depth_estimate()
                index[tile.rows] = found.index[tile.inner_rows]
                depth[tile.rows] = found.depth[tile.inner_rows]
                confidence[tile.rows] = found.confidence[tile.inner_rows]
        if not has_depth(method):
            return Composite(picture)
        confidence[~everywhere] = 0
        covered = None if everywhere.all() else everywhere
        return Composite(picture, index, depth=depth, confidence=confidence, covered=covered)

    def _given(self, fold: Fold, frame: int, tile: Tile, out: Pixels | None) -> tuple[Any, ...]:
        """What a fold takes of a frame: its pixels, and where they are its own if it asks."""
        pixels = self.stack.read(frame, tile.outer_rows, out=out)
        if isinstance(fold, DepthFold):
            return pixels, self.stack.covered(frame, tile.outer_rows)
        return (pixels,)

    @property
    def _size(self) -> tuple[int, int]:
        return self.stack.info.height, self.stack.info.width

    def _new_picture(self) -> Samples:
        return np.empty((*self._size, self.stack.info.channels), self.stack.info.dtype)

    def _plan(
        self, halo: int | None, grid: int = 1, bytes_per_pixel: int = _BYTES_PER_PIXEL
    ) -> list[Tile]:
        plan = tiles.plan(
            *self._size,
            halo=halo,
            bytes_per_pixel=bytes_per_pixel,
            memory_bytes=self.memory_bytes,
            grid=grid,
        )
        if len(plan) > 1:
            self.stack.spool()
        return plan

    def _frames(self, stage: str, place: int, tile_count: int) -> Iterator[int]:
        """The frames of a tile, reporting each when it is done."""
        count = len(self.stack)
        for frame in range(count):
            self.stack.load(frame, then=frame + 1)
            yield frame
            self.on_step(stage, place * count + frame + 1, tile_count * count)


def _has_passes(method: Method) -> bool:
    """Whether frames are read more than once."""
    if isinstance(method, Selecting):
        return True
    return isinstance(method, Folding) and isinstance(method.fold(1, 1, 1), TwoPassFold)


def masked(focus_map: FocusMap, covered: NDArray[np.bool_]) -> FocusMap:
    """The focus map, below every focus where a frame has no data of its own."""
    return np.where(covered, focus_map, np.float32(-1))


def fill(samples: Samples, pixels: Pixels) -> None:
    """Put pixels into samples of the picture's type, strip by strip to spare memory."""
    for strip in tiles.strips(len(pixels), _STRIP):
        samples[strip.rows] = to_samples(pixels[strip.rows], samples.dtype)
