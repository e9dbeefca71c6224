"""`evaluate`: the metrics of a fused picture, alone, beside its sources, or against a reference."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hyperfocal import registry
from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.metrics import to_grey, to_values
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import FrameLike

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
    reference: FrameLike | None = None,
    depth: FrameLike | None = None,
    metrics: Iterable[str] | None = None,
    grey: str = "255",
) -> Evaluation:
    """Metrics of a fused picture (a path or an array), with what else they need.

    `reference` is a picture known to be right, `depth` its depth map in any unit. Without
    `metrics`: AG, SF, mean, SD and entropy, the evaluation published with UMS-Fusion, and all that
    compare with what was given. `grey="255"` takes luma on 0…255, `"paper"` the convention of the
    tables of SESF-Fuse (colour on 0…1); metrics with a reference take colours on 0…255 either way.
    A metric that is undefined here, or lacks what it compares with, says why instead of a value.
    Raises StackError where the pictures do not fit together, UnknownChoice for other metrics.
    """
    sources = list(sources)
    info, picture = _only(fused, "fused picture")
    known: dict[str, Any] = {"sources": [to_grey(each, grey) for each in _alike(info, sources)]}
    if reference is not None:
        known["reference"] = to_values(_fitting(info, reference, "reference"))
    if depth is not None:
        known["depth"] = _depth(info, depth)
    given = {name for name, value in known.items() if name != "sources" or value}
    names = defaults(given) if metrics is None else list(metrics)
    takes = {"grey": to_grey(picture, grey), "values": to_values(picture)}
    values: dict[str, float] = {}
    undefined: dict[str, str] = {}
    for name in names:
        kind = "values" if "reference" in parameters(name) else "grey"
        try:
            _require(name, given)
            compared = [known[each] for each in parameters(name)]
            values[name] = _function(name)(takes[kind], *compared)
        except StackError as error:
            undefined[name] = str(error)
    return Evaluation(values, undefined)


def parameters(name: str) -> tuple[str, ...]:
    """What a metric is passed beside the fused picture: `sources`, or `reference` and `depth`."""
    return tuple(inspect.signature(_function(name)).parameters)[1:]


def needs(name: str) -> frozenset[str]:
    """What a metric cannot do without.

    >>> sorted(needs("psnr_edges"))
    ['depth', 'reference']
    """
    taken = inspect.signature(_function(name)).parameters
    return frozenset(
        each for each in parameters(name) if taken[each].default is inspect.Parameter.empty
    )


def defaults(given: Iterable[str]) -> list[str]:
    """The metrics of a picture that comes with these of `sources`, `reference` and `depth`."""
    compared = [name for name, _ in registry.modules("metrics") if needs(name)]
    return [*ALONE, *(name for name in compared if needs(name) <= set(given))]


def _require(name: str, given: set[str]) -> None:
    missing = sorted(needs(name) - given)
    if missing:
        raise StackError(f"it compares with {' and '.join(missing)}; give {' and '.join(missing)}")


def _function(name: str) -> Callable[..., float]:
    key = name.lower().replace("-", "_")
    found: Callable[..., float] = getattr(registry.module("metrics", key), key)
    return found


def _only(frame: FrameLike, what: str) -> tuple[FrameInfo, Samples]:
    with open_stack([frame], fewest=1, is_strict=True) as stack:
        if len(stack) > 1:
            raise StackError(
                f"the {what} ({stack.info.name}) holds {len(stack)} pictures; give one"
            )
        return stack.info, stack.samples(0)


def _fitting(fused: FrameInfo, frame: FrameLike, what: str) -> Samples:
    info, samples = _only(frame, what)
    _require_alike(fused, info, f"the {what}")
    return samples


def _alike(fused: FrameInfo, sources: list[FrameLike]) -> Iterable[Samples]:
    if not sources:
        return
    with open_stack(sources, fewest=1, is_strict=True) as stack:
        _require_alike(fused, stack.info, "its source")
        for index in range(len(stack)):
            yield stack.samples(index)


def _depth(fused: FrameInfo, frame: FrameLike) -> Samples:
    info, samples = _only(frame, "depth map")
    if info.channels != 1:
        raise StackError(f"the depth map ({info.name}) is in colour; give one channel of numbers")
    if (info.height, info.width) != (fused.height, fused.width):
        raise StackError(_unlike(fused, info, "the depth map", _size(fused), _size(info)))
    return samples[:, :, 0]


def _require_alike(fused: FrameInfo, other: FrameInfo, what: str) -> None:
    for told in (_size, _type, _colour):
        if told(fused) != told(other):
            raise StackError(_unlike(fused, other, what, told(fused), told(other)))


def _unlike(fused: FrameInfo, other: FrameInfo, what: str, mine: str, theirs: str) -> str:
    return (
        f"the fused picture ({fused.name}) is {mine}, {what} ({other.name}) is {theirs}; "
        "give those that belong together"
    )


def _size(info: FrameInfo) -> str:
    return f"{info.width}×{info.height}"


def _type(info: FrameInfo) -> str:
    return f"of {info.dtype} samples"


def _colour(info: FrameInfo) -> str:
    return "grey" if info.channels == 1 else "in colour"
