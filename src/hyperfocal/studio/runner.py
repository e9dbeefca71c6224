"""One task at a time, in a child process: cancelling is certain, and a crash spares the studio.

What the user waits for goes before what is queued.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Facts = dict[str, Any]
_PAST = 50  # tasks that are done and can still be asked for
_PATIENCE_S = 3.0  # between asking a child to end and ending it


@dataclass
class Task:
    """Something to be done, and how far it is."""

    number: int
    kind: str
    title: str
    facts: Facts
    on_done: Callable[[Facts, float], Facts | None]
    on_end: Callable[[Task], None]
    stack: str = ""
    state: str = "waiting"  # running, done, failed, cancelled
    stage: str = ""
    index: int = 0
    count: int = 0
    line: str = ""  # why it failed
    trace: str = ""  # where that is our bug
    outcome: Facts = field(default_factory=dict)
    began: float = 0.0

    def told(self) -> Facts:
        """As a page shows it."""
        names = ("number", "kind", "title", "stack", "state", "stage", "index", "count")
        more = {"line": self.line, "trace": self.trace, "outcome": self.outcome}
        seconds = time.monotonic() - self.began if self.state == "running" else 0.0
        return {name: getattr(self, name) for name in names} | more | {"seconds": seconds}


class Runner:
    """A thread that works off tasks, first those that somebody waits for."""

    def __init__(self, scratch: Path, tell: Callable[..., None], environment: Facts | None = None):
        self._scratch, self._tell = scratch, tell
        self._environment = {**os.environ, **(environment or {})}
        self._waiting: list[Task] = []
        self._running: Task | None = None
        self._process: subprocess.Popen[str] | None = None
        self._number = 0
        self._past: deque[Task] = deque(maxlen=_PAST)
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def add(
        self,
        kind: str,
        title: str,
        facts: Facts,
        *,
        stack: str = "",
        on_done: Callable[[Facts, float], Facts | None] = lambda done, seconds: done,
        on_end: Callable[[Task], None] = lambda task: None,
    ) -> Task:
        """A new task, behind those of its kind."""
        with self._changed:
            self._number += 1
            task = Task(self._number, kind, title, facts, on_done, on_end, stack)
            self._waiting.append(task)
            self._changed.notify_all()
        self._tell("task", task=task.told())
        return task

    def tasks(self) -> list[Facts]:
        """What runs, then what waits; queued stacks are told by their queue."""
        with self._changed:
            running = [] if self._running is None else [self._running]
            return [task.told() for task in [*running, *self._waiting] if task.kind != "queue"] + [
                task.told() for task in running if task.kind == "queue"
            ]

    def task(self, number: int) -> Facts | None:
        """A task of that number, whatever became of it; None where it is unknown or long ago."""
        with self._changed:
            running = [] if self._running is None else [self._running]
            known = [*self._past, *running, *self._waiting]
            return next((task.told() for task in known if task.number == number), None)

    def cancel(self, number: int) -> bool:
        """Stop a task, or forget one that waits; False where there is none of that number."""
        with self._changed:
            for task in self._waiting:
                if task.number == number:
                    self._waiting.remove(task)
                    task.state = "cancelled"
                    break
            else:
                task = self._running  # type: ignore[assignment]
                if task is None or task.number != number:
                    return False
                task.state = "cancelled"
                self._end_child()
                return True
        self._ended(task)
        return True

    def close(self) -> None:
        """Stop what runs; what waits is forgotten."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            if self._running is not None:
                self._running.state = "cancelled"
                self._end_child()
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                # Queued stacks wait for what somebody looks forward to.
                task = min(self._waiting, key=lambda each: (each.kind == "queue", each.number))
                self._waiting.remove(task)
                self._running, task.state = task, "running"
            task.began = time.monotonic()
            self._tell("task", task=task.told())
            try:
                self._run(task)
            except Exception as error:  # the thread must live on
                task.state = "failed"
                task.line = f"unexpected {type(error).__name__}: {error}; please report it"
            with self._changed:
                self._running = self._process = None
            self._ended(task)

    def _ended(self, task: Task) -> None:
        with contextlib.suppress(Exception):
            task.on_end(task)
        self._past.append(task)
        self._tell("task", task=task.told())

    def _run(self, task: Task) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="task-", dir=self._scratch))
        if "out" in task.facts and task.kind != "queue":
            Path(task.facts["out"]).mkdir(parents=True, exist_ok=True)
        try:
            done = self._answer(task, scratch)
            if done is not None and task.state != "cancelled":
                outcome = task.on_done(done, time.monotonic() - task.began)
                task.outcome = outcome or {}
                task.state = "done"
        except (OSError, ValueError) as error:
            task.state, task.line = "failed", f"the result cannot be kept ({error}); free space"
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if task.state != "done" and "out" in task.facts and task.kind != "queue":
                shutil.rmtree(task.facts["out"], ignore_errors=True)

    def _answer(self, task: Task, scratch: Path) -> Facts | None:
        """What the child process says at its end; None where there is nothing to keep."""
        environment = {**self._environment, "TMPDIR": str(scratch)}
        with (
            (scratch / "stderr").open("w+b") as said,
            subprocess.Popen(
                [sys.executable, "-m", "hyperfocal.studio.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                env=environment,
                # Ctrl-C is for the studio, which then ends its child.
                start_new_session=True,
            ) as process,
        ):
            with self._changed:
                self._process = process
                if task.state == "cancelled":
                    self._end_child()
            assert process.stdin is not None
            assert process.stdout is not None
            done: Facts | None = None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps({**task.facts, "kind": task.kind}) + "\n")
                process.stdin.flush()
            for text in process.stdout:
                done = self._heard(task, json.loads(text)) or done
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            code = process.wait()
            if task.state == "cancelled" or done is not None or task.line:
                return done
            task.state = "failed"
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            task.line = _why(code, last[0] if last else "")
        return None

    def _heard(self, task: Task, line: Facts) -> Facts | None:
        if "step" in line:
            task.stage, task.index, task.count = line["step"]
            if task.state == "running":
                self._tell("task", task=task.told())
        elif "error" in line and task.state != "cancelled":
            task.state, task.line = "failed", line["error"]
            task.trace = line.get("trace", "")
        return line.get("done")

    def _end_child(self) -> None:
        """Ask the child to end, and end it where it does not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()

        def end() -> None:
            if process.poll() is None:
                process.kill()

        timer = threading.Timer(_PATIENCE_S, end)
        timer.daemon = True
        timer.start()


def _why(code: int, said: str) -> str:
    """A line on a child that ended without a word."""
    if code == -signal.SIGKILL:
        return (
            "the system ended the work, most likely for want of memory; close other programs, or "
            "give it less (memory in the recipe). Nothing else was lost"
        )
    return f"the work ended unexpectedly ({said or f'code {code}'}); please report it"
