"""One stack fused in one piece: what comes out, how it is written, what is reported."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal import alignment, registry
from hyperfocal.alignment import Aligned, transform_file
from hyperfocal.errors import OptionError
from hyperfocal.frame import FocusMap, FrameInfo, IndexMap, Samples, Weight
from hyperfocal.fusion import display, recipes
from hyperfocal.fusion.passes import Begun, Composite, Run
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io import formats, outputs
from hyperfocal.io.together import Together
from hyperfocal.methods import Method, has_depth
from hyperfocal.progress import OnStep
from hyperfocal.stack.near_end import near_end
from hyperfocal.stack.scaling import scale_of, scaled
from hyperfocal.stack.stack import Stack, absent_numbers
from hyperfocal.version import VERSION

PathLike = str | os.PathLike[str]
PICTURES = ("picture", "decision_map", "depth")  # outputs that are pictures


@dataclass(frozen=True)
class Extras:
    """What to write beside the picture; see `fuse`."""

    decision_map: PathLike | None = None
    depth: PathLike | None = None
    depth_page: bool = False
    maps: PathLike | None = None
    transforms: PathLike | None = None
    recipe: PathLike | None = None

    @property
    def has_maps(self) -> bool:
        return self.depth_page or any((self.decision_map, self.depth, self.maps))

    def targets(self, out: PathLike | None) -> dict[str, Path]:
        """The files and folders to write, by what they hold."""
        named = {"picture": out, **vars(self)}
        del named["depth_page"]
        return {name: Path(path) for name, path in named.items() if path is not None}

    @property
    def files(self) -> list[Path]:
        """The maps that are pictures."""
        return [path for name, path in self.targets(None).items() if name in PICTURES]


@dataclass(frozen=True, eq=False, repr=False)
class Fusion:
    """A fused stack. Grey pictures are (height, width), colour (height, width, 3) RGB.

    In a notebook it shows the picture and its depth. Two are equal where picture and maps are.
    """

    picture: Samples  # of the frames' type
    decision: IndexMap | None  # (height, width), frame numbers from 0; None if nothing is decided
    depth: NDArray[np.float32] | None  # (height, width), in frames from 0; in µm with a step
    confidence: Weight | None  # (height, width), 0…1
    initial_decision: IndexMap | None  # (height, width), before it was made consistent
    activity: FocusMap | None  # (height, width), the largest focus measure over the frames
    report: dict[str, Any]  # frames, size, seconds per stage, peak memory, outputs
    covered: NDArray[np.bool_] | None = None  # where all frames have data; None: everywhere
    info: FrameInfo | None = None  # what its file is to carry: profile, EXIF, pixel size

    def __repr__(self) -> str:
        return display.line_of(self)

    def _repr_html_(self) -> str:
        return display.html_of(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fusion):
            return NotImplemented
        return all(
            _is_same(getattr(self, name), getattr(other, name)) for name in ("picture", *_MAPS)
        )

    def __hash__(self) -> int:
        return hash((self.picture.shape, str(self.picture.dtype), self.picture[::64].tobytes()))

    def save(
        self,
        out: PathLike,
        *,
        decision_map: PathLike | None = None,
        depth: PathLike | None = None,
        depth_page: bool = False,
        maps: PathLike | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write the picture with its metadata, and maps beside it, as `fuse` does.

        Raises FormatError for what cannot be written, OptionError for maps that the method does
        not make.
        """
        extras = Extras(decision_map, depth, depth_page, maps)
        if extras.has_maps and self.depth is None:
            raise OptionError("the method makes no maps; save the picture alone")
        height, width = self.picture.shape[:2]
        channels = 1 if self.picture.ndim == 2 else 3
        info = self.info or FrameInfo("picture", height, width, channels, self.picture.dtype)
        targets, composite = extras.targets(out), composite_with(self)
        _require_pictures(targets, extras, info, (), overwrite=overwrite)
        last = 0 if self.decision is None else int(self.decision.max())
        names = self.report.get("frames") or [""] * (last + 1)
        with Together() as made:
            _write_pictures(targets, composite, info, names, depth_page, made)


_MAPS = ("decision", "depth", "confidence", "initial_decision", "activity", "covered")


def _is_same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other)


def fuse_stack(
    stack: Stack,
    out: PathLike | None,
    recipe: Recipe,
    extras: Extras,
    *,
    overwrite: bool,
    on_step: OnStep,
    begun: Begun | None = None,
) -> tuple[Fusion, Aligned]:
    """Fuse a stack as it is, in its order and in one piece, and close it; see `fuse`.

    The aligned stack comes back too, closed; a Stack of its sources reads them again. What was
    `begun` with the same frames as they lie goes on, if they were not moved.
    """
    chosen: Method = registry.make("methods", recipe.method)
    memory_bytes = recipe.memory_bytes
    targets = extras.targets(out)
    watch = Stopwatch(on_step)
    with stack:
        require_possible(targets, extras, stack, chosen, overwrite=overwrite)
        watch("open", 1, 1)
        scale = scale_of(stack)
        with scaled(stack, scale) as filled:
            aligned = place(filled, recipe, watch)
            with aligned.stack as placed:
                if begun is not None and begun.fits(placed):
                    composite = begun.result(watch)
                else:
                    composite = Run(placed, memory_bytes, watch, scale).compose(chosen)
    composite = in_frames_given(composite, aligned.kept, _step_um(stack, recipe))
    write(targets, composite, stack, aligned, recipe, extras)
    watch("write", 1, 1)
    fusion = fusion_of(composite, stack, recipe, watch.seconds, targets, aligned)
    fusion.report["alignment"] = aligned.report
    fusion.report["sample_scale"] = scale
    return fusion, aligned


def maps_of(composite: Composite) -> dict[str, NDArray[Any]]:
    """All maps of a selecting method, by the name of their file."""
    covered = composite.covered
    if covered is None:
        covered = np.ones(composite.picture.shape[:2], bool)
    maps = {
        "decision_initial": composite.initial,
        "decision": composite.index,
        "activity": composite.activity,
        "depth": composite.depth,
        "confidence": composite.confidence,
        "covered": covered.astype(np.uint8) * np.uint8(255),
    }
    return {name: values for name, values in maps.items() if values is not None}


def place(stack: Stack, recipe: Recipe, on_step: OnStep) -> Aligned:
    """The stack in one geometry and exposure, as the recipe says; see `alignment.align`."""
    aligned = alignment.align(
        stack,
        recipe.align,
        exposures=recipe.exposure,
        on_misaligned=recipe.on_misaligned,
        keep_size=recipe.keep_size,
        saved=None if recipe.apply_transforms is None else Path(recipe.apply_transforms),
        on_step=on_step,
    )
    aligned.report["by"] = recipe.apply_transforms or recipe.align
    return aligned


def in_frames_given(composite: Composite, kept: Sequence[int], step_um: float | None) -> Composite:
    """The composite of the frames that were kept, with all frames counted, the depth in µm."""
    return _measured(_numbered(composite, kept), step_um)


def composite_with(fusion: Fusion) -> Composite:
    """What a fusion holds, as it is written: frames and depth as they are counted from outside."""
    height, width = fusion.picture.shape[:2]
    return Composite(
        fusion.picture.reshape(height, width, -1),
        fusion.decision,
        fusion.initial_decision,
        fusion.activity,
        fusion.depth,
        fusion.confidence,
        fusion.covered,
    )


def composite_of(fusion: Fusion) -> Composite:
    """What a fusion was made of, its depth in frames."""
    step_um = np.float32(fusion.report["step_um"] or 1)
    depth = None if fusion.depth is None else fusion.depth / step_um
    return dataclasses.replace(composite_with(fusion), depth=depth)


def _numbered(composite: Composite, kept: Sequence[int]) -> Composite:
    """The composite with frames numbered as they were given, those left out counted."""
    numbers = np.array(kept, np.uint16)
    if composite.index is None or composite.depth is None or len(kept) == kept[-1] + 1:
        return composite
    initial = None if composite.initial is None else numbers[composite.initial]
    depth = np.interp(composite.depth, np.arange(len(kept)), numbers).astype(np.float32)
    return dataclasses.replace(
        composite, index=numbers[composite.index], initial=initial, depth=depth
    )


def _measured(composite: Composite, step_um: float | None) -> Composite:
    """The composite with its depth in µm where the distance between frames is known."""
    if composite.depth is None or step_um is None:
        return composite
    return dataclasses.replace(composite, depth=composite.depth * np.float32(step_um))


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


def require_possible(
    targets: dict[str, Path], extras: Extras, stack: Stack, method: Method, *, overwrite: bool
) -> None:
    """Raise for what cannot be written, or not of this method, before any work."""
    named: list[str] = [name for name in ("decision_map", "depth", "maps") if name in targets]
    named += ["depth page"] if extras.depth_page else []
    if named and not has_depth(method):
        raise OptionError(
            f"{type(method).__name__.lower()} blends frames without deciding, so there is no "
            f"{named[0].replace('_', ' ')} to write; leave it out or choose another method"
        )
    _require_pictures(targets, extras, stack.info, stack.paths, overwrite=overwrite)
    if "transforms" in targets:
        with outputs.reaching(targets["transforms"]):
            transform_file.require_writable(targets["transforms"], overwrite=overwrite)
            outputs.require_parent(targets["transforms"])
    if "recipe" in targets:
        outputs.require_text(targets["recipe"], overwrite=overwrite)


def _require_pictures(
    targets: dict[str, Path],
    extras: Extras,
    info: FrameInfo,
    inputs: Sequence[Path],
    *,
    overwrite: bool,
) -> None:
    pictures = [targets[name] for name in PICTURES if name in targets]
    outputs.require_writable(pictures, inputs=inputs, overwrite=overwrite)
    for name in ("decision_map", "depth"):
        if name in targets:
            outputs.require_exact(targets[name], name.replace("_", " "))
    if "maps" in targets:
        outputs.require_folder(targets["maps"], overwrite=overwrite)
    if "picture" in targets:
        outputs.require_fitting(targets["picture"], info, with_depth=extras.depth_page)


def write(
    targets: dict[str, Path],
    composite: Composite,
    stack: Stack,
    aligned: Aligned,
    recipe: Recipe,
    extras: Extras,
    within: Together | None = None,
) -> None:
    """All outputs or, whatever comes between two, none of them; they come with all `within`."""
    if composite.covered is not None:
        aligned.report["covered_share"] = round(float(composite.covered.mean()), 4)
    like = _credited(composite, stack, aligned, recipe)
    with contextlib.nullcontext(within) if within is not None else Together() as made:
        names = [source.info.name for source in stack.sources]
        _write_pictures(targets, composite, like, names, extras.depth_page, made)
        if "transforms" in targets:
            transform_file.save(targets["transforms"], aligned.record, within=made)
        if "recipe" in targets:
            outputs.write_text(targets["recipe"], recipe.to_json() + "\n", within=made)


def _write_pictures(
    targets: dict[str, Path],
    composite: Composite,
    like: FrameInfo,
    names: Sequence[str],
    depth_page: bool,
    within: Together,
) -> None:
    """The picture, and the maps that are asked for beside it."""
    if "picture" in targets:
        page = composite.depth if depth_page else None
        outputs.save(targets["picture"], composite.picture, like, depth=page, within=within)
    count, last = len(names), (len(names) - 1) * (like.step_um or 1)
    if "decision_map" in targets and composite.index is not None:
        outputs.save_decision_map(
            targets["decision_map"], composite.index, frame_count=count, within=within
        )
    if "depth" in targets and composite.depth is not None:
        outputs.save_depth(
            targets["depth"], composite.depth, last=last, pixel_um=like.pixel_um, within=within
        )
    if "maps" in targets:
        about = {
            "depth_unit": "frames" if like.step_um is None else "µm",
            "step_um": like.step_um,
            "pixel_um": like.pixel_um,
            "frames": list(names),
        }
        outputs.save_maps(targets["maps"], maps_of(composite), about, within=within)


def _credited(composite: Composite, stack: Stack, aligned: Aligned, recipe: Recipe) -> FrameInfo:
    """What is known of the first frame, and how the picture was made of how many."""
    height, width = composite.picture.shape[:2]
    seen = {"height": height, "width": width, "alignment": aligned.report}
    area = recipes.area_in({**seen, **facts(stack, recipe)})
    exif = formats.with_provenance(
        stack.info.exif,
        software=f"hyperfocal {VERSION}",
        frame_count=len(aligned.kept),
        height=height,
        width=width,
        recipe=recipes.recorded(recipe, area),
    )
    return dataclasses.replace(
        stack.info, height=height, width=width, exif=exif, step_um=_step_um(stack, recipe)
    )


def _notices(stack: Stack) -> list[str]:
    """What is not in the result though one might think so, each kind once."""
    counts: dict[str, list[str]] = {}
    for source in stack.sources:
        for notice in source.info.notices:
            counts.setdefault(notice, []).append(source.info.name)
    told = [
        f"{notice} of {names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)} is left out"
        for notice, names in counts.items()
    ]
    told += dict.fromkeys(remark for source in stack.sources for remark in source.info.remarks)
    if formats.is_damaged(stack.info.exif):
        told.append(f"EXIF of {stack.info.name} is damaged; what can be read of it is kept")
    absent = absent_numbers([source.info.name for source in stack.sources])
    if absent:
        numbers = ", ".join(str(number) for number in absent)
        told.append(f"the numbered series of frames has no {numbers}")
    return told


def _step_um(stack: Stack, recipe: Recipe) -> float | None:
    return stack.info.step_um if recipe.step_um is None else recipe.step_um


def _step_from(stack: Stack, recipe: Recipe) -> str | None:
    """Where the distance between frames comes from: `option`, `file`, or None: depth in frames."""
    if recipe.step_um is not None:
        return "option"
    return None if stack.info.step_um is None else "file"


def facts(stack: Stack, recipe: Recipe) -> dict[str, Any]:
    """What a report says of a stack as such."""
    return {
        "frame_width": stack.info.width,
        "frame_height": stack.info.height,
        "channels": stack.info.channels,
        "type": str(stack.info.dtype),
        "step_um": _step_um(stack, recipe),
        "step_from": _step_from(stack, recipe),
        "pixel_um": stack.info.pixel_um,
        "near_end": near_end(stack.sources),
    }


def fusion_of(
    composite: Composite,
    stack: Stack,
    recipe: Recipe,
    seconds: dict[str, float],
    targets: dict[str, Path],
    aligned: Aligned,
) -> Fusion:
    """The fusion with its report, of a composite as it is counted from outside."""
    report = {
        "frames": [source.info.name for source in stack.sources],
        "ignored": list(stack.ignored),
        "width": composite.picture.shape[1],
        "height": composite.picture.shape[0],
        **facts(stack, recipe),
        "notices": _notices(stack),
        "method": recipe.method if isinstance(recipe.method, str) else repr(recipe.method),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "peak_memory_bytes": peak_memory_bytes(),
        "outputs": {name: str(path) for name, path in targets.items()},
    }
    picture = composite.picture
    if stack.info.channels == 1:
        picture = picture[:, :, 0]
    return Fusion(
        picture,
        composite.index,
        composite.depth,
        composite.confidence,
        composite.initial,
        composite.activity,
        report,
        composite.covered,
        _credited(composite, stack, aligned, recipe),
    )
