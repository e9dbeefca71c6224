"""Work side by side on all processors, in threads that stay from call to call.

Threads that stay keep what belongs to a thread, such as an engine's buffers.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Part = TypeVar("Part")


def for_each(work: Callable[[Part], object], parts: Iterable[Part]) -> None:
    """Do `work` on every part; returns when all is done, raises what a part raised.

    After an error, or a signal, parts that were not begun are left out. Not to be called from
    within `work`.
    """
    jobs = [_threads().submit(work, part) for part in parts]
    try:
        for job in jobs:
            job.result()
    except BaseException:
        for job in jobs:
            job.cancel()
        wait(jobs)
        raise


@functools.lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="worker")


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_threads.cache_clear)
