"""`fuse`: frames in, one picture out."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal import alignment, outputs, rooms
from hyperfocal.alignment import Alignment
from hyperfocal.errors import OptionError
from hyperfocal.frame import IndexMap, Samples, Weight
from hyperfocal.methods import Method, Selecting
from hyperfocal.options import check
from hyperfocal.pipeline import Composite, OnStep, Run
from hyperfocal.recipe import Recipe
from hyperfocal.stack import FramesLike, Stack, open_stack

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Fusion:
    """A fused stack. Grey pictures are (height, width), colour (height, width, 3) RGB."""

    picture: Samples  # of the frames' type
    decision: IndexMap | None  # (height, width), frame numbers from 0; None if nothing is decided
    depth: NDArray[np.float32] | None  # (height, width), in frames from 0
    confidence: Weight | None  # (height, width), 0…1
    report: dict[str, Any]  # frames, size, seconds per stage, peak memory, outputs


def fuse(
    frames: FramesLike,
    out: PathLike | None = None,
    *,
    method: str | Method = Recipe.method,
    align: Alignment = Recipe.align,
    memory: str | None = Recipe.memory,
    decision_map: PathLike | None = None,
    depth: PathLike | None = None,
    overwrite: bool = False,
    on_step: OnStep = lambda stage, index, count: None,
) -> Fusion:
    """Fuse a stack of two or more frames into one picture that is sharp everywhere.

    `frames` is a folder, a pattern, a list of paths, or arrays (uint8, uint16, float in 0…1).
    `out`, `decision_map` and `depth` name files to write; `method`, `align` and `memory` are
    those of Recipe. `on_step(stage, index, count)` is called as work goes on; raise `Cancelled`
    in it to stop. Raises a HyperfocalError for everything that the caller can mend.

    >>> fuse("stack/*.tif", "fused.tif", method="sesf:radius=7")  # doctest: +SKIP
    """
    recipe = Recipe(method, align, memory)
    check(recipe)
    chosen: Method = rooms.make("methods", recipe.method)
    memory_bytes = recipe.memory_bytes
    named = {"picture": out, "decision_map": decision_map, "depth": depth}
    targets = {name: Path(path) for name, path in named.items() if path is not None}
    watch = Stopwatch(on_step)
    with open_stack(frames, exclude=targets.values()) as stack:
        _refuse(targets, stack, chosen, overwrite=overwrite)
        watch("open", 1, 1)
        aligned = alignment.align(stack, recipe.align)
        composite = Run(aligned, memory_bytes, watch).compose(chosen)
    _write(targets, composite, stack)
    watch("write", 1, 1)
    return _fusion(composite, stack, recipe, watch.seconds, targets)


class Stopwatch:
    """Passes progress on and adds up the seconds of each stage."""

    def __init__(self, on_step: OnStep):
        self.seconds: dict[str, float] = {}
        self._on_step, self._last = on_step, time.perf_counter()

    def __call__(self, stage: str, index: int, count: int) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
        self._on_step(stage, index, count)


def peak_memory_bytes() -> int | None:
    """The most memory this process has held so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _refuse(targets: dict[str, Path], stack: Stack, method: Method, *, overwrite: bool) -> None:
    maps = sorted(set(targets) & {"decision_map", "depth"})
    if maps and not isinstance(method, Selecting):
        raise OptionError(
            f"{type(method).__name__.lower()} blends frames without deciding, so there is no "
            f"{maps[0].replace('_', ' ')} to write; leave it out or choose another method"
        )
    inputs = [source.path for source in stack.sources if hasattr(source, "path")]
    outputs.require_writable(targets.values(), inputs=inputs, overwrite=overwrite)
    if "picture" in targets:
        outputs.require_depth(targets["picture"], stack.info)


def _write(targets: dict[str, Path], composite: Composite, stack: Stack) -> None:
    count = len(stack)
    if "picture" in targets:
        outputs.save(targets["picture"], composite.picture, stack.info)
    if "decision_map" in targets and composite.index is not None:
        outputs.save_decision_map(targets["decision_map"], composite.index, frame_count=count)
    if "depth" in targets and composite.depth is not None:
        outputs.save_depth(targets["depth"], composite.depth, frame_count=count)


def _fusion(
    composite: Composite,
    stack: Stack,
    recipe: Recipe,
    seconds: dict[str, float],
    targets: dict[str, Path],
) -> Fusion:
    report = {
        "frames": [source.info.name for source in stack.sources],
        "ignored": list(stack.ignored),
        "width": stack.info.width,
        "height": stack.info.height,
        "channels": stack.info.channels,
        "type": str(stack.info.dtype),
        "method": recipe.method if isinstance(recipe.method, str) else repr(recipe.method),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(),
        "outputs": {name: str(path) for name, path in targets.items()},
    }
    picture = composite.picture
    if stack.info.channels == 1:
        picture = picture[:, :, 0]
    return Fusion(picture, composite.index, composite.depth, composite.confidence, report)
