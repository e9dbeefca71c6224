"""Which of the frames that were found make a stack: of one kind, one way up, none of them a result.

What most frames are decides; the others are left out, and a line says which and why. Looks at what
headers say, not at pixels.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.frame import FrameInfo, Source
from hyperfocal.io import formats
from hyperfocal.io.sources import FileSource

_NAMED = 3  # names in a line; of the others only the number
_TOLERANCE = 1  # px between sizes that are cropped to one

Kind: TypeAlias = tuple[int, int, np.dtype[np.generic], int]


def fitting(sources: Sequence[Source], *, fewest: int) -> tuple[list[Source], list[str]]:
    """The frames of the stack, and lines on what was done to make them one.

    Raises StackError where fewer than `fewest` would be left.
    """
    kept, told = list(sources), list[str]()
    for rule in (_without_results, _without_composites, _one_way_up, _of_one_kind, _of_one_size):
        kept, lines = rule(kept)
        if len(kept) < fewest:
            require_alike(sources)
        told += lines
    return kept, told


def require_alike(sources: Sequence[Source]) -> None:
    """Raise StackError for the first frame of another size, depth or colour than the first."""
    first = sources[0].info
    for place, source in enumerate(sources[1:], 2):
        info = source.info
        who = f"frame {place} ({info.name})"
        if (info.height, info.width) != (first.height, first.width):
            raise StackError(
                f"{who} is {info.width}×{info.height}, the stack is "
                f"{first.width}×{first.height}; remove it or bring all frames to one size"
            )
        if info.dtype != first.dtype:
            raise StackError(
                f"{who} has {info.dtype} samples, the stack has {first.dtype}; "
                "convert the frames to one bit depth"
            )
        if info.channels != first.channels:
            raise StackError(
                f"{who} is {_colour(info)}, the stack is {_colour(first)}; "
                "convert the frames to one kind"
            )


def named(names: Sequence[str]) -> str:
    """The first names, and how many there are more: `a.tif, b.tif, c.tif and 4 more`."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _without_results(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """Pictures that this program has made are no frames where others are."""
    count = sum(_is_own(source) for source in sources)
    # Slabs are fused as frames, but two pictures of a camera are a stack without them.
    if len(sources) - count < 2:
        return sources, []
    return _parted(sources, _is_own, "made by hyperfocal")


def _is_own(source: Source) -> bool:
    return formats.capture_info(source.info.exif).is_own


def _without_composites(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """A camera's own composites are no frames where most pictures are none.

    Telephones mark single pictures too, so that more of them are taken for frames.
    """
    count = sum(_is_composite(source) for source in sources)
    if 2 * count >= len(sources) or len(sources) - count < 2:
        return sources, []
    return _parted(sources, _is_composite, "put together by the camera, as EXIF says,")


def _is_composite(source: Source) -> bool:
    return formats.capture_info(source.info.exif).is_composite


def _one_way_up(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """Where frames as stored are alike and only their orientation differs, that of most is taken.

    A camera that looks down cannot tell which way is up.
    """
    files = [source for source in sources if isinstance(source, FileSource)]
    flags: dict[tuple[int, int], list[int]] = {}
    for file in files:
        flags.setdefault((file.stored.height, file.stored.width), []).append(file.orientation)
    usual = {size: Counter(each).most_common(1)[0][0] for size, each in flags.items()}
    turned: list[str] = []
    result: list[Source] = []
    for source in sources:
        if isinstance(source, FileSource):
            orientation = usual[source.stored.height, source.stored.width]
            if source.orientation != orientation:
                turned.append(source.info.name)
                source = source.oriented(orientation)
        result.append(source)
    told = f"{_are(turned)} marked as turned otherwise than most frames, and taken as they are"
    return result, [told] if turned else []


def _of_one_kind(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """The frames of the size, depth and colour that most have; of as many, those that come first.

    Sizes a pixel apart count as one.
    """
    kinds = Counter(_kind(source) for source in sources)
    near = {kind: [other for other in kinds if _is_near(kind, other)] for kind in kinds}
    counts = {kind: sum(kinds[other] for other in others) for kind, others in near.items()}
    # The first of as many, as dictionaries and `max` keep it.
    usual = max(kinds, key=lambda kind: (counts[kind], kinds[kind]))
    odd: dict[str, list[str]] = {}
    for source in sources:
        if _kind(source) not in near[usual]:
            odd.setdefault(_difference(_kind(source), usual), []).append(source.info.name)
    kept = [source for source in sources if _kind(source) in near[usual]]
    return kept, [f"{_are(names)} {difference}; left out" for difference, names in odd.items()]


def _of_one_size(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """Frames whose sizes are a pixel apart, cropped to the smallest at the right and below."""
    height = min(source.info.height for source in sources)
    width = min(source.info.width for source in sources)
    cropped: list[str] = []
    result: list[Source] = []
    for source in sources:
        if (source.info.height, source.info.width) != (height, width):
            assert isinstance(source, FileSource)
            cropped.append(source.info.name)
            info = dataclasses.replace(source.info, height=height, width=width)
            source = dataclasses.replace(source, info=info)
        result.append(source)
    told = f"{_are(cropped)} a pixel larger than the others and cropped to {width}×{height}"
    return result, [told] if cropped else []


def _parted(
    sources: Iterable[Source], is_out: Callable[[Source], bool], why: str
) -> tuple[list[Source], list[str]]:
    sources = list(sources)
    names = [source.info.name for source in sources if is_out(source)]
    kept = [source for source in sources if not is_out(source)]
    return kept, [f"{_are(names)} {why} and left out"] if names else []


def _kind(source: Source) -> Kind:
    info = source.info
    return info.height, info.width, info.dtype, info.channels


def _is_near(one: Kind, other: Kind) -> bool:
    apart = max(abs(one[0] - other[0]), abs(one[1] - other[1]))
    return one[2:] == other[2:] and apart <= _TOLERANCE


def _difference(kind: Kind, usual: Kind) -> str:
    if kind[:2] != usual[:2]:
        return f"{kind[1]}×{kind[0]}, the stack is {usual[1]}×{usual[0]}"
    if kind[2] != usual[2]:
        return f"of {kind[2]} samples, the stack is of {usual[2]}"
    return f"{_COLOURS[kind[3]]}, the stack is {_COLOURS[usual[3]]}"


_COLOURS = {1: "grey", 3: "in colour"}


def _colour(info: FrameInfo) -> str:
    return _COLOURS[info.channels]


def _are(names: Sequence[str]) -> str:
    return f"{named(names)} {'is' if len(names) == 1 else 'are'}"
