"""Which part of a file is the stack, where it holds several: `cells.ome.tif:channel=2,time=1`.

Numbers count from 1, as microscopes' programs show them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from hyperfocal.errors import FormatError

_WRITTEN = re.compile(r"(?P<path>.+):(?P<chosen>[a-z]+=[^:/\\]*)", re.DOTALL)


@dataclass(frozen=True)
class Selection:
    """One of each, counted from 1; None where the file has only one."""

    series: int | None = None
    channel: int | None = None
    time: int | None = None

    @property
    def names(self) -> list[str]:
        """What has been chosen: `["channel"]`."""
        return [each.name for each in fields(self) if getattr(self, each.name) is not None]


WHOLE = Selection()


def split(text: str) -> tuple[Path, Selection]:
    """`cells.tif:channel=2` -> the path and the selection; a file of that very name goes first.

    Raises FormatError for a selection that means nothing.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or Path(text).exists():
        return Path(text), WHOLE
    known = [each.name for each in fields(Selection)]
    chosen: dict[str, int] = {}
    for part in match["chosen"].split(","):
        name, _, number = part.partition("=")
        if name not in known or not number.isdecimal() or int(number) < 1:
            raise FormatError(
                f"{match['path']} has no {part!r} to choose; write {', '.join(known)} with a "
                "number from 1, as in FILE:channel=2,time=1"
            )
        chosen[name] = int(number)
    return Path(match["path"]), Selection(**chosen)
