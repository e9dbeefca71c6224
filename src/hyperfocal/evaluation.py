"""`evaluate`: the metrics of a fused picture, alone or beside its sources."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hyperfocal import rooms
from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import to_grey
from hyperfocal.stack import FrameLike, open_stack

ALONE = ("ag", "sf", "mean", "sd", "en")
NOISE_WARNING = "AG and SF rise with noise as they do with detail; never read them alone"


@dataclass(frozen=True)
class Evaluation:
    """Values by metric, and why some have none."""

    values: dict[str, float]
    undefined: dict[str, str]


def evaluate(
    fused: FrameLike,
    sources: Iterable[FrameLike] = (),
    *,
    metrics: Iterable[str] | None = None,
    grey: str = "255",
) -> Evaluation:
    """Metrics of a fused picture (a path or an array), with its sources where they need them.

    Without `metrics`: AG, SF, mean, SD and entropy, the evaluation published with UMS-Fusion; with
    sources all of them. `grey="255"` takes luma on 0…255, `"paper"` the convention of the tables
    of SESF-Fuse (colour on 0…1). A metric that is undefined here says why instead of a value.
    Raises StackError where the pictures do not fit together, UnknownChoice for other metrics.
    """
    with open_stack([fused, *sources], fewest=1) as stack:
        planes = [to_grey(stack.samples(index), grey) for index in range(len(stack))]
    names = list(metrics) if metrics is not None else _defaults(has_sources=len(planes) > 1)
    values: dict[str, float] = {}
    undefined: dict[str, str] = {}
    for name in names:
        try:
            values[name] = _function(name)(planes[0], planes[1:])
        except StackError as error:
            undefined[name] = str(error)
    return Evaluation(values, undefined)


def needs_sources(name: str) -> bool:
    """Whether a metric compares the fused picture with its sources."""
    return (
        inspect.signature(_function(name)).parameters["sources"].default is inspect.Parameter.empty
    )


def _defaults(*, has_sources: bool) -> list[str]:
    if not has_sources:
        return list(ALONE)
    return [*ALONE, *(name for name in rooms.names("metrics") if needs_sources(name))]


def _function(name: str) -> Callable[..., float]:
    found: Callable[..., float] = getattr(rooms.module("metrics", name), name.replace("-", "_"))
    return found
