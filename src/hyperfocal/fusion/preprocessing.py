"""What comes before fusing: frames are put in order, those blurred everywhere are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hyperfocal.errors import StackError
from hyperfocal.frame import Source
from hyperfocal.fusion.recipe import Order, Recipe
from hyperfocal.io import formats
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack import ordering
from hyperfocal.stack.near_end import near_end
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import FramesLike, Stack, natural_key
from hyperfocal.stack.thumbnails import watched

_MOST_MEASURED = 2000  # frames; the distances between all of them are held
_CLEARLY = 0.9  # of the length of the given order
_MUCH = 10  # times the next largest step of a counter


@dataclass(frozen=True)
class Prepared:
    """A stack in its order, and what was found out about it."""

    stack: Stack
    order: str  # what told it: given, name, time or content
    left_out: tuple[str, ...] = ()  # names of blurred frames
    notices: tuple[str, ...] = ()


def prepare(
    frames: FramesLike,
    recipe: Recipe,
    *,
    exclude: Iterable[Path] = (),
    on_step: OnStep = silent,
) -> Prepared:
    """The stack of these frames, ordered and without blurred ones; close it.

    Pixels are looked at only where names and EXIF do not tell, or blurred frames are to go.
    Raises as `open_stack`, and StackError where an order was asked for that nothing tells.
    """
    opened = open_stack(frames, exclude=exclude, largest_picture=recipe.largest_picture)
    opened.close()
    sources = [watched(source) for source in opened.sources]
    order, kind, notices = _known_order(sources, recipe.order)
    sources = [sources[index] for index in order]
    left_out: list[str] = []
    if kind == "content" or recipe.drop_blurred:
        with Stack(sources, opened.ignored) as stack:
            if opened.is_spooled:
                stack.spool()
            details = ordering.detail_maps(stack, on_step=on_step)
        dropped = ordering.blurred(details) if recipe.drop_blurred else []
        left_out = [sources[index].info.name for index in dropped]
        if dropped:
            notices.append(f"blurred everywhere and left out: {', '.join(left_out)}")
        finished = ordering.finished(details)
        if finished is not None:
            dropped.append(finished)
            left_out.append(sources[finished].info.name)
            notices.append(f"{left_out[-1]} is sharp wherever any other is, and left out")
        kept = [index for index in range(len(sources)) if index not in dropped]
        if kind == "content":
            path, is_clear = _path(details[kept], is_asked=recipe.order == "content")
            kind = "content" if is_clear else "given"
            kept = [kept[index] for index in path]
            near = near_end([sources[index] for index in kept]) if is_clear else None
            kept = kept[::-1] if near == "last" else kept
            if path != sorted(path):
                told = "is the first, by EXIF" if near else "is not known"
                notices.append(
                    "the order of frames was found from what is sharp in them; which end is near "
                    f"{told}"
                )
        sources = [sources[index] for index in kept]
    stack = Stack(sources, opened.ignored)
    if opened.is_spooled:
        stack.spool()
    return Prepared(stack, kind, tuple(left_out), tuple(notices))


def names_tell(names: Sequence[str]) -> bool:
    """Whether names differ in their numbers alone: `a_1.tif, a_2.tif`, but not `near.tif, far.tif`.

    Such names are a series, in the order in which they count.
    """
    texts = {tuple(re.split(r"[0-9]+", name.casefold())) for name in names}
    return len(texts) == 1 and len(set(names)) == len(names)


def _known_order(sources: list[Source], order: Order) -> tuple[list[int], str, list[str]]:
    """The order before any pixel is read, what tells it, and notices; `content`: pixels must."""
    given = list(range(len(sources)))
    names = [source.info.name for source in sources]
    times = [formats.capture_info(source.info.exif).time_s for source in sources]
    has_times = None not in times and len(set(times)) == len(times)
    if order == "auto":
        is_one_file = len({source.path for source in sources}) == 1
        if len(sources) < 3 or is_one_file or len(sources) > _MOST_MEASURED:
            order = "given"
        elif names_tell(names):
            gap = gap_of(names)
            if gap is not None and gap.is_confirmed(times):
                at = gap.place
                told = (
                    "the counter in the names passed its end; EXIF times tell the order, in which "
                    f"{names[at]} is the first and {names[at - 1]} the last"
                )
                return given[at:] + given[:at], "time", [told]
            if gap is None or not gap.is_rollover or None not in times:
                return given, "name", []
            order = "content"
        else:
            order = "time" if has_times else "content"
    if order == "name":
        return sorted(given, key=lambda index: natural_key(names[index])), "name", []
    if order == "time":
        if not has_times:
            lacking = next((name for name, time in zip(names, times, strict=True) if not time), "")
            why = (
                f"{lacking} has no EXIF time" if lacking else "some frames have the same EXIF time"
            )
            raise StackError(f"{why}, so time does not tell the order; choose another --order")
        return sorted(given, key=lambda index: times[index] or 0.0), "time", []
    if order == "content" and len(sources) > _MOST_MEASURED:
        raise StackError(
            f"{len(sources)} frames are too many to find their order from their content; at most "
            f"{_MOST_MEASURED}, or choose another --order"
        )
    return given, order, []


@dataclass(frozen=True)
class Gap:
    """Where a counter may have begun anew: names in front of the place were taken last."""

    place: int
    is_rollover: bool  # as far as the numbers tell: from 9999 to 0001

    def is_confirmed(self, times: Sequence[float | None]) -> bool:
        """Whether every frame has a time, and those in front were taken after the others."""
        known = [time for time in times if time is not None]
        taken = known[self.place :] + known[: self.place]
        # A camera that counts whole seconds gives neighbours the same.
        return len(known) == len(times) and taken == sorted(taken) and taken[0] < taken[-1]


def gap_of(names: Sequence[str]) -> Gap | None:
    """The gap in names that count upwards, much larger than all their other steps.

    >>> gap_of(["DSC_0001.JPG", "DSC_0002.JPG", "DSC_9998.JPG", "DSC_9999.JPG"])
    Gap(place=2, is_rollover=True)
    """
    numbers = [[int(digits) for digits in re.findall(r"[0-9]+", name)] for name in names]
    changing = [each for each in zip(*numbers, strict=True) if len(set(each)) > 1]
    if len(changing) != 1:
        return None
    counts = changing[0]
    steps = [after - before for before, after in pairwise(counts)]
    *_, usual, largest = sorted(steps)
    if min(steps) < 1 or largest < _MUCH * usual:
        return None
    over = 10 ** len(str(counts[-1])) - counts[-1] + counts[0]
    return Gap(steps.index(largest) + 1, over <= _MUCH * usual)


def _path(details: ordering.Details, *, is_asked: bool) -> tuple[list[int], bool]:
    """The path through the frames, and whether it was found; else the order as it is."""
    between = ordering.distances(details)
    given, path = list(range(len(details))), ordering.shortest_path(between)
    before, after = (ordering.path_length(between, each) for each in (given, path))
    # Unasked, frames change places only where that is clearly better.
    if is_asked or after < _CLEARLY * before:
        return path, True
    return given, False
