"""`Stacker`: frames in one at a time, a preview after any of them, the fused picture at the end.

`finish` gives what `fuse` gives for the same frames at once, to the last bit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from hyperfocal.alignment import motion_estimation
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Registration
from hyperfocal.alignment.transforms import IDENTITY, Matrix
from hyperfocal.errors import OptionError, StackError
from hyperfocal.frame import Grey, Pixels, Samples, Source, Weight, to_grey, to_samples
from hyperfocal.fusion.api import Fusion, PathLike, fuse
from hyperfocal.fusion.passes import OnStep
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.options import check
from hyperfocal.stack import fitting
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import FrameLike, Stack

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
        on_step: OnStep = lambda stage, index, count: None,
    ):
        self._recipe = Recipe() if recipe is None else recipe
        check(self._recipe)
        self._on_step = on_step
        self._sources: list[Source] = []
        self._stack: Stack | None = None
        self._live: _Live | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self.fusion: Fusion | None = None  # what `finish` gave

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
            with open_stack([frame], fewest=1, is_strict=True) as opened:
                new = list(opened.sources)
            fitting.require_alike([*self._sources[:1], *new])
            self._sources += [source.matched((self._sources or new)[0]) for source in new]

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
            unknown = set(extras) - _OUTPUTS
            if unknown:
                raise OptionError(
                    f"finish has no option {sorted(unknown)[0]!r}; it has: "
                    f"{', '.join(sorted(_OUTPUTS))}"
                )
            stack = Stack(list(self._sources))
            if any(source.is_sequential for source in self._sources):
                stack.spool()
            self.fusion = fuse(stack, out, **vars(self._recipe), on_step=self._on_step, **extras)
            return self.fusion

    def close(self) -> None:
        """Let go of all frames; what `finish` gave stays."""
        self._is_closed = True
        self._sources = []
        if self._live is not None:
            self._live.close()
            self._live = None

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


_OUTPUTS = {"decision_map", "depth", "depth_page", "maps", "transforms", "overwrite"}


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
