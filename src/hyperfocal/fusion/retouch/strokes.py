"""Strokes as data, and the document that keeps them.

A stroke names what it takes, and where it goes; it knows nothing of pixels. The document is JSON,
one stroke on a line: `{"hyperfocal": "retouch", "version": 1, "strokes": […]}`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hyperfocal.errors import FormatError, OptionError
from hyperfocal.options import check, option

Point: TypeAlias = tuple[float, float, float]  # x right, y down, pressure 0…1

RESTORE = "restore"  # the source that is the picture as it was fused
MOST_POINTS = 20_000

_FURTHEST = 1_000_000  # px, no picture is as large
_DOCUMENT, _VERSION = "retouch", 1


@dataclass(frozen=True)
class Stroke:
    """One stroke of the brush: data only. Raises OptionError for what is no stroke.

    Pressure scales the opacity and never the width, so what is outlined is what is touched; a
    mouse has pressure 1. Crossing itself, a stroke does not add up.
    """

    source: str  # name of a frame or of another result, or "restore"
    points: tuple[Point, ...]  # in px of the reference frame; given as (x, y), pressure is 1
    radius: float = option(40.0, "radius of the brush", unit="px", low=0.5, high=10_000)
    hardness: float = option(0.5, "0: soft to the middle, 1: an edge of 1 px", low=0, high=1)
    opacity: float = option(1.0, "weight of the source where the brush is full", low=0, high=1)
    match: bool = option(True, "bring the source to the brightness around the stroke")

    def __post_init__(self) -> None:
        if not isinstance(self.source, str) or not self.source:
            raise OptionError(
                f"source is {_shown(self.source)}; it must be the name of a frame or of a result, "
                f"or {RESTORE!r}"
            )
        for name in ("radius", "hardness", "opacity"):
            object.__setattr__(self, name, _number(getattr(self, name), name))
        if not isinstance(self.match, bool):
            raise OptionError(f"match is {_shown(self.match)}; it must be true or false")
        object.__setattr__(self, "points", _points(self.points))
        check(self)

    @property
    def is_matched(self) -> bool:
        """Whether brightness is to be matched; what is restored already fits."""
        return self.match and self.source != RESTORE

    def to_dict(self) -> dict[str, Any]:
        """The stroke as JSON has it."""
        return {**vars(self), "points": [list(point) for point in self.points]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stroke:
        """The stroke of a dictionary; raises OptionError for one that holds anything else."""
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, Mapping):
            raise OptionError(f"a stroke is {_shown(values)}; it must have: {', '.join(names)}")
        for name in values:
            if name not in names:
                raise OptionError(f"a stroke has no {_shown(name)}; it has: {', '.join(names)}")
        for name in ("source", "points", "radius"):
            if name not in values:
                raise OptionError(f"a stroke lacks its {name}; give it one")
        return cls(**values)


def dump(strokes: Iterable[Stroke]) -> str:
    """Strokes as a JSON document, one on a line."""
    lines = [json.dumps(stroke.to_dict(), ensure_ascii=False) for stroke in strokes]
    head = f'{{"hyperfocal": "{_DOCUMENT}", "version": {_VERSION}, "strokes": ['
    return head + ",".join(f"\n{line}" for line in lines) + "\n]}\n"


def load(text: str, *, called: str = "the retouching") -> list[Stroke]:
    """The strokes of a document; raises FormatError for any other, `called` so in its message."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise FormatError(
            f"{called} is cut off or no JSON ({reason}); take another copy of it"
        ) from error
    if not isinstance(content, dict) or content.get("hyperfocal") != _DOCUMENT:
        raise FormatError(f"{called} holds no strokes of this program; give a file saved as such")
    version = content.get("version")
    if version != _VERSION or isinstance(version, bool):
        is_newer = isinstance(version, int) and version > _VERSION
        advice = "update hyperfocal" if is_newer else "save it again"
        raise FormatError(f"{called} has version {_shown(version)}, known is {_VERSION}; {advice}")
    strokes = content.get("strokes")
    if not isinstance(strokes, list):
        raise FormatError(f"{called} has no list of strokes; save it again")
    return [_stroke(values, f"stroke {n} of {called}") for n, values in enumerate(strokes, 1)]


def _stroke(values: Any, called: str) -> Stroke:
    try:
        return Stroke.from_dict(values)
    except OptionError as error:
        raise FormatError(f"{called}: {error}") from error


def _points(points: Any) -> tuple[Point, ...]:
    if isinstance(points, str | bytes | Mapping) or not isinstance(points, Iterable):
        raise OptionError(f"points are {_shown(points)}; they must be a list of [x, y, pressure]")
    listed = list(points)
    if not listed:
        raise OptionError("a stroke has no points; give it one or more")
    if len(listed) > MOST_POINTS:
        raise OptionError(f"a stroke has {len(listed)} points; at most {MOST_POINTS} are possible")
    return tuple(_point(values, f"point {n} of a stroke") for n, values in enumerate(listed, 1))


def _point(values: Any, called: str) -> Point:
    if not isinstance(values, list | tuple | np.ndarray) or len(values) not in (2, 3):
        raise OptionError(f"{called} is {_shown(values)}; it must be [x, y, pressure]")
    x, y, pressure = (_number(value, called) for value in (*values, 1.0)[:3])
    if max(abs(x), abs(y)) > _FURTHEST:
        raise OptionError(f"{called} lies at x {x:g}, y {y:g}; at most ±{_FURTHEST} is possible")
    if not 0 <= pressure <= 1:
        raise OptionError(f"{called} has pressure {pressure:g}; it must be 0 to 1")
    return x, y, pressure


def _number(value: Any, called: str) -> float:
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise OptionError(f"{called} is {_shown(value)}; it must be a finite number")


def _shown(value: Any) -> str:
    """A value as a message shows it: one short line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
