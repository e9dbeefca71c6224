"""Runs one program and prints what it used; a script of its own, not to be imported.

    python -I -S _launch.py SECONDS LOG PROGRAM ARGUMENT…

prints: exit code (negative: signal), 1 if it was ended for time, wall seconds, processor seconds,
peak memory in KiB. Between the comparison and the program, because Linux counts the memory of the
process that starts a program as the program's until it runs: here that is about 10 MB.
"""

import os
import select
import signal
import sys
import time

_GLANCE = 500  # ms between looks at whether the comparison still lives


def main() -> None:
    seconds, log, *command = sys.argv[1:]
    parent = os.getppid()
    # A wish to stop waits until there is a program to end.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    start = time.perf_counter()
    program = _start(command, log)
    signal.signal(signal.SIGTERM, lambda *_: _end(program))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    is_late = _outlasts(program, start + float(seconds), parent)
    wall = time.perf_counter() - start
    # Also what the program left running; it is not waited for yet, so the number is still its own.
    _end(program)
    _, status, usage = os.wait4(program, 0)
    code = os.waitstatus_to_exitcode(status)
    print(code, int(is_late), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def _start(command: list[str], log: str) -> int:
    program = os.fork()
    if program:
        return program
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _outlasts(program: int, deadline: float, parent: int) -> bool:
    """Wait for the program; whether it still runs at the deadline or when nobody asks any more."""
    watch = select.poll()
    watch.register(os.pidfd_open(program), select.POLLIN)
    while True:
        left = (deadline - time.perf_counter()) * 1000
        if watch.poll(max(0, min(left, _GLANCE))):
            return False
        if left <= 0 or os.getppid() != parent:
            return True


def _end(program: int) -> None:
    # Without contextlib, which costs memory that would be counted.
    try:  # noqa: SIM105
        os.killpg(program, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    main()
