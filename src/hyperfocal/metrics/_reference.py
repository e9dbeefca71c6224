"""Checks of metrics that compare the fused picture with a picture known to be right."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Plane

Values: TypeAlias = NDArray[np.floating[Any]]  # (height, width) or (height, width, 3), 0…255


def compared(fused: Values, reference: Values, *, smallest: int = 2) -> list[tuple[Plane, Plane]]:
    """Fused picture and reference, channel by channel, in double precision.

    Raises StackError where their shapes differ, where they are smaller than the metric's window,
    or hold values that are not finite.
    """
    if fused.shape != reference.shape:
        raise StackError(
            f"the reference has the shape {reference.shape}, the fused picture {fused.shape}; "
            "crop them to one size and make both grey or both colour"
        )
    if fused.ndim not in (2, 3) or min(fused.shape[:2]) < smallest or fused.shape[-1] == 0:
        raise StackError(
            f"the pictures have the shape {fused.shape}, the metric needs at least "
            f"{smallest}×{smallest} pixels, grey or colour; enlarge or convert them"
        )
    for picture, name in ((fused, "the fused picture"), (reference, "the reference")):
        if not np.isfinite(picture).all():
            raise StackError(f"{name} holds values that are not finite; replace them")
    return list(zip(_channels(fused), _channels(reference), strict=True))


def decibels(errors: NDArray[np.float64]) -> float:
    """10 log₁₀(255² / mean of the squared errors); raises StackError where all are 0."""
    squared = float(np.mean(errors**2))
    if squared == 0:
        raise StackError(
            "the fused picture equals the reference exactly there, so that the ratio is infinite; "
            "SSIM is 1"
        )
    return float(10 * np.log10(255**2 / squared))


def _channels(picture: Values) -> list[Plane]:
    planes = picture[:, :, None] if picture.ndim == 2 else picture
    return [np.ascontiguousarray(plane, np.float64) for plane in np.moveaxis(planes, 2, 0)]
