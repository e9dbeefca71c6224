"""Programs run as whole processes: what they used, and an end to those that take too long.

Linux only. Wall time is from start to end; processor time is that of the program and of all
processes it started and waited for; peak memory is the resident memory of the largest of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperfocal.errors import Cancelled, HyperfocalError

_LAUNCH = Path(__file__).with_name("_launch.py")


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it used."""

    exit_code: int  # negative: the signal that ended it
    is_late: bool  # ended by us, for time
    wall_s: float
    cpu_s: float
    peak_bytes: int


class Processes:
    """All processes that are running; `stop` ends them and lets no other start."""

    def __init__(self) -> None:
        if not hasattr(os, "pidfd_open"):
            raise HyperfocalError("bench measures processes as only Linux can; run it there")
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False
        self._guard = threading.Lock()

    def run(self, command: Sequence[str], *, timeout: float, log: Path) -> Finished:
        """Run to the end or to the time-out in s; what the program prints goes into `log`.

        Raises Cancelled after `stop`.
        """
        launcher = self._start(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(timeout), str(log), *command]
        )
        try:
            told, _ = launcher.communicate()
        finally:
            with self._guard:
                self._running.discard(launcher)
        if self._is_stopped:
            raise Cancelled("the comparison was stopped")
        code, is_late, wall, cpu, peak = told.split() or ("-9", "0", "0", "0", "0")
        return Finished(
            int(code), bool(int(is_late)), float(wall), float(cpu), int(float(peak)) * 1024
        )

    def stop(self) -> None:
        """End what runs, with all its descendants; may be called from any thread."""
        with self._guard:
            self._is_stopped = True
            for launcher in self._running:
                launcher.terminate()

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        with self._guard:
            if self._is_stopped:
                raise Cancelled("the comparison was stopped")
            # A session of its own: Ctrl-C reaches us alone, and we end the others.
            launcher = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            self._running.add(launcher)
        return launcher
