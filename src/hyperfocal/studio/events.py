"""What happens, told to every page that is open."""

from __future__ import annotations

import asyncio
from typing import Any

Event = dict[str, Any]
_MOST = 500  # events that a page may be behind; one that reads slower is sent away and comes again


class Events:
    """Subscribers, each with a queue of its own; `tell` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: set[asyncio.Queue[Event | None]] = set()

    def start(self) -> None:
        """Remember the loop that serves; to be called in it."""
        self._loop = asyncio.get_running_loop()

    def tell(self, kind: str, **facts: Any) -> None:
        """Send an event to all pages."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, {"kind": kind, **facts})

    def subscribe(self) -> asyncio.Queue[Event | None]:
        """A queue of what happens from now on; None means that the page was too slow."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Event | None]) -> None:
        self._queues.discard(queue)

    def _put(self, event: Event) -> None:
        for queue in list(self._queues):
            if queue.qsize() > _MOST:
                self._queues.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)
