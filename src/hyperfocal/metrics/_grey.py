"""Pictures as the metrics take them: the conventions of published tables, and one check.

Does not use the luma of `frame`: the tables were made with other weights, and unrounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import OptionError, StackError
from hyperfocal.frame import Samples

Grey: TypeAlias = NDArray[np.floating[Any]]  # (height, width), on the range of the convention
Plane: TypeAlias = NDArray[np.float64]  # the same in the precision that metrics compute in

CONVENTIONS = ("255", "paper")
_LUMA = np.array([0.2125, 0.7154, 0.0721])  # ITU-R BT.709 as scikit-image rounds it


def to_grey(samples: Samples, convention: str = "255") -> Plane:
    """Luma of colour, the one channel of grey, neither rounded.

    `255`: everything on 0…255. `paper`, as the tables of SESF-Fuse have it: colour on 0…1,
    grey on 0…255. Whole-numbered samples are scaled by their type, float samples are 0…1.
    """
    if convention not in CONVENTIONS:
        raise OptionError(
            f"no grey convention is called {convention!r}; choose one of: {', '.join(CONVENTIONS)}"
        )
    peak = _peak(samples)
    if samples.ndim == 2 or samples.shape[2] == 1:
        return samples.reshape(samples.shape[:2]).astype(np.float64) * (255 / peak)
    # The order of operations is scikit-image's: N^AB/F asks which of two gradients is larger, and
    # where pictures are equally flat that hangs on the last bit.
    luma: Plane = (samples.astype(np.float64) * (1 / peak)) @ _LUMA
    return luma if convention == "paper" else luma * 255


def to_values(samples: Samples) -> Plane:
    """Grey (height, width) or colour (height, width, 3) on 0…255, not rounded.

    Whole-numbered samples are scaled by their type, float samples are 0…1.
    """
    values = samples.astype(np.float64) * (255 / _peak(samples))
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


def checked(
    fused: Grey, sources: Sequence[Grey], *, count: int | None = None, smallest: int = 2
) -> tuple[Plane, list[Plane]]:
    """The pictures in double precision; raises StackError where the metric cannot take them.

    `count` is the number of sources a metric is defined for, None for any from one up;
    `smallest` the height and width its windows need.
    """
    if count not in (None, len(sources)) or not sources:
        wanted = "at least one source" if count is None else f"{count} sources"
        raise StackError(f"the metric is defined for {wanted}, not {len(sources)}; pass as many")
    return _plane(fused, "the fused picture", smallest), [
        _alike(fused, source, f"source {number} of {len(sources)}", smallest)
        for number, source in enumerate(sources, start=1)
    ]


def alone(fused: Grey) -> Plane:
    """The fused picture in double precision, for metrics that look at nothing else."""
    return _plane(fused, "the fused picture", smallest=2)


def _peak(samples: Samples) -> float:
    return float(np.iinfo(samples.dtype).max) if samples.dtype.kind == "u" else 1.0


def _alike(fused: Grey, source: Grey, name: str, smallest: int) -> Plane:
    if source.shape != fused.shape:
        raise StackError(
            f"{name} has the shape {source.shape}, the fused picture {fused.shape}; "
            "crop them to one size and make both grey"
        )
    return _plane(source, name, smallest)


def _plane(picture: Grey, name: str, smallest: int) -> Plane:
    if picture.ndim != 2 or min(picture.shape) < smallest:
        raise StackError(
            f"{name} has the shape {picture.shape}, the metric needs grey of at least "
            f"{smallest}×{smallest}; convert or enlarge it"
        )
    if not np.isfinite(picture).all():
        raise StackError(f"{name} holds values that are not finite; replace them")
    return np.ascontiguousarray(picture, np.float64)
