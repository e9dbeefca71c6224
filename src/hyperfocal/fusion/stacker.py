"""`Stacker`: frames in one at a time, a preview after any of them, the fused picture at the end.

`finish` gives what `fuse` gives for the same frames at once, to the last bit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from hyperfocal import registry
from hyperfocal.alignment import motion_estimation
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Registration
from hyperfocal.alignment.transforms import IDENTITY, Matrix
from hyperfocal.errors import OptionError, StackError
from hyperfocal.frame import Grey, Pixels, Samples, Source, Weight, to_grey, to_samples
from hyperfocal.fusion.api import (
    Extras,
    Fusion,
    PathLike,
    composite_with,
    require_possible,
    write,
)
from hyperfocal.fusion.editing import Editing
from hyperfocal.fusion.flow import Made, make, warn
from hyperfocal.fusion.passes import Begun
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.retouch import Stroke, Window
from hyperfocal.io.scratch import Scratch, ScratchSource
from hyperfocal.options import check
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack import fitting
from hyperfocal.stack.arrays import ArraySource
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import FrameLike, Stack
from hyperfocal.stack.thumbnails import watched

_ROWS = 256  # of a frame, read at once
_NOTHING = np.float32(1e-6)  # energy that counts as nothing, so that flat places get a mean


class Stacker:
    """A stack that grows, fused when it is complete. Close it, or use it in `with`.

    >>> with Stacker(Recipe(method="lp")) as stacker:  # doctest: +SKIP
    ...     for frame in camera:
    ...         stacker.add(frame)
    ...         show(stacker.preview())
    ...     fusion = stacker.finish("fused.tif")
    """

    def __init__(
        self,
        recipe: Recipe | None = None,
        *,
        on_step: OnStep = silent,
    ):
        self._recipe = Recipe() if recipe is None else recipe
        check(self._recipe)
        self._on_step = on_step
        self._sources: list[Source] = []
        self._stack: Stack | None = None
        self._live: _Live | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self.fusion: Fusion | None = None  # what `finish` gave, with the strokes since
        self._made: Made | None = None
        self._scratch: Scratch | None = None
        self._begun = _begun(self._recipe)
        self._editing: Editing | None = None

    def __enter__(self) -> Stacker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """How many frames have been added."""
        return len(self._sources)

    def add(self, frame: FrameLike) -> None:
        """Take in a file, or an array (height, width) or (height, width, 3) as `fuse` takes it.

        Only the headers of a file are read. Raises FormatError for what cannot be read and
        StackError for what does not fit the frames before, or comes after `finish`; the frames
        that are in stay in.
        """
        with self._alone("add"):
            if self.fusion is not None:
                raise StackError("the stack is finished; add frames to a new Stacker")
            believed = self._recipe.largest_picture
            with open_stack([frame], fewest=1, is_strict=True, largest_picture=believed) as opened:
                new = list(opened.sources)
            fitting.require_alike([*self._sources[:1], *new])
            first = (self._sources or new)[0]
            for source in new:
                kept = watched(self._kept(source.matched(first)))
                if self._begun is not None:
                    self._begun.take(kept)
                self._sources.append(kept)

    def preview(self) -> Samples:
        """The composite of the frames so far, small: at most 2 megapixels, of the frames' type.

        Made by a simple rule that is the same for all methods: frames are placed on the first of
        them, and averaged with the square of the detail around each pixel. Asking changes nothing.
        Raises StackError where there is no frame yet.
        """
        with self._alone("preview"):
            if not self._sources:
                raise StackError("there is no frame yet; add one first")
            if self._live is None:
                self._live = _Live(self._recipe.align == "auto")
            return self._live.picture(self._sources)

    def finish(self, out: PathLike | None = None, **extras: Any) -> Fusion:
        """Fuse all frames; `out` and the other outputs are those of `fuse`.

        Raises as `fuse` does, and StackError where it was called before; `fusion` holds what it
        gave.
        """
        with self._alone("finish"):
            if self.fusion is not None:
                raise StackError("the stack is finished already; its result is `fusion`")
            if len(self._sources) < 2:
                count = "one frame" if self._sources else "no frame"
                raise StackError(f"there is {count}; fusing takes two or more")
            stack = Stack(list(self._sources))
            if any(source.is_sequential for source in self._sources):
                stack.spool()
            if self._recipe.slabs_only:
                raise OptionError("slabs_only makes no picture to finish with; leave it out")
            self._made = make(
                stack,
                out,
                self._recipe,
                _extras(extras),
                overwrite=bool(extras.get("overwrite", False)),
                on_step=self._on_step,
                begun=self._begun,
            )
            self.fusion = self._made.fusion
            assert self.fusion is not None
            warn(self.fusion.report["notices"])
            return self.fusion

    def paint(self, stroke: Stroke, results: Mapping[str, Fusion] | None = None) -> Window:
        """Put a stroke of the brush on the finished picture; rows and columns that changed.

        The stroke's source is the name of a frame, of another fusion of the same frames in
        `results`, or "restore". `fusion` is then the picture with all strokes. Raises StackError
        before `finish` and for slabs, OptionError for a source that is not there and for a stroke
        outside the picture; nothing is lost then.
        """
        with self._alone("paint"):
            editing = self._edited()
            window = editing.paint(stroke, results)
            self.fusion = editing.fusion
            return window

    def undo(self) -> Stroke:
        """Take back the last stroke; raises OptionError where there is none."""
        with self._alone("undo"):
            editing = self._edited()
            stroke = editing.undo()
            self.fusion = editing.fusion
            return stroke

    def compose(self, rows: slice = slice(None)) -> Samples:
        """These rows of the finished picture with all strokes, of the frames' type."""
        with self._alone("compose"):
            return self._edited().compose(rows)

    def save(self, out: PathLike, **extras: Any) -> None:
        """Write the picture with all strokes, and the other outputs of `fuse`; raises as that."""
        with self._alone("save"):
            fusion, made = self.fusion, self._made
            if fusion is None or made is None or made.aligned is None:
                raise StackError("there is no picture in one piece to save; call finish first")
            outputs = _extras(extras)
            targets = outputs.targets(out)
            method = registry.make("methods", self._recipe.method)
            is_overwritten = bool(extras.get("overwrite", False))
            require_possible(targets, outputs, made.stack, method, overwrite=is_overwritten)
            composite = composite_with(fusion)
            write(targets, composite, made.stack, made.aligned, self._recipe, outputs)

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """The strokes that are on the picture, in their order."""
        return () if self._editing is None else tuple(self._editing.strokes)

    def _edited(self) -> Editing:
        made, fusion = self._made, self.fusion
        if made is None or fusion is None:
            raise StackError("the stack is not finished; call finish before you paint")
        if made.aligned is None:
            raise StackError("a picture of slabs cannot be painted; fuse the stack in one piece")
        if self._editing is None:
            self._editing = Editing(
                fusion,
                Stack(made.aligned.stack.sources),
                numbers=made.aligned.kept,
                left_out=[source.info.name for source in made.stack.sources],
            )
        return self._editing

    def close(self) -> None:
        """Let go of all frames; what `finish` gave stays."""
        self._is_closed = True
        self._sources = []
        if self._live is not None:
            self._live.close()
            self._live = None
        if self._editing is not None:
            self._editing.close()
        if self._begun is not None:
            self._begun.close()
        if self._scratch is not None:
            self._scratch.close()

    def _kept(self, source: Source) -> Source:
        """An array on scratch, so that memory does not grow, and named by its place."""
        if not isinstance(source, ArraySource):
            return source
        number = len(self._sources)
        info = dataclasses.replace(source.info, name=f"array {number + 1}")
        if self._scratch is None:
            self._scratch = Scratch(info)
        self._scratch.put(number, source.read())
        return ScratchSource(info, self._scratch, number)

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise StackError(
                f"another thread uses this Stacker; wait for it before you call {what}"
            )
        try:
            if self._is_closed:
                raise StackError("the Stacker is closed; make a new one")
            yield
        finally:
            self._lock.release()


def _begun(recipe: Recipe) -> Begun | None:
    """What looks at frames as they come, where they will be fused as they lie."""
    is_moved = recipe.align != "none" or recipe.apply_transforms is not None
    if is_moved or recipe.exposure != "none" or recipe.slab is not None or recipe.drop_blurred:
        return None
    return Begun(registry.make("methods", recipe.method), recipe.memory_bytes)


_OUTPUTS = {each.name for each in dataclasses.fields(Extras)}


def _extras(named: dict[str, Any]) -> Extras:
    """Other outputs than the picture by their names; raises OptionError for other names."""
    for name in named:
        if name not in _OUTPUTS | {"overwrite"}:
            known = ", ".join(sorted(_OUTPUTS | {"overwrite"}))
            raise OptionError(f"there is no output {name!r}; there are: {known}")
    return Extras(**{name: value for name, value in named.items() if name in _OUTPUTS})


class _Live:
    """The preview: sums over frames of small, placed pixels and of their weights."""

    def __init__(self, is_aligned: bool):
        self._is_aligned = is_aligned
        self._stack: Stack | None = None
        self._previews: Previews | None = None
        self._registration: Registration | None = None
        self._total: Pixels = np.empty(0, np.float32)
        self._share: Weight = np.empty(0, np.float32)
        self._count = 0

    def picture(self, sources: list[Source]) -> Samples:
        """The composite of these frames, of which those seen before are not looked at again."""
        if self._stack is None:
            self._stack = Stack(sources)
            self._previews = Previews(self._stack)
            self._registration = Registration(self._previews)
            self._total = np.zeros((*self._previews.shape, self._stack.info.channels), np.float32)
            self._share = np.zeros(self._previews.shape, np.float32)
        while self._count < len(sources):
            self._add(self._count)
            self._count += 1
        return to_samples(self._total / self._share[:, :, None], self._stack.info.dtype)

    def close(self) -> None:
        if self._previews is not None:
            self._previews.close()
        if self._stack is not None:
            self._stack.close()

    def _add(self, index: int) -> None:
        assert self._registration is not None
        small = self._small(index)
        matrix = self._registration.add(index) if self._is_aligned else IDENTITY
        weight = _detail(to_grey(small))
        if matrix is not None and not np.array_equal(matrix, IDENTITY):
            small, weight = _placed(small, matrix), _placed(weight, matrix)
        self._total += small * weight[:, :, None]
        self._share += weight

    def _small(self, index: int) -> Pixels:
        """The frame at the size of the previews."""
        assert self._stack is not None
        assert self._previews is not None
        factor, (height, width) = self._previews.factor, self._previews.shape
        self._stack.load(index)
        small = np.empty((height, width, self._stack.info.channels), np.float32)
        step = max(1, _ROWS // factor)
        for top in range(0, height, step):
            bottom = min(height, top + step)
            pixels = self._stack.read(index, slice(top * factor, bottom * factor))
            part = cv2.resize(
                pixels[:, : width * factor], (width, bottom - top), interpolation=cv2.INTER_AREA
            )
            small[top:bottom] = part.reshape(bottom - top, width, -1)
        return small


def _detail(grey: Grey) -> Weight:
    """The square of the local energy."""
    rough = grey - cv2.GaussianBlur(grey, (0, 0), 1.5)
    energy = cv2.GaussianBlur(rough * rough, (0, 0), 2) + _NOTHING
    return energy * energy


def _placed(plane: Pixels, matrix: Matrix) -> Pixels:
    height, width = plane.shape[:2]
    return motion_estimation.warped(plane, matrix, (height, width), cubic=False).reshape(
        plane.shape
    )
