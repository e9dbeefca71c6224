"""Transparent frames of a stack: which have places without data, found before they are fused.

Only frames whose files have transparency are looked at, each once; memory does not grow with them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hyperfocal.frame import Source
from hyperfocal.io.coverage import Coverage
from hyperfocal.io.sources import FileSource
from hyperfocal.stack.fitting import named

_NOTICE = "transparency"


def covering(sources: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """The frames, those that lack data told where, and lines on that.

    Transparency that is nowhere complete, or the same in all frames, is left out, as their notices
    tell.
    """
    files = {
        number: source
        for number, source in enumerate(sources)
        if isinstance(source, FileSource) and _NOTICE in source.info.notices
    }
    if not files:
        return list(sources), []
    coverage = Coverage(sources[0].info.height, sources[0].info.width)
    for number in range(len(sources)):
        coverage.add(number, files[number].opacity() if number in files else None)
    lacking = [source.info.name for number, source in files.items() if coverage.lacks(number)]
    if not lacking:
        return list(sources), []
    result = [
        _told(files[number], coverage, number) if number in coverage else source
        for number, source in enumerate(sources)
    ]
    told = [f"{named(lacking)}: transparent places have no data, the other frames' are taken"]
    if coverage.lacking > 0:
        share = max(0.1, 100 * coverage.lacking)
        told.append(f"{share:.1f} % of the picture is transparent in all frames")
    return result, told


def _told(source: FileSource, coverage: Coverage, number: int) -> Source:
    notices = tuple(notice for notice in source.info.notices if notice != _NOTICE)
    info = dataclasses.replace(source.info, notices=notices)
    return dataclasses.replace(source, info=info, coverage=coverage, number=number)
