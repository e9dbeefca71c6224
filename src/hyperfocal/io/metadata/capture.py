"""What the camera wrote about the moment and the exposure: EXIF tags as numbers.

And what made the picture: a program, or the camera out of several exposures.
CIPA DC-008 (EXIF 2.32), tables 4 and 8; SubSecTimeOriginal and OffsetTimeOriginal where they are.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from datetime import datetime

from hyperfocal.io.containers import tiff_directories as directories

_MODEL, _SOFTWARE, _DATE, _COMPOSITE = 272, 305, 306, 42080
_COMPOSITES = (2, 3)  # made of several pictures, afterwards or while they were taken
_EXPOSURE, _APERTURE, _ISO, _ORIGINAL, _SUBSECONDS = 33434, 33437, 34855, 36867, 37521
_FOCAL, _EXIF, _DISTANCE = 37386, 34665, 37382
_ENDLESS = 0xFFFFFFFF  # as numerator of a distance


@dataclass(frozen=True)
class CaptureInfo:
    """None where the block does not tell."""

    time_s: float | None = None  # since 1970 by the camera's own clock, which knows no zone
    exposure_s: float | None = None
    f_number: float | None = None
    iso: float | None = None
    focal_mm: float | None = None
    camera: str | None = None
    distance_m: float | None = None  # to the subject; inf where it is endless
    software: str | None = None
    is_composite: bool = False  # as EXIF says

    @property
    def is_own(self) -> bool:
        """Whether this program has made the picture."""
        return (self.software or "").startswith("hyperfocal")


UNKNOWN = CaptureInfo()


def capture_info(exif: bytes | None) -> CaptureInfo:
    """The facts of a TIFF-structured EXIF block; all None for one that cannot be read."""
    if not exif:
        return UNKNOWN
    try:
        layout, offset = directories.layout_of(exif)
        first = directories.read(io.BytesIO(exif), offset, layout)
    except (struct.error, ValueError, OverflowError):
        return UNKNOWN
    entry = first.entries.get(_EXIF)
    below = entry.child.entries if entry is not None and entry.child is not None else {}
    entries, order = {**first.entries, **below}, layout.order
    return CaptureInfo(
        time_s=_time(_text(entries.get(_ORIGINAL) or entries.get(_DATE)), entries, below),
        exposure_s=_number(entries.get(_EXPOSURE), order),
        f_number=_number(entries.get(_APERTURE), order),
        iso=_number(entries.get(_ISO), order),
        focal_mm=_number(entries.get(_FOCAL), order),
        camera=_text(entries.get(_MODEL)) or None,
        distance_m=_distance(entries.get(_DISTANCE), order),
        software=_text(first.entries.get(_SOFTWARE)) or None,
        is_composite=_number(entries.get(_COMPOSITE), order) in _COMPOSITES,
    )


def _distance(entry: directories.Entry | None, order: str) -> float | None:
    if entry is None or entry.kind != 5 or entry.length < 1:
        return None
    upper, lower = struct.unpack_from(order + "II", entry.value)
    if upper == _ENDLESS:
        return float("inf")
    # 0 stands for unknown.
    return upper / lower if upper and lower else None


def _time(
    text: str, entries: dict[int, directories.Entry], below: dict[int, directories.Entry]
) -> float | None:
    match = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)", text)
    if match is None:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:  # 0000:00:00, as cameras with an unset clock write
        return None
    since = (moment - datetime(1970, 1, 1)).total_seconds()
    digits = _text(entries.get(_SUBSECONDS)) if _ORIGINAL in below else ""
    return since + (float(f"0.{digits}") if digits.isdecimal() else 0.0)


def _text(entry: directories.Entry | None) -> str:
    if entry is None or entry.kind != 2:
        return ""
    return entry.value.split(b"\0")[0].decode("ascii", "replace").strip()


def _number(entry: directories.Entry | None, order: str) -> float | None:
    """The first value of a SHORT, LONG or RATIONAL; None for other kinds and for x/0."""
    if entry is None or entry.length < 1:
        return None
    if entry.kind in (5, 10):
        form = "II" if entry.kind == 5 else "ii"
        upper, lower = struct.unpack_from(order + form, entry.value)
        return upper / lower if lower else None
    form = {3: "H", 4: "I"}.get(entry.kind, "")
    return float(struct.unpack_from(order + form, entry.value)[0]) if form else None
