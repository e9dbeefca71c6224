"""The report of a batch: a row for every stack as CSV, and all that is known as JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

from hyperfocal.batch.runs import Outcome
from hyperfocal.io import outputs
from hyperfocal.version import VERSION

_COLUMNS = (
    "stack", "status", "frames", "first", "last", "outputs", "left_out", "order", "width", "height",
    "seconds", "notices", "failure",
)  # fmt: skip


def write(out: Path, rows: Sequence[Outcome], notices: Sequence[str]) -> None:
    """Write `batch.csv` and `batch.json` into a folder, each whole or not at all."""
    counts = {
        status: sum(row.status == status for row in rows)
        for status in ("made", "kept", "skipped", "failed", "waiting")
    }
    told = {
        "hyperfocal": VERSION,
        "counts": counts,
        "notices": list(notices),
        "stacks": [dataclasses.asdict(row) for row in rows],
    }
    outputs.write_text(out / "batch.csv", readable(to_csv(rows)))
    outputs.write_text(out / "batch.json", json.dumps(told, indent=1))


def to_csv(rows: Sequence[Outcome]) -> str:
    """One line a stack; several names or notices in one field are separated by ` | `."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = dataclasses.asdict(row)
        values.pop("trace")
        values |= {name: " | ".join(values[name]) for name in ("outputs", "left_out", "notices")}
        ends = (row.frames[0], row.frames[-1]) if row.frames else ("", "")
        values |= {"frames": len(row.frames), "first": ends[0], "last": ends[1]}
        writer.writerow(values)
    return text.getvalue()


def line(row: Outcome) -> str:
    """`made IMG_0001: 12 frames, 3.4 s, IMG_0001.tif`, or why not."""
    if row.failure:
        return readable(f"failed {row.stack}: {row.failure}")
    seconds = f", {row.seconds:.1f} s" if row.seconds is not None and row.status == "made" else ""
    what = f"{counted(len(row.frames))}{seconds}"
    where = ", ".join(row.outputs) or "; ".join(row.notices)
    return readable(f"{row.status} {row.stack}: {what}, {where}")


def counted(frames: int) -> str:
    """`1 frame`, `2 frames`."""
    return f"{frames} frame{'s' * (frames != 1)}"


def readable(text: str) -> str:
    """The text with what is no UTF-8 in file names written out, so that it can be printed."""
    return text.encode("utf-8", "backslashreplace").decode()
