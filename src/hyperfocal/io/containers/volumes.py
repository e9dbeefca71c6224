"""Which planes of a microscope's file are the frames of one stack, and how far apart they are.

A stack is all focus positions of one series, channel and time point. Where there is only one
focus position, the time points are the stack: a sweep of focus is often recorded as a film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from hyperfocal.errors import FormatError
from hyperfocal.io.selection import Selection

_TOLD = {"series": "series", "channel": "channels", "time": "time points"}

# Micrometres of what files call a length; a pixel is none.
_MICROMETRES = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometre": 1.0, "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3, "pm": 1e-6, "å": 1e-4,
    "angstrom": 1e-4, "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3, "cm": 1e4,
    "centimeter": 1e4, "centimetre": 1e4, "m": 1e6, "meter": 1e6, "metre": 1e6, "inch": 25400.0,
    "in": 25400.0,
}  # fmt: skip


class Plane(NamedTuple):
    """The place of a picture in a volume, counted from 0."""

    z: int
    channel: int
    time: int


@dataclass(frozen=True)
class Volume:
    """A series: its planes, by where they stand in the file."""

    pages: dict[Plane, int]
    step_um: float | None = None
    pixel_um: tuple[float, float] | None = None  # height and width
    remarks: tuple[str, ...] = ()  # as in FrameInfo


def micrometres(length: float | str | None, unit: str | None) -> float | None:
    """A length that means something, in µm; None for pixels, zero and what is no number."""
    factor = _MICROMETRES.get((unit or "").strip().casefold())
    try:
        value = abs(float(length or 0)) * (factor or 0)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def numbered(
    order: str, counts: dict[str, int], first: int = 0, count: int | None = None
) -> list[Plane]:
    """Planes in the order of a file, from the one in place `first`; `order` starts with the axis
    that changes fastest.

    >>> numbered("CZT", {"Z": 2, "C": 2, "T": 1})[1]
    Plane(z=0, channel=1, time=0)
    """
    total = counts["Z"] * counts["C"] * counts["T"]
    last = total if count is None else min(total, first + count)
    planes = []
    for place in range(first, last):
        at: dict[str, int] = {}
        for axis in order:
            place, at[axis] = divmod(place, counts[axis])
        planes.append(Plane(at["Z"], at["C"], at["T"]))
    return planes


def stack_of(
    path: Path, volumes: Sequence[Volume], selection: Selection
) -> tuple[list[int], Volume]:
    """The places of the frames in the file, in focus order, and the volume that they are of.

    Raises FormatError, saying how to choose, where several stacks are in the file.
    """
    series = _choose(path, "series", list(range(len(volumes))), selection, others=())
    volume = volumes[series]
    planes = list(volume.pages)
    channels = sorted({plane.channel for plane in planes})
    times = sorted({plane.time for plane in planes})
    is_flat = len({plane.z for plane in planes}) == 1
    is_film = is_flat and len(times) > 1 and selection.time is None
    others = ("time",) if len(times) > 1 and not is_film and selection.time is None else ()
    if is_flat and len(times) == 1 and len(channels) > 1 and selection.channel is None:
        raise FormatError(
            f"{path} holds {len(channels)} channels at one focus position; choose one, as in "
            f"{path.name}:channel=1, or export them as slices if they are focus positions"
        )
    channel = _choose(path, "channel", channels, selection, others=others)
    if is_film:
        chosen = {p.time: page for p, page in volume.pages.items() if p.channel == channel}
        return [chosen[time] for time in sorted(chosen)], replace(volume, pages={}, step_um=None)
    time = _choose(path, "time", times, selection, others=())
    here = {p.z: page for p, page in volume.pages.items() if (p.channel, p.time) == (channel, time)}
    return [here[z] for z in sorted(here)], volume


def _choose(
    path: Path, name: str, present: list[int], selection: Selection, *, others: tuple[str, ...]
) -> int:
    number: int | None = getattr(selection, name)
    if number is None and len(present) == 1:
        return present[0]
    numbers = ", ".join(str(each + 1) for each in present[:20])
    if number is None:
        given = [f"{each}={getattr(selection, each)}" for each in selection.names]
        example = ",".join([*given, *(f"{each}=1" for each in (name, *others))])
        raise FormatError(
            f"{path} holds {len(present)} {_TOLD[name]} ({numbers}); choose one, as in "
            f"{path.name}:{example}"
        )
    if number - 1 not in present:
        raise FormatError(f"{path} has no {name} {number}; choose one of: {numbers}")
    return number - 1
