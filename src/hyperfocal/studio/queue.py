"""Stacks that wait to be fused, as `batch` does it; the list outlives the studio.

One stack after the other is handed to the runner, so that the order can be changed and the queue
paused between two. Each result is noted in the ledger of its folder: what was made is not made
again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hyperfocal import OptionError, Recipe
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import Job
from hyperfocal.io import outputs
from hyperfocal.options import build
from hyperfocal.studio.runner import Runner, Task

Facts = dict[str, Any]
_VERSION = 1
_OPEN = ("waiting", "running")


class Queue:
    """Rows in their order; `state` is where they are kept."""

    def __init__(self, state: Path, runner: Runner, tell: Callable[..., None]):
        self.trouble: list[str] = []
        self._state, self._runner, self._tell = state, runner, tell
        self._lock = threading.RLock()
        self._is_closed = False
        self._task: int | None = None
        self._rows, self.is_paused = self._read()
        self._next()

    def told(self) -> Facts:
        """As the page shows it."""
        with self._lock:
            rows = [{**row, "frames": len(row["frames"])} for row in self._rows]
            return {"rows": rows, "is_paused": self.is_paused, "notices": self.trouble}

    def add(
        self, jobs: Sequence[Job], out: Path, options: Facts, recipe: Facts, *, overwrite: bool
    ) -> None:
        """Queue stacks; raises OptionError for options that no stack could be made with."""
        build(BatchOptions, options).require_sound()
        _ = build(Recipe, recipe, called="a recipe").cutter
        with self._lock:
            number = max([row["number"] for row in self._rows], default=0)
            for job in jobs:
                number += 1
                row = {
                    "number": number,
                    "name": job.name,
                    "reason": job.reason,
                    "frames": [str(path) for path in job.frames],
                    "out": str(out),
                    "options": options,
                    "recipe": recipe,
                    "overwrite": overwrite,
                    "status": "waiting",
                    "line": "",
                    "outputs": [],
                    "notices": [],
                    "seconds": None,
                }
                self._rows.append(row)
            self._changed()
        self._next()

    def change(self, number: int, what: str) -> None:
        """`remove`, `retry`, `first` or `stop` a row; raises OptionError."""
        with self._lock:
            row = next((row for row in self._rows if row["number"] == number), None)
            if row is None:
                raise OptionError("this row is not in the queue any more")
            is_running = row["status"] == "running"
            if what in ("remove", "stop") and is_running and self._task is not None:
                row["is_removed"] = what == "remove"
                task = self._task
            else:
                task = None
                if what == "remove":
                    self._rows.remove(row)
                elif what == "retry" and not is_running:
                    row |= {"status": "waiting", "line": ""}
                elif what == "first" and not is_running:
                    self._rows.remove(row)
                    place = sum(each["status"] not in ("waiting",) for each in self._rows)
                    self._rows.insert(place, row)
                self._changed()
        if task is not None:
            self._runner.cancel(task)
        self._next()

    def clear(self) -> None:
        """Forget all rows that are done; their pictures stay."""
        with self._lock:
            self._rows = [row for row in self._rows if row["status"] in _OPEN]
            self._changed()

    def pause(self, is_paused: bool) -> None:
        """Begin no other stack, or go on."""
        with self._lock:
            self.is_paused = is_paused
            self._changed()
        self._next()

    def close(self) -> None:
        """What runs will wait the next time."""
        self._is_closed = True

    def _next(self) -> None:
        """Hand the first that waits to the runner, where none is there."""
        with self._lock:
            if self._is_closed or self.is_paused or self._task is not None:
                return
            row = next((row for row in self._rows if row["status"] == "waiting"), None)
            if row is None:
                return
            row["status"] = "running"
            self._task = -1
            self._changed()
        names = ("name", "reason", "frames", "out", "options", "recipe", "overwrite")
        task = self._runner.add(
            "queue",
            row["name"],
            {name: row[name] for name in names},
            on_end=lambda task: self._ended(row, task),
        )
        with self._lock:
            if self._task == -1:
                self._task = task.number

    def _ended(self, row: Facts, task: Task) -> None:
        with self._lock:
            self._task = None
            if self._is_closed:
                return  # it stays running in the list, and so begins anew the next time
            if task.state == "done":
                made = task.outcome
                row |= {
                    "status": made["status"],
                    "line": made["failure"],
                    "outputs": list(made["outputs"]),
                    "notices": list(made["notices"]),
                    "seconds": made["seconds"],
                }
            elif task.state == "cancelled":
                row |= {"status": "stopped", "line": "stopped by you; nothing was written"}
            else:
                row |= {"status": "failed", "line": task.line}
            if row.pop("is_removed", False):
                self._rows.remove(row)
            self._changed()
        self._next()

    def _changed(self) -> None:
        """Keep the list, and tell the pages; to be called with the lock."""
        held = {
            "hyperfocal": "queue",
            "version": _VERSION,
            "is_paused": self.is_paused,
            "rows": self._rows,
        }
        outputs.write_text(self._state, json.dumps(held, indent=1))
        self._tell("queue", queue=self.told())

    def _read(self) -> tuple[list[Facts], bool]:
        if not self._state.exists():
            return [], False
        try:
            held = json.loads(self._state.read_text("utf-8"))
            if held["hyperfocal"] != "queue" or held["version"] > _VERSION:
                raise ValueError
            rows = [row for row in held["rows"] if isinstance(row["frames"], list)]
            for row in rows:
                row["status"] = "waiting" if row["status"] in _OPEN else row["status"]
            return rows, bool(held["is_paused"])
        except (OSError, ValueError, KeyError, TypeError):
            aside = self._state.with_name("queue.before.json")
            self._state.replace(aside)
            told = f"the queue of last time cannot be read; it is kept as {aside.name}"
            self.trouble.append(told)
            return [], False
