"""Folders watched as frames arrive, by looking again and again.

A frame counts once its size has stayed the same; a stack is complete when none of its frames has
changed for a while. A frame that comes later makes the stack anew.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hyperfocal.batch.folders import find_folders
from hyperfocal.batch.groups import Arrivals, MetadataCache, stamp
from hyperfocal.batch.plan import Job, make_plan
from hyperfocal.batch.runs import Outcome, Work
from hyperfocal.errors import StackError
from hyperfocal.options import option
from hyperfocal.progress import OnStep, silent


@dataclass(frozen=True)
class WatchOptions:
    """When to look, and when a stack is complete."""

    quiet: float = option(
        30.0, "a stack is complete after so long without a new frame", unit="s", low=0
    )
    interval: float = option(2.0, "pause between looks", unit="s", low=0.05)


class Watcher:
    """Looks at a folder and fuses the stacks that have become complete.

    `clock` tells the seconds since 1970, and is only asked how old files are that were there at the
    first look. What is waited for is measured by `steady`, which nobody sets.
    """

    def __init__(
        self,
        root: Path,
        work: Work,
        options: WatchOptions,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ):
        self._root, self._work, self._options = root, work, options
        self._clock, self._steady = clock, steady
        self._last_look: float | None = None  # by `steady`
        self._came: dict[Path, float] = {}  # when each file was first seen to be written
        # Who says how long a stack takes to be complete says what a pause between stacks is.
        self._album = MetadataCache(Arrivals(self._came, options.quiet))
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}  # stamp, and since when
        self._told: dict[str, str] = {}  # key of the stack when a row was made of it

    def look(self, on_step: OnStep = silent) -> Iterator[Outcome]:
        """A row for every stack that has become complete since the last look."""
        now = self._steady()
        self._note(now)
        for job in self._jobs():
            if self._is_complete(job, now):
                key = self._work.key(job)
                # Not again while its frames stay as they are, also where it failed.
                if self._told.get(job.name) != key:
                    self._told[job.name] = key
                    yield self._work.run(job, on_step)

    def rows(self, *, once: bool, on_step: OnStep = silent) -> Iterator[Outcome]:
        """Rows as stacks are done, for ever; with `once`, of what is complete now."""
        if once:
            # Two looks tell whether a file is still growing.
            self._note(self._steady())
            time.sleep(min(self._options.interval, 1.0))
            yield from self.look(on_step)
            return
        while True:
            yield from self.look(on_step)
            time.sleep(self._options.interval)

    def _jobs(self) -> tuple[Job, ...]:
        if not self._seen:
            return ()
        out, options = self._work.ledger.out, self._work.options
        try:
            return make_plan(self._root, out, options, album=self._album).jobs
        except StackError:
            # All frames were taken away since they were seen; they may come back.
            return ()

    def _note(self, now: float) -> None:
        """Remember since when each file has been as it is."""
        folders, _ = find_folders(self._root, exclude=self._work.ledger.out)
        # What was not there at the last look cannot be older, whatever clocks say.
        oldest = math.inf if self._last_look is None else now - self._last_look
        clock, self._last_look = self._clock(), now
        seen = {}
        for path in (path for folder in folders for path in folder.files):
            is_new, current = path not in self._seen, stamp(path)
            before, since = self._seen.get(path, (current, now - min(oldest, _age(path, clock))))
            seen[path] = (current, since if is_new or before == current else now)
            self._came.setdefault(path, current[1] / 1e9)
        self._seen = seen

    def _is_complete(self, job: Job, now: float) -> bool:
        """Whether nothing of the stack has changed for long enough, and all of it was seen."""
        for path in job.frames:
            known, since = self._seen.get(path, ((-1, -1), now))
            if stamp(path) != known or now - since < self._options.quiet:
                return False
        return True


def _age(path: Path, clock: float) -> float:
    """Seconds since a file was last written, copied or moved here; 0 where that cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return 0.0
    # A copy keeps the time of its content, but not that of its place.
    return max(0.0, clock - max(status.st_mtime, status.st_ctime))
