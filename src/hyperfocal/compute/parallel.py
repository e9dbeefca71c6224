"""Work side by side on all processors, in threads that stay from call to call.

Threads that stay keep what belongs to a thread, such as an engine's buffers. None of them keeps
the process from ending, whenever a signal comes.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, TypeVar

from hyperfocal.compute import machine

Part = TypeVar("Part")
_LAST_S = 5.0  # how long the end of the process waits for a part that is being done


def for_each(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Do `work` on every part; returns when all is done, raises what a part raised.

    After an error, or a signal, parts that were not begun are left out. Not to be called from
    within `work`.
    """
    given = list(parts)
    # Handing a part over takes longer than doing a small one.
    threads = _threads() if len(given) > 1 else None
    if threads is None or not threads.count:
        for part in given:
            work(part)
        return
    jobs = [threads.submit(work, part) for part in given]
    try:
        for job in jobs:
            job.result()
    except BaseException:
        for job in jobs:
            job.cancel()
        wait(jobs)
        raise


class _Threads:
    """As many threads as there are processors, or as the system lets start."""

    def __init__(self, count: int):
        self._jobs: SimpleQueue[tuple[Future[None], Callable[[Any], object], Any] | None]
        self._jobs = SimpleQueue()
        self._started: list[threading.Thread] = []
        for number in range(count):
            # Not one of those that Python waits for at its end: a signal that comes while it starts
            # would leave it waiting for work for ever.
            thread = threading.Thread(target=self._run, name=f"worker-{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                break  # no room for another stack, or too many processes
            self._started.append(thread)

    @property
    def count(self) -> int:
        return len(self._started)

    def submit(self, work: Callable[[Part], object], part: Part) -> Future[None]:
        job: Future[None] = Future()
        self._jobs.put((job, work, part))
        return job

    def end(self) -> None:
        """Let threads end with the part at hand, so that none is in a library when that unloads."""
        for _ in self._started:
            self._jobs.put(None)
        for thread in self._started:
            thread.join(_LAST_S)

    def _run(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, work, part = given
            if job.set_running_or_notify_cancel():
                try:
                    work(part)
                except BaseException as error:
                    job.set_exception(error)
                else:
                    job.set_result(None)
            del given, job, work, part


@functools.lru_cache(maxsize=1)
def _threads() -> _Threads:
    threads = _Threads(machine.processor_count())
    atexit.register(threads.end)
    return threads


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_threads.cache_clear)
