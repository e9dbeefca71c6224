"""Locks on open files. The system lets go of them when the process ends, however it does."""

from __future__ import annotations

import contextlib
import importlib
from typing import IO, Any


def hold(file: IO[Any]) -> bool:
    """Lock an open file; whether there are such locks here. BlockingIOError: another has it."""
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            # Some network file systems have none.
            return False
        return True
    with contextlib.suppress(ImportError):
        # By its name, because type checkers know it on Windows alone.
        windows = importlib.import_module("msvcrt")
        # The first byte, which need not be there; from where the file stands.
        file.seek(0)
        try:
            windows.locking(file.fileno(), windows.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
        return True
    return False
