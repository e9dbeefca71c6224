"""Folders that hold frames, found with all below; links are followed, but none twice."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from hyperfocal.errors import StackError
from hyperfocal.io import formats
from hyperfocal.stack.fitting import named
from hyperfocal.stack.opening import listed
from hyperfocal.stack.stack import natural_key


@dataclass(frozen=True)
class Folder:
    """A folder with pictures in natural order; `name` is its path from where the search began."""

    path: Path
    name: str  # "" for where the search began
    files: tuple[Path, ...]
    failure: str = ""  # why it could not be read


def find_folders(root: Path, *, exclude: Path) -> tuple[list[Folder], list[str]]:
    """The folders with pictures in and below `root`, and lines on links and files left out.

    `exclude` is left out with all in it. Raises StackError where `root` is no readable folder.
    """
    require_root(root, exclude=exclude)
    seen = {os.path.realpath(exclude)}
    found: list[Folder] = []
    notices: list[str] = []
    aside: list[str] = []
    waiting: deque[tuple[Path, str]] = deque([(root, "")])
    # Links last, so that a folder is known by its own place and not by a link to it.
    links: deque[tuple[Path, str]] = deque()
    while waiting or links:
        path, name = (waiting or links).popleft()
        real = os.path.realpath(path)
        if real in seen:
            if path.is_symlink():
                notices.append(f"link {path} leads to a folder that is done anyway; left out")
            continue
        seen.add(real)
        try:
            files, others = listed(path, set())
            below = _below(path, name)
        except OSError as error:
            if path == root:
                raise StackError(
                    f"{root} cannot be read ({error.strerror}); choose another"
                ) from error
            found.append(Folder(path, name, (), f"{path} cannot be read: {error.strerror}"))
            continue
        aside += [f"{name}/{each}" if name else each for each in others]
        if files:
            found.append(Folder(path, name, tuple(files)))
        for each in below:
            (links if each[0].is_symlink() else waiting).append(each)
    if aside:
        count = "1 file is" if len(aside) == 1 else f"{len(aside)} files are"
        notices.append(f"{count} left aside, as no frames: {named(aside)}")
    return sorted(found, key=lambda folder: natural_key(folder.name)), notices


def require_root(root: Path, *, exclude: Path) -> None:
    """Raise StackError where there is no folder to search, or it is that of the results."""
    try:
        is_folder, is_there = root.is_dir(), root.exists()
    except OSError as error:
        raise StackError(f"{root} cannot be read ({error.strerror}); choose another") from error
    if not is_folder:
        what = "is a file" if is_there else "does not exist"
        raise StackError(f"{root} {what}; name a folder of frames or of folders with frames")
    if os.path.realpath(root) == os.path.realpath(exclude):
        raise StackError(f"{root} holds the frames; choose another folder for the results")


def _below(path: Path, name: str) -> list[tuple[Path, str]]:
    return [
        (each, f"{name}/{each.name}" if name else each.name)
        for each in path.iterdir()
        if each.is_dir() and not each.name.startswith(".") and not formats.is_folder(each)
    ]
