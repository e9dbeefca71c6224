"""How the process ends: at signals from the first moment on, and with streams that do not write.

Nothing heavy is loaded here, so that this is in place before anything that takes long.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

_PATIENCE_S = 2.0  # after which a second signal ends what the first one left


class Signals:
    """Ctrl-C and SIGTERM: before the work they end the process, during it they stop the work."""

    def __init__(self) -> None:
        self.came: int | None = None
        self.kept = "nothing was written"
        self._since = 0.0
        self._is_working = False
        self._has_ended = False
        self._before: dict[int, Any] = {}
        self._hook = sys.unraisablehook

    def meet(self) -> None:
        """From now on they are answered."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._answer)
        sys.unraisablehook = self._lost(self._hook)

    def work(self, kept: str | None) -> None:
        """From now on there may be something to clean up; `kept` is what a stop leaves."""
        self.kept = kept or self.kept
        self._is_working = True

    def close(self, *, for_good: bool) -> None:
        """From now on nothing is left to be stopped; `for_good`, the process only has to end."""
        self._has_ended = True
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_IGN if for_good else before)
        sys.unraisablehook = self._hook

    def tell(self) -> str:
        """The line that says what a stop leaves; the work has ended."""
        self._has_ended = True
        return self.told

    @property
    def told(self) -> str:
        return f"hyperfocal: stopped; {self.kept}\n"

    def _answer(self, number: int, _: Any) -> None:
        if not self._is_working:
            self._end(number)
        if self.came is None:
            self.came, self._since = number, time.monotonic()
            raise KeyboardInterrupt
        # What was begun is being cleaned up; who insists need not wait for that.
        if time.monotonic() - self._since > _PATIENCE_S:
            self._end(self.came)

    def _end(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.write(2, self.told.encode())
        os._exit(128 + number)

    def _lost(self, before: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Where Python must swallow an error, the stop is not told there but tried again."""

        def hook(told: Any) -> None:
            if self.came is None or not issubclass(told.exc_type, KeyboardInterrupt):
                before(told)
            elif hasattr(signal, "setitimer"):
                signal.signal(signal.SIGALRM, self._again)
                signal.setitimer(signal.ITIMER_REAL, 0.05)

        return hook

    def _again(self, *_: Any) -> None:
        if not self._has_ended:
            raise KeyboardInterrupt


class Lenient(io.TextIOWrapper):
    """A standard stream; what it cannot write is lost, and work goes on."""

    failure: OSError | None = None

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.failure = self.failure or error
        # What waits in the buffer must go somewhere, or it fails again at the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)

    @property
    def is_lost(self) -> bool:
        """Whether something was not written that somebody waits for."""
        return self.failure is not None and self.failure.errno != errno.EPIPE


def mend_streams() -> None:
    """Have standard streams that can be written to, whatever the process was started with."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file to be opened would get its number, and what libraries print.
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif type(stream) is io.TextIOWrapper and _number(stream) == number:
            lenient = Lenient(
                stream.buffer,
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, lenient)


def flush_streams() -> str | None:
    """Write what waits; why standard output could not be written, where it could not."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    out = sys.stdout
    lost = isinstance(out, Lenient) and out.is_lost
    return str(out.failure) if lost and isinstance(out, Lenient) else None


def _number(stream: io.TextIOWrapper) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return -1
