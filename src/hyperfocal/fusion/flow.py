"""`fuse`: frames in, one picture out. The whole order of things, from files to files."""

from __future__ import annotations

import dataclasses
import inspect
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperfocal.alignment import Aligned
from hyperfocal.compute import machine
from hyperfocal.errors import HyperfocalError, Notice, OptionError, StackError
from hyperfocal.frame import FrameInfo
from hyperfocal.fusion import presets, room
from hyperfocal.fusion.api import PICTURES, Extras, Fusion, PathLike, fuse_stack
from hyperfocal.fusion.passes import Begun
from hyperfocal.fusion.preprocessing import Prepared, prepare
from hyperfocal.fusion.presets import PresetOption
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.slabbing import fuse_in_slabs
from hyperfocal.io import together
from hyperfocal.options import described
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import FramesLike, Stack
from hyperfocal.stack.thumbnails import similarity_warnings

_NOTHING = Extras()
_SURE = 0.9  # confidence of a placement


def fuse(
    frames: FramesLike,
    out: PathLike | None = None,
    recipe: Recipe | None = None,
    *,
    decision_map: PathLike | None = None,
    depth: PathLike | None = None,
    depth_page: bool = False,
    maps: PathLike | None = None,
    transforms: PathLike | None = None,
    overwrite: bool = False,
    on_step: OnStep | None = None,
    **options: Any,
) -> Fusion:
    """Fuse a stack of two or more frames into one picture that is sharp everywhere.

    frames
        A folder, a pattern such as "stack/*.tif", a list of paths, or arrays: (frames, height,
        width) or (frames, height, width, 3), or a list or iterator of them, of NumPy, dask, xarray,
        Zarr, torch or PIL; uint8, uint16 or float in 0…1.
    out, decision_map, depth
        Pictures to write; nothing is written where none is named.
    depth_page
        Put the depth into `out` as a second page (.tif, .ome.tif, .ome.zarr).
    maps
        A folder for all maps, as NPY and TIFF.
    transforms
        A JSON file for how the frames lie on each other.
    overwrite
        Replace files that are there.
    on_step
        Called as on_step(stage, index, count) while work goes on; raise `Cancelled` in it to stop.
    recipe, options
        How to fuse; options change the recipe, or the defaults. They are listed below.

    Raises a HyperfocalError for everything that the caller can mend, and warns with a Notice for
    what is left out or doubtful; `report["notices"]` has the same lines.

    >>> fuse("stack/*.tif", "fused.tif", method="sesf:radius=7")  # doctest: +SKIP
    """
    recipe = (recipe or Recipe()).changed(_as_texts(options))
    if recipe.slabs_only:
        raise OptionError(
            "slabs_only makes no picture to give back; leave it out, or use the command line"
        )
    extras = Extras(decision_map, depth, depth_page, maps, transforms)
    step = silent if on_step is None else on_step
    fusion = make(frames, out, recipe, extras, overwrite=overwrite, on_step=step).fusion
    assert fusion is not None
    warn(fusion.report["notices"])
    return fusion


def warn(notices: Iterable[str]) -> None:
    """Warn whoever called the public function that calls this, with a Notice for each line."""
    for notice in notices:
        warnings.warn(notice, Notice, stacklevel=3)


def _described() -> None:
    """Give `fuse` the options of Recipe, for `help` and for editors that complete names."""
    own = inspect.signature(fuse)
    named = [each for each in own.parameters.values() if each.name != "options"]
    more = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=str(each.type).replace("typing.", ""),
        )
        for choice in (PresetOption, Recipe)
        for each in dataclasses.fields(choice)
    ]
    fuse.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
    presets_told = "\n".join(f"        {name}: {presets.text_of(name)}" for name in presets.names())
    fuse.__doc__ = (
        f"{fuse.__doc__}\n    Options:\n\n{described(PresetOption)}\n{presets_told}\n"
        f"{described(Recipe)}\n"
    )


_described()


def fuse_to_files(
    frames: FramesLike,
    out: PathLike,
    recipe: Recipe,
    *,
    extras: Extras = _NOTHING,
    overwrite: bool = False,
    on_step: OnStep = silent,
) -> dict[str, Any]:
    """As `fuse`, for files alone: what `Fusion.report` holds, with slabs only as well.

    `outputs["slabs"]` are the paths of slabs: `fused_slab01.tif` beside `out`; they are TIFF where
    the format of `out` would lose something. Raises as `fuse` does.
    """
    return make(frames, out, recipe, extras, overwrite=overwrite, on_step=on_step).report


@dataclass(frozen=True)
class Made:
    """What came of frames, and what it was made of."""

    fusion: Fusion | None  # None where only slabs were asked for
    report: dict[str, Any]
    stack: Stack  # the frames in their order, closed
    aligned: Aligned | None  # closed too; None where the stack was cut into slabs


def make(
    frames: FramesLike,
    out: PathLike | None,
    recipe: Recipe,
    extras: Extras,
    *,
    overwrite: bool,
    on_step: OnStep,
    begun: Begun | None = None,
) -> Made:
    """Open, prepare, align, fuse and write, whole or in slabs; what `fuse` is short for.

    `begun` is a first pass over the same frames, which saves one where they stay as they lie.
    """
    try:
        return _made(frames, out, recipe, extras, overwrite=overwrite, on_step=on_step, begun=begun)
    except Exception as error:
        if not machine.lacks_memory(error):
            raise
    # Only now, because an error keeps what was held where it came from.
    raise StackError(room.told(_info_of(frames), recipe))


def _info_of(frames: FramesLike) -> FrameInfo | None:
    """What the frames are, if that can be said once more."""
    try:
        with open_stack(frames) as stack:
            return stack.info
    except (HyperfocalError, MemoryError, OSError):
        return None


def _made(
    frames: FramesLike,
    out: PathLike | None,
    recipe: Recipe,
    extras: Extras,
    *,
    overwrite: bool,
    on_step: OnStep,
    begun: Begun | None,
) -> Made:
    slab = recipe.cutter
    targets = extras.targets(out)
    together.clean(_folders(targets))
    pictures = [targets[name] for name in PICTURES if name in targets]
    prepared = prepare(frames, recipe, exclude=pictures, on_step=on_step)
    fusion: Fusion | None = None
    aligned: Aligned | None = None
    with prepared.stack as stack:
        is_cut = slab is not None and len(stack) > slab.size
        if slab is None or not is_cut:
            fusion, aligned = fuse_stack(
                stack, out, recipe, extras, overwrite=overwrite, on_step=on_step, begun=begun
            )
            report = fusion.report
        elif out is None:
            raise OptionError("slabs are written beside the picture, and none is named; give one")
        else:
            fusion, report = fuse_in_slabs(
                stack,
                Path(out),
                slab,
                recipe=recipe,
                extras=extras,
                slabs_only=recipe.slabs_only,
                overwrite=overwrite,
                on_step=on_step,
            )
    report.update(_told(prepared, report, None if slab is None or is_cut else slab.size))
    return Made(fusion, report, prepared.stack, aligned)


def _folders(targets: dict[str, Path]) -> list[Path]:
    """Where a run that was killed while it wrote the same may have left something."""
    return [*(path.parent for path in targets.values()), *(path for path in targets.values())]


def _told(prepared: Prepared, report: dict[str, Any], too_large: int | None) -> dict[str, Any]:
    """What a report says of frames, their order and what was seen of them."""
    stack = prepared.stack
    seen = _seen(stack, report["alignment"])
    notices = [*report["notices"], *prepared.notices, *seen]
    if too_large is not None:
        notices.append(f"the stack has {len(stack)} frames, so slabs of {too_large} were not cut")
    return {
        "frames": [source.info.name for source in stack.sources],
        "order": prepared.order,
        "left_out": list(prepared.left_out),
        "notices": list(dict.fromkeys(notices)),
    }


def _as_texts(options: dict[str, Any]) -> dict[str, Any]:
    """Options with paths as texts, as a recipe has them."""
    return {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in options.items()
    }


def _seen(stack: Stack, alignment: dict[str, Any]) -> list[str]:
    """A line for each frame that was left out, is there twice, or seems not to belong."""
    left_out = alignment["left_out"]
    lines = [f"{name} does not show what the others do; left out" for name in left_out]
    # Once is enough for a frame that is out, and one that fits the others surely shows their scene.
    fitting = [
        stack.name(index)
        for index, frame in enumerate(alignment["frames"])
        if frame["confidence"] > _SURE
    ]
    known = tuple(f"{name} seems" for name in [*left_out, *fitting])
    lines += alignment["notices"]
    return lines + [
        line for line in similarity_warnings(stack.sources) if not line.startswith(known)
    ]
