"""The report of a batch: a row for every stack as CSV, and all that is known as JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from hyperfocal.batch.runs import Outcome
from hyperfocal.errors import FormatError
from hyperfocal.escapes import cell, printable
from hyperfocal.io import outputs
from hyperfocal.version import VERSION

_COLUMNS = (
    "stack", "status", "frames", "first", "last", "outputs", "left_out", "order", "width", "height",
    "seconds", "notices", "failure",
)  # fmt: skip


_BEGINNINGS = {"batch.csv": b"stack,status,frames,", "batch.json": b'{\n "hyperfocal": '}


def require_own(out: Path, *, overwrite: bool) -> None:
    """Raise FormatError where something else stands at a report's place, before any work."""
    for name, beginning in _BEGINNINGS.items():
        path = out / name
        if overwrite or not os.path.lexists(path):
            continue
        if path.is_symlink() or not path.is_file() or not _start(path).startswith(beginning):
            raise FormatError(
                f"{path} is not a report that hyperfocal wrote; move it away, choose another "
                "folder or allow it with --overwrite"
            )


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError:
        return b""


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
    outputs.write_text(out / "batch.csv", to_csv(rows))
    outputs.write_text(out / "batch.json", json.dumps(told, indent=1))


def to_csv(rows: Sequence[Outcome]) -> str:
    """One line a stack; several names or notices in one field are separated by ` | `.

    No field is a formula to a spreadsheet, and none holds a control character.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = dataclasses.asdict(row)
        values.pop("trace")
        values |= {name: " | ".join(values[name]) for name in ("outputs", "left_out", "notices")}
        ends = (row.frames[0], row.frames[-1]) if row.frames else ("", "")
        values |= {"frames": len(row.frames), "first": ends[0], "last": ends[1]}
        writer.writerow(
            {name: cell(each) if isinstance(each, str) else each for name, each in values.items()}
        )
    return text.getvalue()


def line(row: Outcome) -> str:
    """`made IMG_0001: 12 frames, 3.4 s, IMG_0001.tif`, or why not."""
    if row.failure:
        return printable(f"failed {row.stack}: {row.failure}")
    seconds = f", {row.seconds:.1f} s" if row.seconds is not None and row.status == "made" else ""
    what = f"{counted(len(row.frames))}{seconds}"
    where = ", ".join(row.outputs) or "; ".join(row.notices)
    return printable(f"{row.status} {row.stack}: {what}, {where}")


def counted(frames: int) -> str:
    """`1 frame`, `2 frames`."""
    return f"{frames} frame{'s' * (frames != 1)}"
