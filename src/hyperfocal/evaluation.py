"""`evaluate`: the metrics of a fused picture, alone, beside its sources, or against a reference."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hyperfocal import registry
from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.fusion import recipes
from hyperfocal.fusion.api import Fusion
from hyperfocal.fusion.recipes import Area
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
    notices: tuple[str, ...] = ()


def evaluate(
    fused: FrameLike | Fusion,
    sources: Iterable[FrameLike] = (),
    *,
    reference: FrameLike | None = None,
    depth: FrameLike | None = None,
    metrics: Iterable[str] | None = None,
    grey: str = "255",
) -> Evaluation:
    """Metrics of a fused picture (a path, an array, a Fusion), with what else they need.

    `reference` is a picture known to be right, `depth` its depth map in any unit. Without
    `metrics`: AG, SF, mean, SD and entropy, the evaluation published with UMS-Fusion, and all that
    compare with what was given. `grey="255"` takes luma on 0…255, `"paper"` the convention of the
    tables of SESF-Fuse (colour on 0…1); metrics with a reference take colours on 0…255 either way.
    Where aligning cropped the picture, which it says itself, the others are cropped alike, and a
    notice tells it. A metric that is undefined here, or lacks what it compares with, says why
    instead of a value.
    Raises StackError where the pictures do not fit together, UnknownChoice for other metrics.
    """
    sources = list(sources)
    shown = fused.picture if isinstance(fused, Fusion) else fused
    info, picture = _only(shown, "fused picture")
    area = recipes.area_in(fused.report) if isinstance(fused, Fusion) else recipes.area_of(info)
    view = _View(info, area)
    known: dict[str, Any] = {"sources": [to_grey(each, grey) for each in view.alike(sources)]}
    if reference is not None:
        known["reference"] = to_values(view.fitting(reference, "reference"))
    if depth is not None:
        known["depth"] = view.depth(depth)
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
    return Evaluation(values, undefined, view.notices)


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


class _View:
    """The fused picture, and what others show of its part of the scene."""

    def __init__(self, info: FrameInfo, area: Area | None):
        self._info, self._area = info, area
        self._is_cut = False

    @property
    def notices(self) -> tuple[str, ...]:
        """That others were cropped, if any was."""
        if not self._is_cut or self._area is None:
            return ()
        area = self._area
        return (
            f"the fused picture shows {area.width}×{area.height} of {area.frame_width}×"
            f"{area.frame_height}, where its frames overlap; what it is compared with is cropped "
            "to that, as it lies",
        )

    def fitting(self, frame: FrameLike, what: str) -> Samples:
        """The reference or the like; raises StackError where it does not fit."""
        info, samples = _only(frame, what)
        self._require_alike(info, f"the {what}")
        return self._cut(info, samples)

    def alike(self, sources: list[FrameLike]) -> Iterable[Samples]:
        """The sources; raises StackError where one does not fit."""
        if not sources:
            return
        with open_stack(sources, fewest=1, is_strict=True) as stack:
            self._require_alike(stack.info, "its source")
            for index in range(len(stack)):
                yield self._cut(stack.info, stack.samples(index))

    def depth(self, frame: FrameLike) -> Samples:
        """The depth map, which may be of any type."""
        info, samples = _only(frame, "depth map")
        if info.channels != 1:
            raise StackError(
                f"the depth map ({info.name}) is in colour; give one channel of numbers"
            )
        self._require(_size, info, "the depth map")
        return self._cut(info, samples)[:, :, 0]

    def _cut(self, info: FrameInfo, samples: Samples) -> Samples:
        if self._area is None or _size(info) == _size(self._info):
            return samples
        self._is_cut = True
        return self._area.cut(samples)

    def _require_alike(self, other: FrameInfo, what: str) -> None:
        for told in (_size, _type, _colour):
            self._require(told, other, what)

    def _require(self, told: Callable[[FrameInfo], str], other: FrameInfo, what: str) -> None:
        if told(self._info) == told(other):
            return
        if told is _size and self._area is not None and self._area.is_of(other):
            return
        raise StackError(_unlike(self._info, other, what, told(self._info), told(other)))


def _unlike(fused: FrameInfo, other: FrameInfo, what: str, mine: str, theirs: str) -> str:
    told = (
        f"the fused picture ({fused.name}) is {mine}, {what} ({other.name}) is {theirs}; "
        "give those that belong together"
    )
    is_cropped = fused.height <= other.height and fused.width <= other.width
    if mine == _size(fused) and is_cropped:
        told += ", or fuse again to .tif, .png or .jpg, which tell how they were cropped"
    return told


def _size(info: FrameInfo) -> str:
    return f"{info.width}×{info.height}"


def _type(info: FrameInfo) -> str:
    return f"of {info.dtype} samples"


def _colour(info: FrameInfo) -> str:
    return "grey" if info.channels == 1 else "in colour"
