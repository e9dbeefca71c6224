"""Which files: everything that is read or written lies below the folders given at start.

A path is followed through all its links first, so that a link out of a folder is a way out of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hyperfocal import HyperfocalError, StackError
from hyperfocal.batch.groups import FrameFile, MetadataCache
from hyperfocal.io import formats


class Outside(HyperfocalError):
    """A path that does not lie below the folders that the studio was started with."""


class Roots:
    """The folders of this studio; the first is where it begins."""

    def __init__(self, folders: Sequence[Path]):
        self.folders = [Path(os.path.realpath(folder)) for folder in folders]
        for folder, given in zip(self.folders, folders, strict=True):
            if not folder.is_dir():
                what = "is a file" if folder.exists() else "does not exist"
                raise StackError(f"{given} {what}; name a folder of frames or of folders with them")

    @property
    def first(self) -> Path:
        return self.folders[0]

    def holds(self, path: Path) -> bool:
        """Whether a path leads to a place below one of the folders."""
        real = Path(os.path.realpath(path))
        return any(real == folder or folder in real.parents for folder in self.folders)

    def inside(self, text: str) -> Path:
        """The path that a browser asks for, links followed; raises Outside."""
        if "\0" in text or not text.strip():
            raise Outside("that is no path; name one below the studio's folder")
        real = Path(os.path.realpath(self.first / text))
        if not self.holds(real):
            # Whether there is anything is nobody's business.
            raise Outside(
                f"{text} lies outside of the studio's folder; start the studio there to see it"
            )
        return real

    def shown(self, path: Path) -> str:
        """The path as it is told: from the folder on, "" for the folder itself."""
        for folder in self.folders:
            if path == folder or folder in path.parents:
                relative = path.relative_to(folder).as_posix()
                return "" if relative == "." else relative
        return path.name


class HeldCache(MetadataCache):
    """A batch's cache that opens no file outside of the roots."""

    def __init__(self, roots: Roots):
        super().__init__()
        self._roots = roots

    def picture(self, path: Path) -> FrameFile:
        if not self._roots.holds(path):
            return FrameFile(path, None, 1, formats.capture_info(None))
        return super().picture(path)
