"""What happened to a stack, in two lines for people; `report` holds the same as numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Report = Mapping[str, Any]

_MOVED = 0.05  # px; less is not seen
_LIT = 0.01  # of the brightness
_LEFT_OUT = re.compile(r"(?:,? and|;) left out(?=$|: )")
_FILES = {
    "depth": "depth",
    "decision_map": "decision map",
    "maps": "maps",
    "transforms": "transforms",
    "recipe": "recipe",
}


def account(report: Report, *, seconds: float | None = None) -> tuple[str, str]:
    """What was read and what was done to it; what was made of it, where it is and how long it took.

    `seconds` is the time to tell; the default are those of the report.
    """
    spent = sum(report["seconds"].values()) if seconds is None else seconds
    made = ", ".join([_picture(report), *_others(report["outputs"])])
    return _read(report), f"{made}; {report['method']}, {spent:.1f} s"


def is_left_out(notice: str) -> bool:
    """Whether a notice tells of a frame or file that is not in the picture, as `account` does."""
    return bool(_LEFT_OUT.search(notice)) or "left aside" in notice


def _read(report: Report) -> str:
    """`9 frames of 1280×825; moved by up to 0.4 px, cropped to 1277×822`."""
    aside = [_why(notice) for notice in report["notices"] if is_left_out(notice)]
    size = f"{report['frame_width']}×{report['frame_height']}"
    fused = len(report["frames"]) - len(report["alignment"]["left_out"])
    told = [f"{fused} frames of {size}"]
    if aside:
        told.append(f"not in it: {', '.join(aside)}")
    return "; ".join([*told, _done(report)])


def _why(notice: str) -> str:
    return _LEFT_OUT.sub("", notice)


def _done(report: Report) -> str:
    """What alignment and exposure did."""
    done = [_moved(report)]
    size, fused = (
        (report["frame_width"], report["frame_height"]),
        (report["width"], report["height"]),
    )
    if size != fused:
        done.append(f"cropped to {fused[0]}×{fused[1]}")
    light = max((_light(frame) for frame in report["alignment"]["frames"]), default=0.0)
    if light > _LIT:
        done.append(f"brightness evened out by up to {100 * light:.0f} %")
    return ", ".join(done)


def _moved(report: Report) -> str:
    frames = [f for f in report["alignment"]["frames"] if f["status"] != "misaligned"]
    furthest = max((math.hypot(*frame["shift_px"]) for frame in frames), default=0.0)
    scale = max((abs(frame["scale"] - 1) for frame in frames), default=0.0)
    # At the border a change of scale moves more than the shift of the centre.
    edge = scale * max(report["frame_width"], report["frame_height"]) / 2
    if furthest > _MOVED or edge > _MOVED:
        turned = max((abs(frame["rotation_deg"]) for frame in frames), default=0.0)
        more = [f"scale {100 * scale:.2g} %"] * (edge > 1) + [f"{turned:.2g}°"] * (turned > 0.1)
        return ", ".join([f"moved back by up to {max(furthest, 0.1):.1f} px", *more])
    return "not aligned" if report["alignment"]["by"] == "none" else "nothing moved"


def _light(frame: Mapping[str, Any]) -> float:
    return max((abs(gain - 1) for gain in frame["gain"] or ()), default=0.0)


def _picture(report: Report) -> str:
    size = f"{report['width']}×{report['height']}"
    slabs = report["outputs"].get("slabs", [])
    told = [f"{len(slabs)} slabs from {slabs[0]}"] if slabs else []
    path = report["outputs"].get("picture")
    return ", ".join([*([f"{path}, {size}"] if path else [] if told else [size]), *told])


def _others(outputs: Mapping[str, Any]) -> list[str]:
    return [f"{told} {Path(outputs[name])}" for name, told in _FILES.items() if name in outputs]
