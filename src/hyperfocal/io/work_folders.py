"""Folders for what is being made, which the next run removes where their process was killed.

In each lies `owner`, locked for as long as its process lives. A folder without it that is not empty
was not made here; one from another machine, or whose file cannot be locked, may be alive. All of
these are left alone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import re
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from hyperfocal.io import locks

_PREFIX = "hyperfocal-"
_NAME = re.compile(r"\.?hyperfocal-[a-z0-9_]{8}")
_OWNER = "owner"
_LARGEST = 1 << 20  # bytes of a note
_TRIES = 100


class WorkFolder:
    """A new, empty folder of this process; in the system's temporary one, or hidden in `parent`."""

    def __init__(self, parent: Path | None = None):
        prefix = _PREFIX if parent is None else f".{_PREFIX}"
        owner = None
        try:
            for _ in range(_TRIES):
                self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent or temporary()))
                owner = _owned(self.path)
                if owner is not None:
                    break
            else:
                raise OSError(f"a run that cleans up takes every folder of {self.path.parent}")
            self._drop = weakref.finalize(self, _drop, self.path, owner)
        except BaseException:
            # Ctrl-C too, which may come behind any of these lines.
            if hasattr(self, "path"):
                _drop(self.path, owner)
            raise

    def close(self) -> None:
        """Remove it with all in it."""
        try:
            self._drop()
        except BaseException:
            # What Ctrl-C came into is done again.
            _drop(self.path, None)
            raise


def temporary() -> str:
    """The system's folder for scratch, as `tempfile` finds it, but found without writing there.

    What that tries it with would stay where the process is killed just then.
    """
    if tempfile.tempdir is not None:
        return str(tempfile.tempdir)
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    for place in [*named, *(() if os.name == "nt" else ("/tmp", "/var/tmp"))]:
        if place and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK):
            return os.path.abspath(place)
    return tempfile.gettempdir()


def is_name(name: str) -> bool:
    """Whether a work folder may be called so."""
    return _NAME.fullmatch(name) is not None


def is_own(path: Path, *, is_folder: bool) -> bool:
    """Whether there is a folder, or a file, of this user's, and no link."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_kind = stat.S_ISDIR if is_folder else stat.S_ISREG
    is_mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return is_kind(status.st_mode) and is_mine


def read_note(path: Path) -> dict[str, Any]:
    """What a JSON file in a work folder says; empty for whatever is no such note."""
    try:
        if not is_own(path, is_folder=False) or path.stat().st_size > _LARGEST:
            return {}
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def clean(parent: Path | None = None, *, finish: Callable[[Path], bool] = lambda _: True) -> None:
    """Remove the work folders here whose process has ended, each locked meanwhile.

    `finish` does what is left to do in one, and says whether it may go.
    """
    found: list[Path] = []
    with contextlib.suppress(OSError), os.scandir(parent or temporary()) as entries:
        found = [Path(entry.path) for entry in entries if is_name(entry.name)]
    for folder in found:
        take_over(folder, finish)


def take_over(folder: Path, finish: Callable[[Path], bool]) -> bool:
    """Finish and remove one folder, as `clean` does; whether it is gone."""
    owner = _abandoned_owner(folder)
    if owner is None:
        return not os.path.lexists(folder)
    with owner:
        if not finish(folder):
            return False
        _drop(folder, owner)
    return not os.path.lexists(folder)


def _owned(folder: Path) -> IO[bytes] | None:
    """The folder's locked `owner`; None where a run that cleans up was quicker."""
    path = folder / _OWNER
    try:
        # Without a buffer, which would want to be written again when the disk is full.
        owner = path.open("xb", buffering=0)
    except FileNotFoundError:
        return None
    try:
        locks.hold(owner)
        if not _is_at(owner, path):
            owner.close()
            return None
        note = json.dumps({"hyperfocal": "work", "host": platform.node()}).encode()
        if owner.write(note) != len(note):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except BlockingIOError:
        owner.close()
        return None
    except BaseException:
        owner.close()
        raise
    return owner


def _abandoned_owner(folder: Path) -> IO[bytes] | None:
    """The locked `owner` of a folder whose process has ended; None for any other folder."""
    path = folder / _OWNER
    if not is_own(folder, is_folder=True):
        return None
    if not os.path.lexists(path):
        # Its process was killed before it could say whose it is, or it will take another.
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    if not is_own(path, is_folder=False):
        return None
    try:
        owner = path.open("r+b", buffering=0)
    except OSError:
        return None
    is_abandoned = False
    with contextlib.suppress(OSError):
        is_abandoned = locks.hold(owner) and _is_at(owner, path) and _is_told_here(folder, path)
    if not is_abandoned:
        owner.close()
        return None
    return owner


def _is_told_here(folder: Path, owner: Path) -> bool:
    """Whether `owner` says that the folder is ours, and from this machine."""
    if owner.stat().st_size == 0:
        return os.listdir(folder) == [_OWNER]
    told = read_note(owner)
    return told.get("hyperfocal") == "work" and told.get("host") == platform.node()


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still is the one at this place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except OSError:
        return False


def _drop(folder: Path, owner: IO[bytes] | None) -> None:
    # The owner last: as long as it is there, the folder is known to be ours.
    for entry in _entries(folder):
        if entry.name != _OWNER:
            _remove(entry)
    if os.name == "nt" and owner is not None:
        owner.close()
    # A thread that is just being stopped may still put something there.
    for wait_s in (0.0, 0.02, 0.05, 0.1, 0.2):
        time.sleep(wait_s)
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            break
    if owner is not None:
        owner.close()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> None:
    if is_own(path, is_folder=True):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
