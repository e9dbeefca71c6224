"""What alignment found, in numbers that can be printed and saved as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import transforms
from hyperfocal.alignment.gain_offset import Correction
from hyperfocal.alignment.registration import Placement
from hyperfocal.stack.stack import Stack


def report(
    stack: Stack,
    placements: Sequence[Placement],
    reference: int,
    kept: Sequence[int],
    corrections: Sequence[Correction] | None,
) -> dict[str, Any]:
    """Reference, frames left out, and for each frame how it lies and how it was brightened.

    `shift_px` is how far the centre of the reference lies from the frame's own (x to the right, y
    down), `rotation_deg` turns clockwise, `residual_px` is the weighted median of what matched
    blocks leave unexplained, `uncertainty_px` the standard error at the worst corner, `confidence`
    a correlation 0…1; None where nothing was measured. Pixels (0…1) were multiplied by `gain`, and
    `offset` was added, None where none was called for, one number for each channel.
    """
    frames = [
        _frame(stack, placement, index, None if corrections is None else corrections[index])
        for index, placement in enumerate(placements)
    ]
    return {
        "reference": stack.name(reference),
        "left_out": [stack.name(index) for index in range(len(stack)) if index not in set(kept)],
        "exposure_matched": corrections is not None,
        "frames": frames,
    }


def _frame(
    stack: Stack, placement: Placement, index: int, correction: Correction | None
) -> dict[str, Any]:
    size = stack.info.height, stack.info.width
    matrix, measured = placement.matrix, placement.motion
    return {
        "frame": stack.sources[index].info.name,
        "status": placement.status,
        "model": None if measured is None else measured.model,
        "shift_px": [round(shift, 3) for shift in transforms.shift_of(matrix, *size)],
        "rotation_deg": round(transforms.rotation_of(matrix, *size), 5),
        "scale": round(transforms.scale_of(matrix, *size), 6),
        "residual_px": None if measured is None else round(measured.residual, 3),
        "uncertainty_px": None if measured is None else round(measured.uncertainty, 3),
        "confidence": 0.0 if measured is None else round(measured.confidence, 3),
        "gain": None if correction is None else _rounded(correction.gain),
        "offset": None
        if correction is None or not correction.offset.any()
        else _rounded(correction.offset),
    }


def _rounded(numbers: NDArray[np.float32]) -> list[float]:
    return [round(float(number), 4) for number in numbers]
