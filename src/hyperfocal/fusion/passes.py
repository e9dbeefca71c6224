"""The order of things: stack, alignment, focus maps, decision, composite.

Nothing here knows a file format or a focus measure. Between frames live a few arrays of a tile
and a few of the picture, however many frames there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.compute import tiles
from hyperfocal.compute.tiles import Tile
from hyperfocal.decision.argmax import ArgMax, winners
from hyperfocal.decision.blending import Blend
from hyperfocal.decision.verification import Decision
from hyperfocal.errors import StackError
from hyperfocal.frame import FocusMap, Grey, IndexMap, Pixels, Samples, Source, Weight, to_samples
from hyperfocal.measures import Measure
from hyperfocal.methods import (
    DepthFold,
    Fold,
    Folding,
    Method,
    Selecting,
    Surveying,
    TwoPassFold,
    has_depth,
)
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.stack import Stack

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
    scale: float = 1.0  # by which pixels are larger than those of the files

    def compose(self, method: Method) -> Composite:
        """The composite by either kind of method."""
        if len(self.stack) > _AT_HAND and _has_passes(method):
            self.stack.spool_if_room(self.memory_bytes)
        return self.begin(method).result()

    def begin(self, method: Method) -> Selection | Folded:
        """What takes frames one at a time, of a stack that may still grow."""
        if isinstance(method, Selecting):
            return Selection(self, registry.make("measures", method.measure), method.decision)
        if isinstance(method, Folding):
            return Folded(self, method)
        raise StackError(f"{method!r} is no fusion method; it neither selects nor folds")

    def over(self, step: Pass, place: int = 0, tile_count: int = 1, *, first: int = 0) -> None:
        """Let a pass take the frames of a tile, from number `first` on, and report each."""
        count = len(self.stack)
        for frame in range(first, count):
            self.stack.load(frame, then=frame + 1)
            step.take(frame)
            self.on_step(step.stage, place * count + frame + 1, tile_count * count)

    def fill(self, samples: Samples, pixels: Pixels) -> None:
        """Put pixels into samples of the files' type and scale, strip by strip to spare memory."""
        for strip in tiles.strips(len(pixels), _STRIP):
            part = pixels[strip.rows]
            if self.scale != 1:
                part = part * np.float32(1 / self.scale)
            samples[strip.rows] = to_samples(part, samples.dtype)

    @property
    def size(self) -> tuple[int, int]:
        return self.stack.info.height, self.stack.info.width

    def new_picture(self) -> Samples:
        return np.empty((*self.size, self.stack.info.channels), self.stack.info.dtype)

    def plan(
        self, halo: int | None, grid: int = 1, bytes_per_pixel: int = _BYTES_PER_PIXEL
    ) -> list[Tile]:
        plan = tiles.plan(
            *self.size,
            halo=halo,
            bytes_per_pixel=bytes_per_pixel,
            memory_bytes=self.memory_bytes,
            grid=grid,
        )
        if len(plan) > 1:
            self.stack.spool()
        return plan


class Begun:
    """A first pass over frames of a stack that grows, as they lie.

    Raises StackError where a tile of the picture does not fit into memory.
    """

    def __init__(self, method: Method, memory_bytes: int):
        self._method, self._memory_bytes = method, memory_bytes
        self._stack: Stack | None = None
        self._steps: Selection | Folded | None = None
        self._on_step: OnStep = silent

    def take(self, source: Source) -> None:
        """Look at the next frame."""
        if self._stack is None or self._steps is None:
            self._stack = Stack([source])
            run = Run(self._stack, self._memory_bytes, self._tell)
            self._steps = run.begin(self._method)
        else:
            self._stack.append(source)
        self._steps.take()

    def fits(self, stack: Stack) -> bool:
        """Whether these are the stack's frames, untouched and in this order."""
        mine = [] if self._stack is None else self._stack.sources
        return len(mine) == len(stack) and all(
            one is other for one, other in zip(mine, stack.sources, strict=True)
        )

    def result(self, on_step: OnStep) -> Composite:
        """The composite, of frames that fit."""
        assert self._steps is not None
        self._on_step = on_step
        return self._steps.result()

    def close(self) -> None:
        """Let go of the frames."""
        if self._stack is not None:
            self._stack.close()

    def _tell(self, stage: str, index: int, count: int) -> None:
        self._on_step(stage, index, count)


class Pass(Protocol):
    """One look at each frame of a tile, in turn."""

    stage: str  # as progress calls it

    def take(self, frame: int) -> None:
        """Look at the frame of this number."""
        ...


class Measuring:
    """The arg-max over frames of a tile, and where all of them have data.

    Where some frames have none, the others win without a contest.
    """

    stage = "measure"

    def __init__(self, stack: Stack, measure: Measure, tile: Tile, survey: Survey | None):
        self._stack, self._measure, self._tile = stack, measure, tile
        self._survey = survey  # None: the tile is all of the picture
        new = getattr(measure, "arg_max", ArgMax)
        self.arg_max: ArgMax = new(tile.outer_bottom - tile.outer_top, stack.info.width)
        self.everywhere: NDArray[np.bool_] | None = None  # of the tile and its halo

    def take(self, frame: int) -> None:
        stack, rows = self._stack, self._tile.outer_rows
        known = None if self._survey is None else self._survey.of(frame)
        focus_map = self._measure(stack.grey(frame, rows), known)
        covered = stack.covered(frame, rows)
        if covered is not None:
            focus_map = masked(focus_map, covered)
            if self.everywhere is None:
                self.everywhere = np.ones(covered.shape, bool)
            self.everywhere &= covered
        self.arg_max.add(frame, focus_map)


class Survey:
    """What all tiles of a frame share: found once a frame, a few numbers each."""

    def __init__(self, stack: Stack, found: Callable[[Grey], Any]):
        self._stack, self._found = stack, found
        self._known: list[Any] = []

    def of(self, frame: int) -> Any:
        """Of the frame of this number; the first tile takes all frames in turn."""
        if len(self._known) == frame:
            self._known.append(self._found(self._stack.grey(frame)))
        return self._known[frame]


class Observing:
    """A fold's first look at the frames of a tile."""

    stage = "look"

    def __init__(self, stack: Stack, fold: Fold, tile: Tile, channels: int):
        self._stack, self.fold, self._tile = stack, fold, tile
        # One that keeps nothing of what it is given has its arrays filled again.
        shape = tile.outer_bottom - tile.outer_top, stack.info.width, channels
        self._buffer = np.empty(shape, np.float32) if isinstance(fold, DepthFold) else None

    def take(self, frame: int) -> None:
        assert isinstance(self.fold, TwoPassFold)
        self.fold.observe(*self.given(frame))

    def given(self, frame: int) -> tuple[Any, ...]:
        """What the fold takes of a frame: its pixels, and where they are its own if it asks."""
        pixels = self._stack.read(frame, self._tile.outer_rows, out=self._buffer)
        if isinstance(self.fold, DepthFold):
            return pixels, self._stack.covered(frame, self._tile.outer_rows)
        return (pixels,)


class Adding:
    """The frames of a tile on their way into its fold."""

    stage = "fold"

    def __init__(self, seen: Observing, survey: Survey | None = None):
        self._seen, self._survey, self.fold = seen, survey, seen.fold
        self.everywhere: NDArray[np.bool_] | None = None  # of the tile and its halo

    def take(self, frame: int) -> None:
        given = self._seen.given(frame)
        told = {} if self._survey is None else {"surveyed": self._survey.of(frame)}
        self.fold.add(*given, **told)
        for covered in given[1:]:
            if covered is not None:
                before = self.everywhere
                self.everywhere = covered if before is None else before & covered


class Blending:
    """The frames that were chosen in a tile, added up with the weights of the decision."""

    stage = "blend"

    def __init__(self, stack: Stack, decision: Decision, chosen: IndexMap, tile: Tile):
        self._stack, self._decision, self._chosen, self._tile = stack, decision, chosen, tile
        self.frames = winners(chosen)
        self._guide = self._made_guide() if decision.needs_guide else None
        self._blend = Blend(chosen.shape[0], chosen.shape[1], stack.info.channels)

    def take(self, frame: int) -> None:
        chosen, guide = self._chosen, self._guide
        # Strips keep the arrays of a weight in the cache, and most strips hold few frames.
        for strip in tiles.strips(len(chosen), _STRIP, self._decision.halo):
            mask = chosen[strip.outer_rows] == frame
            if mask.any():
                seen = None if guide is None else guide[strip.outer_rows]
                weight = self._decision.weigh(mask, seen)[strip.inner_rows]
                pixels = self._stack.read(frame, self._rows(strip))
                self._blend.add(frame, strip.rows, pixels, weight)

    def result(self) -> tuple[Pixels, NDArray[np.float32]]:
        """Pixels and depth of the tile without its halo."""
        pixels, position = self._blend.result()
        return pixels[self._tile.inner_rows], position[self._tile.inner_rows]

    def _made_guide(self) -> Grey:
        """The picture as the bare decision makes it, grey on 0…255."""
        chosen = self._chosen
        guide = np.empty(chosen.shape, np.float32)
        for frame in reversed(self.frames):
            for strip in tiles.strips(len(chosen), _STRIP):
                mask = chosen[strip.rows] == frame
                if mask.any():
                    seen = self._stack.grey(frame, self._rows(strip))
                    np.copyto(guide[strip.rows], seen, where=mask)
        guide *= 255
        return guide

    def _rows(self, strip: Tile) -> slice:
        top = self._tile.outer_top
        return slice(top + strip.top, top + strip.bottom)


class Selection:
    """A selecting method at work: every frame is measured, the best are blended.

    Where the picture is one tile, frames can be taken as they come; else all of it waits for
    `result`, because a tile takes the frames it has not seen once more.
    """

    def __init__(self, run: Run, measure: Measure, decision: Decision):
        self._run, self._measure, self._decision = run, measure, decision
        self._plan = run.plan(measure.halo, measure.grid)
        self._survey = Survey(run.stack, measure.survey) if len(self._plan) > 1 else None
        self._begun: Measuring | None = None
        self.taken = 0

    def take(self) -> None:
        """Measure the next frame of the stack, where the picture is one tile."""
        if len(self._plan) == 1:
            self._begun = self._begun or self._measuring(self._plan[0])
            self._run.stack.load(self.taken)
            self._begun.take(self.taken)
            self.taken += 1

    def result(self) -> Composite:
        """The composite of all frames, of which those taken are not measured again."""
        run = self._run
        initial, activity, confidence, covered = self._compared()
        run.on_step("decide", 0, 1)
        index = self._decision.verify(initial, frame_count=len(run.stack))
        run.on_step("decide", 1, 1)
        picture, depth = self._blended(index)
        return Composite(picture, index, initial, activity, depth, confidence, covered)

    def _measuring(self, tile: Tile) -> Measuring:
        return Measuring(self._run.stack, self._measure, tile, self._survey)

    def _compared(self) -> tuple[IndexMap, FocusMap, Weight, NDArray[np.bool_] | None]:
        """Arg-max over frames, its focus measure and confidence, and where all have data.

        For the whole picture. Where some frames have no data, the confidence is 0.
        """
        index = np.empty(self._run.size, np.uint16)
        activity, confidence = np.empty((2, *self._run.size), np.float32)
        everywhere: NDArray[np.bool_] | None = None
        for place, tile in enumerate(self._plan):
            # Taken from here, so that its arrays go when the tile is done.
            step, self._begun = self._begun or self._measuring(tile), None
            self._run.over(step, place, len(self._plan), first=self.taken)
            index[tile.rows] = step.arg_max.index[tile.inner_rows]
            activity[tile.rows] = step.arg_max.best[tile.inner_rows]
            confidence[tile.rows] = step.arg_max.confidence()[tile.inner_rows]
            if step.everywhere is not None:
                if everywhere is None:
                    everywhere = np.ones(self._run.size, bool)
                everywhere[tile.rows] = step.everywhere[tile.inner_rows]
        if everywhere is not None:
            confidence[~everywhere] = 0
        return index, activity, confidence, everywhere

    def _blended(self, index: IndexMap) -> tuple[Samples, NDArray[np.float32]]:
        run = self._run
        picture, depth = run.new_picture(), np.empty(run.size, np.float32)
        plan = run.plan(self._decision.halo)
        for place, tile in enumerate(plan):
            step = Blending(run.stack, self._decision, index[tile.outer_rows], tile)
            count = len(step.frames)
            for number, frame in enumerate(step.frames, 1):
                run.stack.load(frame, then=next(iter(step.frames[number:]), None))
                step.take(frame)
                run.on_step(step.stage, place * count + number, len(plan) * count)
            pixels, depth[tile.rows] = step.result()
            run.fill(picture[tile.rows], pixels)
        return picture, depth


class Folded:
    """A folding method at work: frames are added to running results, some after a first look.

    Frames can be taken as they come as those of `Selection`.
    """

    def __init__(self, run: Run, method: Folding):
        self._run, self._method = run, method
        held = getattr(method, "bytes_per_pixel", _BYTES_PER_PIXEL)
        self._plan = run.plan(method.halo, method.grid, held)
        self._survey: Survey | None = None
        if len(self._plan) > 1 and isinstance(method, Surveying):
            self._survey = Survey(run.stack, method.survey)
        self._begun: tuple[Observing, Adding] | None = None
        self.taken = 0

    def take(self) -> None:
        """Look at the next frame of the stack, or add it, where the picture is one tile."""
        if len(self._plan) == 1:
            seen, adding = self._begun = self._begun or self._passes(self._plan[0])
            step: Pass = seen if isinstance(seen.fold, TwoPassFold) else adding
            self._run.stack.load(self.taken)
            step.take(self.taken)
            self.taken += 1

    def result(self) -> Composite:
        """The composite of all frames, of which those taken are not looked at again."""
        run = self._run
        picture = run.new_picture()
        index = np.empty(run.size, np.uint16)
        depth, confidence = np.empty((2, *run.size), np.float32)
        everywhere = np.ones(run.size, bool)
        count = len(self._plan)
        for place, tile in enumerate(self._plan):
            # Taken from here, so that its arrays go when the tile is done.
            (seen, adding), self._begun = self._begun or self._passes(tile), None
            fold, first = seen.fold, self.taken
            if isinstance(fold, TwoPassFold):
                run.over(seen, place, count, first=first)
                first = 0
            run.over(adding, place, count, first=first)
            if adding.everywhere is not None:
                everywhere[tile.rows] = adding.everywhere[tile.inner_rows]
            run.fill(picture[tile.rows], fold.result()[tile.inner_rows])
            if isinstance(fold, DepthFold):
                found = fold.depth_estimate()
                index[tile.rows] = found.index[tile.inner_rows]
                depth[tile.rows] = found.depth[tile.inner_rows]
                confidence[tile.rows] = found.confidence[tile.inner_rows]
        if not has_depth(self._method):
            return Composite(picture)
        confidence[~everywhere] = 0
        covered = None if everywhere.all() else everywhere
        return Composite(picture, index, depth=depth, confidence=confidence, covered=covered)

    def _passes(self, tile: Tile) -> tuple[Observing, Adding]:
        stack = self._run.stack
        shape = tile.outer_bottom - tile.outer_top, stack.info.width, stack.info.channels
        seen = Observing(stack, self._method.fold(*shape), tile, shape[2])
        return seen, Adding(seen, self._survey)


def _has_passes(method: Method) -> bool:
    """Whether frames are read more than once."""
    if isinstance(method, Selecting):
        return True
    return isinstance(method, Folding) and isinstance(method.fold(1, 1, 1), TwoPassFold)


def masked(focus_map: FocusMap, covered: NDArray[np.bool_]) -> FocusMap:
    """The focus map, below every focus where a frame has no data of its own."""
    return np.where(covered, focus_map, np.float32(-1))
