"""Where frames are placed on each other, and brought to one brightness, before they are measured.

Motion and brightness are estimated on previews; pixels are resampled once, when a frame is read. A
stack that needs neither comes back as it is, untouched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from hyperfocal.alignment import crop, exposure, fixed_pattern, highlights, reports, transform_file
from hyperfocal.alignment.crop import Rectangle
from hyperfocal.alignment.gain_offset import Correction
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Placement
from hyperfocal.alignment.removal import Removal, removal
from hyperfocal.alignment.resampling import Filling, PlacedSource
from hyperfocal.alignment.transform_file import TransformRecord
from hyperfocal.alignment.transforms import IDENTITY, inverse, largest_shift, normal
from hyperfocal.errors import AlignmentError
from hyperfocal.frame import Source
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.stack import Stack

Alignment: TypeAlias = Literal["auto", "none"]
Exposure: TypeAlias = Literal["auto", "none"]
OnMisaligned: TypeAlias = Literal["skip", "error", "keep"]

_FEWEST = 2  # frames that make a stack
_BLOWN = 0.95  # of the pixels clipped
_SMALLEST_SHARE = 0.05  # of the reference; less in common means that something is wrong


@dataclass(frozen=True)
class Aligned:
    """A stack in the geometry of its reference, what was found, and what can be saved of it."""

    stack: Stack
    kept: tuple[int, ...]  # which frames of the stack that came in are in it
    report: dict[str, Any]
    record: TransformRecord


@dataclass(frozen=True)
class _Plan:
    """What is to be done to a stack; nothing of it needs pixels any more."""

    placements: list[Placement]  # matrices in px of frames
    reference: int
    kept: tuple[int, ...]
    corrections: list[Correction] | None
    usual: int  # the frame in whose light the others are brought
    removal: Removal | None = None  # of what belongs to the camera


def align(
    stack: Stack,
    how: Alignment = "auto",
    *,
    exposures: Exposure = "auto",
    on_misaligned: OnMisaligned = "skip",
    keep_size: bool = False,
    saved: Path | None = None,
    on_step: OnStep = silent,
) -> Aligned:
    """The stack with its frames placed on one of them and brought to its brightness.

    `saved` names transforms of an earlier run, taken instead of estimating any. Frames that cannot
    be placed are left out, stop the run, or stay where they lie, as `on_misaligned` says. The part
    that all frames show is kept, or with `keep_size` all of the reference. Raises AlignmentError
    for frames that cannot be placed, for fewer than two that fit together or none of whose area is
    common, and for transforms of another stack; FormatError for a file that holds none.
    """
    record = None
    if saved is not None:
        record = transform_file.load(saved)
        transform_file.require_fit(record, saved, stack.info, len(stack))
    plan = _planned(stack, how, record, exposures, on_misaligned, on_step)
    whole = Rectangle(0, stack.info.height, 0, stack.info.width)
    common = _common(stack, plan)
    kept = whole if keep_size else common
    report = reports.report(stack, plan.placements, plan.reference, plan.kept, plan.corrections)
    report["area"] = {"top": kept.top, "left": kept.left, "common": common.as_dict()}
    sources = _sources(stack, plan, kept, is_filled=keep_size and common != whole)
    is_same = len(sources) == len(stack) and all(
        source is original for source, original in zip(sources, stack.sources, strict=True)
    )
    told = [] if plan.removal is None else plan.removal.told(stack.name(plan.reference))
    report["notices"] = told
    report["untouched"] = is_same
    if not is_same:
        stack.close()
        stack = Stack(sources, stack.ignored)
    return Aligned(stack, plan.kept, report, _record(plan, report, whole))


def _planned(
    stack: Stack,
    how: Alignment,
    record: TransformRecord | None,
    exposures: Exposure,
    on_misaligned: OnMisaligned,
    on_step: OnStep,
) -> _Plan:
    placements, reference = _unmoved(len(stack)) if record is None else _recorded(record)
    if (how == "none" or record is not None) and exposures == "none":
        kept = _kept(stack, placements, on_misaligned)
        return _Plan(placements, reference, kept, None, reference)
    found_own: Removal | None = None
    is_placed = how == "auto" and record is None
    with Previews(stack, seeks_hot_pixels=is_placed) as previews:
        if is_placed:
            found, reference, own = fixed_pattern.registered(
                previews, lambda *step: on_step("align", *step)
            )
            placements = [replace(one, matrix=previews.to_frame(one.matrix)) for one in found]
            placements = _informative(previews, placements)
            found_own = removal(previews, found, own)
        kept = _kept(stack, placements, on_misaligned)
        corrections, usual = None, reference
        if exposures == "auto":
            corrections, usual = _corrections(previews, placements, reference, on_step)
    return _Plan(placements, reference, kept, corrections, usual, found_own)


def _informative(previews: Previews, placements: list[Placement]) -> list[Placement]:
    """Frames that show nothing count as misaligned where most frames show something.

    A closed shutter, a flash that did not go off, or went off in the lens: what they hold is no
    part of the scene, or in a light that no gain makes up for.
    """
    light = [previews.light(index) for index in range(len(placements))]
    empty = {
        index
        for index, placement in enumerate(placements)
        if placement.status == "flat"
        or light[index] * exposure.LARGEST < np.median(light)
        or float(previews.clipped(index).mean()) > _BLOWN
    }
    if len(placements) - len(empty) < max(_FEWEST, len(empty)):
        return placements
    return [
        replace(placement, status="misaligned") if index in empty else placement
        for index, placement in enumerate(placements)
    ]


def _unmoved(count: int) -> tuple[list[Placement], int]:
    return [Placement(IDENTITY, "placed" if index else "reference") for index in range(count)], 0


def _recorded(record: TransformRecord) -> tuple[list[Placement], int]:
    placements = [
        Placement(IDENTITY, "misaligned") if matrix is None else Placement(matrix, "placed")
        for matrix in record.matrices
    ]
    placements[record.reference] = Placement(IDENTITY, "reference")
    return placements, record.reference


def _kept(
    stack: Stack, placements: list[Placement], on_misaligned: OnMisaligned
) -> tuple[int, ...]:
    """The frames that take part; AlignmentError where that is to be decided by the user."""
    misfits = [i for i, placement in enumerate(placements) if placement.status == "misaligned"]
    kept = tuple(index for index in range(len(stack)) if index not in set(misfits))
    if not misfits or on_misaligned == "keep":
        return tuple(range(len(stack)))
    named = ", ".join(stack.name(index) for index in misfits[:5])
    named += f" and {len(misfits) - 5} more" if len(misfits) > 5 else ""
    if on_misaligned == "error":
        raise AlignmentError(
            f"{named}: does not show what the other frames show; remove it, or choose "
            "--on-misaligned skip or keep"
        )
    if len(kept) < 2 or len(kept) < len(misfits):
        raise AlignmentError(
            f"only {len(kept)} of {len(stack)} frames show the same scene, as far as can be "
            f"measured, not so {named}; check the frames, or choose --on-misaligned keep or "
            "--align none"
        )
    return kept


def _corrections(
    previews: Previews, placements: list[Placement], reference: int, on_step: OnStep
) -> tuple[list[Correction] | None, int]:
    """What brings the frames to usual light, and the frame that has it."""
    alike = [i for i, one in enumerate(placements) if one.status in ("placed", "reference")]
    usual = exposure.usual(previews, alike, reference)
    back = inverse(placements[usual].matrix)
    compared: list[exposure.Comparison | None] = []
    for index, placement in enumerate(placements):
        is_compared = index in alike and index != usual
        matrix = previews.to_preview(normal(placement.matrix @ back))
        compared.append(exposure.compare(previews, index, usual, matrix) if is_compared else None)
        on_step("expose", index + 1, len(placements))
    return exposure.matched(compared), usual


def _common(stack: Stack, plan: _Plan) -> Rectangle:
    info = stack.info
    matrices = [plan.placements[index].matrix for index in plan.kept]
    common = crop.common(matrices, info.height, info.width)
    if common is None or common.height * common.width < _SMALLEST_SHARE * info.height * info.width:
        shifts = [largest_shift(matrix, info.height, info.width) for matrix in matrices]
        furthest = stack.name(plan.kept[int(np.argmax(shifts))])
        raise AlignmentError(
            f"the frames have next to nothing in common; {furthest} lies furthest from "
            f"{stack.name(plan.reference)}, remove it"
        )
    return common


def _sources(stack: Stack, plan: _Plan, kept: Rectangle, *, is_filled: bool) -> list[Source]:
    """The frames that take part, wrapped where anything is to be done to them."""
    corrections: list[Correction | None] = [
        one if one.is_needed else None for one in plan.corrections or ()
    ] or [None] * len(stack)
    clean = list(stack.sources)
    if plan.removal is not None:
        clean = [plan.removal.cleaned(source) for source in stack.sources]
    filling = (
        Filling(stack.sources[plan.reference], corrections[plan.reference]) if is_filled else None
    )
    whole = Rectangle(0, stack.info.height, 0, stack.info.width)

    def placed(index: int) -> Source:
        source, matrix = clean[index], plan.placements[index].matrix
        is_moved = not np.array_equal(matrix, IDENTITY)
        if not is_moved and kept == whole and corrections[index] is None:
            return source
        return PlacedSource(source, matrix, kept, corrections[index], filling if is_moved else None)

    found = {index: placed(index) for index in plan.kept}
    if plan.removal is not None:
        to_area = np.array([[1, 0, kept.left], [0, 1, kept.top], [0, 0, 1.0]])
        matrices = {index: plan.placements[index].matrix @ to_area for index in plan.kept}
        found = plan.removal.shown_once(found, matrices, plan.reference)
    darkened = {
        index: correction
        for index, correction in enumerate(corrections)
        if index in found and correction is not None and highlights.are_darkened(correction)
    }
    if darkened:
        found |= highlights.unclipped(found, darkened, placed(plan.usual))
    return list(found.values())


def _record(plan: _Plan, report: dict[str, Any], whole: Rectangle) -> TransformRecord:
    matrices = tuple(
        None if placement.status == "misaligned" else placement.matrix
        for placement in plan.placements
    )
    names = tuple(frame["frame"] for frame in report["frames"])
    return TransformRecord(whole.width, whole.height, plan.reference, names, matrices)
