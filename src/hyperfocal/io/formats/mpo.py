"""MPO, several JPEGs in one file, as stereo cameras and phones write: the first is read.

That there are others is told in a notice. Only read.
CIPA DC-007 (Multi-Picture Format).
"""

from __future__ import annotations

from pathlib import Path

from hyperfocal.frame import Source
from hyperfocal.io.files import reading
from hyperfocal.io.formats import jpeg
from hyperfocal.io.sources import with_notices

SUFFIXES = (".mpo",)
SIGNATURES = jpeg.SIGNATURES
DTYPES = jpeg.DTYPES
METADATA: tuple[str, ...] = ()

is_whole = jpeg.is_whole


def open(path: Path) -> list[Source]:
    """The first picture of the file, from its segments before the first scan."""
    first = jpeg.first_of(path)
    with reading(path), path.open("rb") as file:
        has_more = jpeg.has_more(file)
    return with_notices([first], ("all but the first picture",) * has_more)
