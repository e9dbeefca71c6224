"""One progress bar for commands that take long, with the time that is left of the whole."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hyperfocal.escapes import printable
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.methods import Selecting, TwoPassFold
from hyperfocal.progress import OnStep, silent

# Stages in their order, with the share of the time that each takes, roughly.
Stages = Sequence[tuple[str, float]]

# `slab 2/5: fold` and `stack 3/10 beetle: align` are parts of a whole, and stages of their own.
_PART = re.compile(r"(?P<what>\w+) (?P<number>\d+)/(?P<count>\d+)[^:]*(?:: |$)(?P<rest>.*)", re.S)
_STEPS = 1000
_NARROW = 60  # columns; below, the stage's name is all that is said of it


def stages_of(recipe: Recipe, method: Any) -> Stages:
    """What fusing by a recipe goes through; a stage that is not come to takes no time."""
    placed = recipe.align == "auto" and recipe.apply_transforms is None
    before = [("order", 4.0), ("align", 40.0 * placed), ("expose", 3.0)]
    slabs = [("slab", 60.0)] * (recipe.slab is not None)
    return [*before, *slabs, *_passes(method), ("write", 4.0)]


def _passes(method: Any) -> Stages:
    if isinstance(method, Selecting):
        return [("measure", 25.0), ("decide", 2.0), ("blend", 10.0)]
    is_twice = isinstance(method.fold(1, 1, 1), TwoPassFold) if hasattr(method, "fold") else True
    return [("look", 12.0 * is_twice), ("fold", 18.0)]


class Course:
    """How far the whole is, told by the steps of its stages."""

    def __init__(self, stages: Stages, parts: Stages = ()):
        self._stages, self._parts = list(stages), parts
        self._part: tuple[str, Course] | None = None
        self._place = 0
        self.share = 0.0  # 0…1, and never less than before

    def step(self, stage: str, index: int, count: int) -> float:
        """The share of the whole that is done when `index` of `count` steps of a stage are."""
        done = index / count if count else 1.0
        part = _PART.match(stage)
        if part is not None:
            done = self._within(part.groupdict(), index, count)
            stage = part["what"]
        names = [name for name, _ in self._stages]
        if stage in names[self._place :]:
            self._place = names.index(stage, self._place)
            weights = [weight for _, weight in self._stages]
            passed = sum(weights[: self._place]) + done * weights[self._place]
            self.share = max(self.share, min(1.0, passed / (sum(weights) or 1.0)))
        return self.share

    def _within(self, part: Mapping[str, str], index: int, count: int) -> float:
        """The share of a stage of parts, of which one is at this step."""
        number, total = int(part["number"]), int(part["count"])
        if self._part is None or self._part[0] != part["number"]:
            self._part = part["number"], Course(self._parts or self._stages)
        inner = self._part[1].step(part["rest"], index, count) if part["rest"] else index / count
        return (number - 1 + inner) / total


class Progress:
    """A progress bar on a terminal, silence elsewhere.

    With `stages` it is one bar for all of them; without, each stage has the bar to itself.
    `parts` are the stages of each part where the work has parts, as a batch has stacks.
    """

    def __init__(self, stages: Stages = (), parts: Stages = ()) -> None:
        self._stages, self._parts = stages, parts
        self._course = Course(stages, parts)
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> OnStep:
        return self.show if sys.stderr.isatty() else silent

    def show(self, stage: str, index: int, count: int) -> None:
        """Draw that so many steps of a stage are done."""
        from tqdm import tqdm

        stage = printable(stage)
        if not self._stages and stage != self._stage:
            self.clear()
            self._course = Course([(stage, 1.0)])
        self._stage = stage
        if self._bar is None:
            self._bar = tqdm(
                total=_STEPS,
                leave=False,
                dynamic_ncols=True,
                smoothing=0,  # the mean of all so far, because stages differ
                miniters=0,
                bar_format="{desc} {percentage:3.0f} %|{bar}| {remaining} left",
            )
        self._bar.set_description_str(_told(stage, index, count, self._bar.ncols), refresh=False)
        self._bar.update(round(_STEPS * self._course.step(stage, index, count)) - self._bar.n)

    def clear(self) -> None:
        """Take the bar off the screen, so that a line can be printed."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __exit__(self, *_: object) -> None:
        self.clear()


def _told(stage: str, index: int, count: int, columns: int | None) -> str:
    """`align 3/9`, cut so that the bar has room."""
    room = max(8, (columns or 80) // 2 - 10)
    text = stage if (columns or 80) < _NARROW else f"{stage} {index}/{count}"
    return text if len(text) <= room else text[: room - 1] + "~"
