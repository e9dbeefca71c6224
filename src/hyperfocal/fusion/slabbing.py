"""A long stack fused slab by slab, and the slabs into one picture, with maps that count frames.

Slabs stand beside the picture. Their maps wait on disk until it is known which slab each pixel
comes from, so that memory does not depend on how many slabs there are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.alignment import Aligned
from hyperfocal.decision.argmax import winners
from hyperfocal.errors import FormatError, OptionError
from hyperfocal.fusion import api
from hyperfocal.fusion.api import Extras, Fusion, fuse_stack, place
from hyperfocal.fusion.passes import Composite
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.slabs import Slab
from hyperfocal.io import formats, outputs
from hyperfocal.io.scratch import filling, scratch_folder
from hyperfocal.io.together import Together
from hyperfocal.progress import OnStep
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import Stack

_LOSSLESS = (".png", ".tif", ".tiff", ".ome.tif", ".ome.tiff")


def fuse_in_slabs(
    stack: Stack,
    out: Path,
    slab: Slab,
    *,
    recipe: Recipe,
    extras: Extras,
    slabs_only: bool,
    overwrite: bool,
    on_step: OnStep,
) -> tuple[Fusion | None, dict[str, Any]]:
    """Fuse a stack that is longer than a slab into files; the picture, unless `slabs_only`, and
    what `Fusion.report` holds.

    Raises as `fuse` does, and OptionError for maps where the slabs are not fused.
    """
    if slabs_only and extras.has_maps:
        raise OptionError(
            "maps are of the whole picture, which is not made; leave out the maps or --slabs-only"
        )
    paths = slab_paths(out, len(slab.cuts(len(stack))))
    targets = {} if slabs_only else extras.targets(out)
    _require_possible(stack, paths, targets, extras, recipe, overwrite)
    # All frames are placed on one before the stack is cut, so that slabs have one size and place.
    aligned = place(stack, recipe, on_step)
    asked, recipe = (
        recipe,
        recipe.changed(
            {
                "align": "none",
                "exposure": "none",
                "apply_transforms": None,
                "slab": None,
                "slabs_only": False,
            }
        ),
    )
    cuts = slab.cuts(len(aligned.stack))
    fusion: Fusion | None = None
    # Frames may have been left out.
    paths = paths[: len(cuts)] if len(cuts) > 1 else []
    with Together() as within, contextlib.closing(scratch_folder()) as folder:
        kept, reports, beside = folder.path, [], []
        for number, (cut, path) in enumerate(zip(cuts, paths, strict=False)):
            part = Stack(aligned.stack.sources[cut])
            if stack.is_spooled:
                part.spool()
            step = _within(on_step, f"slab {number + 1}/{len(cuts)}: ")
            beside.append(within.beside(path))
            made = _slab(part, beside[-1], path, recipe, step)
            if extras.has_maps:
                with filling(folder, "the maps of slabs"):
                    _keep(made, kept, number)
            reports.append(made.report)
        if not paths and not targets:
            targets = extras.targets(out)
            _require_possible(stack, [], targets, extras, recipe, overwrite)
        if targets:
            whole, _ = fuse_stack(
                open_stack(beside, is_strict=True, largest_picture=math.inf)
                if paths
                else aligned.stack,
                None,
                recipe,
                Extras(),
                overwrite=False,
                on_step=on_step,
            )
            composite = api.composite_of(whole)
            if paths and extras.has_maps:
                composite = _looked_up(composite, cuts, kept)
            step_um = api.facts(stack, recipe)["step_um"]
            composite = api.in_frames_given(composite, aligned.kept, step_um)
            api.write(targets, composite, stack, aligned, asked, extras, within)
            fusion = api.fusion_of(
                composite, stack, asked, whole.report["seconds"], targets, aligned
            )
            reports.append(fusion.report)
    report = _report(stack, aligned, recipe, reports, paths, targets)
    if fusion is not None:
        fusion.report.update(report)
        report = fusion.report
    return fusion, report


def _slab(part: Stack, beside: Path, path: Path, recipe: Recipe, on_step: OnStep) -> Fusion:
    """The fused slab, written beside what will be its place."""
    try:
        made, _ = fuse_stack(part, beside, recipe, Extras(), overwrite=True, on_step=on_step)
    except FormatError as error:
        raise FormatError(str(error).replace(str(beside), str(path))) from error
    return made


def slab_paths(out: Path, count: int) -> list[Path]:
    """`fused.tif` -> `fused_slab01.tif`…; TIFF in place of a format that loses something."""
    suffix = formats.suffix_of(out)
    stem = out.name[: len(out.name) - len(suffix)]
    digits = max(2, len(str(count)))
    kind = suffix if suffix in _LOSSLESS else ".tif"
    return [out.with_name(f"{stem}_slab{number:0{digits}}{kind}") for number in range(1, count + 1)]


def _require_possible(
    stack: Stack,
    paths: Sequence[Path],
    targets: dict[str, Path],
    extras: Extras,
    recipe: Recipe,
    overwrite: bool,
) -> None:
    """Raise what writing would, before any work."""
    method = registry.make("methods", recipe.method)
    api.require_possible(targets, extras, stack, method, overwrite=overwrite)
    pictures = [targets[name] for name in api.PICTURES if name in targets]
    inputs = stack.paths
    outputs.require_writable([*paths, *pictures], inputs=inputs, overwrite=overwrite)


def _keep(made: Fusion, folder: Path, number: int) -> None:
    for name, values in vars(api.composite_of(made)).items():
        if name != "picture" and values is not None:
            np.save(folder / f"{name}-{number}.npy", values)


def _looked_up(composite: Composite, cuts: Sequence[slice], folder: Path) -> Composite:
    """The composite of slabs with the maps of the slab that each pixel comes from."""
    first = [cut.start for cut in cuts]
    index, initial = composite.index, composite.initial
    assert index is not None  # methods without depth were refused before any work
    covered = _covered(folder, len(cuts))
    confidence = _picked(index, "confidence", folder)
    if covered is not None:
        confidence[~covered] = 0
    # Methods that do not select have neither an initial decision nor an activity.
    has_activity = composite.activity is not None
    return dataclasses.replace(
        composite,
        index=_picked(index, "index", folder, first),
        initial=None if initial is None else _picked(initial, "initial", folder, first),
        depth=_picked(index, "depth", folder, first),
        confidence=confidence,
        activity=_picked(index, "activity", folder) if has_activity else None,
        covered=covered,
    )


def _picked(
    index: NDArray[np.uint16], name: str, folder: Path, first: Sequence[int] | None = None
) -> NDArray[Any]:
    """Values of a map by the slab of each pixel, the number of the slab's first frame added."""
    picked: NDArray[Any] | None = None
    for number in winners(index):
        values = np.load(folder / f"{name}-{number}.npy", mmap_mode="r")
        if picked is None:
            picked = np.empty(index.shape, values.dtype)
        chosen = index == number
        picked[chosen] = values[chosen]
        if first is not None:
            picked[chosen] += values.dtype.type(first[number])
    assert picked is not None
    return picked


def _covered(folder: Path, count: int) -> NDArray[np.bool_] | None:
    """Where all frames of all slabs have data; None where they have it everywhere."""
    covered: NDArray[np.bool_] | None = None
    for number in range(count):
        path = folder / f"covered-{number}.npy"
        if path.exists():
            values = np.load(path)
            covered = values if covered is None else covered & values
    return covered


def _report(
    stack: Stack,
    aligned: Aligned,
    recipe: Recipe,
    reports: Sequence[dict[str, Any]],
    paths: Sequence[Path],
    targets: dict[str, Path],
) -> dict[str, Any]:
    seconds: dict[str, float] = {}
    for report in reports:
        for stage, spent in report["seconds"].items():
            seconds[stage] = round(seconds.get(stage, 0.0) + spent, 3)
    written: dict[str, Any] = {name: str(path) for name, path in targets.items()}
    if paths:
        written["slabs"] = [str(path) for path in paths]
    # Holes in a slab's numbers are holes in the whole, and slabs are numbered without any.
    return {
        **reports[-1],
        **api.facts(stack, recipe),
        "alignment": aligned.report,
        "notices": [notice for report in reports for notice in report["notices"]],
        "ignored": list(stack.ignored),
        "seconds": seconds,
        "outputs": written,
    }


def _within(on_step: OnStep, prefix: str) -> OnStep:
    return lambda stage, index, count: on_step(prefix + stage, index, count)
