"""What is done, in a folder beside the results, so that nothing is made twice or left half.

A picture is made in a work folder, then noted, then moved to its place: a result that stands there
is noted, and what was noted but not moved when the process was killed is moved the next time.
Notes are keyed by the frames (names, sizes, times of change) and all that shapes the picture.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperfocal.batch.groups import stamp
from hyperfocal.errors import FormatError
from hyperfocal.io import outputs

FOLDER = ".hyperfocal-batch"


class Ledger:
    """The notes of one folder of results, locked to one process while it is open."""

    def __init__(self, out: Path):
        self.out, self._folder = out, out / FOLDER
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = outputs.lock(
                self._folder / "lock", who="batch", folder=self._folder.parent
            )
            try:
                self._notes = self._read()
                self._finish()
            except BaseException:
                self._lock.close()
                raise
        except OSError as error:
            raise FormatError(
                f"folder {out} cannot be written to ({error.strerror}); choose another"
            ) from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        self._lock.close()

    def done(self, name: str, key: str) -> dict[str, Any] | None:
        """The row noted for a stack, if it was made of just this and its files are there."""
        note = self._notes.get(name)
        if note is None or note["key"] != key:
            return None
        row: dict[str, Any] = note["row"]
        return row if all(self._is_in_place(note, path) for path in note["files"]) else None

    def _is_in_place(self, note: dict[str, Any], path: str) -> bool:
        """Whether the result is there, and not the one before it, whose place it was to take."""
        place = self.out / path
        return place.exists() and list(stamp(place)) != note["replaced"].get(path)

    def require_free(self, name: str, path: Path) -> None:
        """Raise FormatError where something not of our making stands at a result's place."""
        if not path.exists() and not path.is_symlink():
            return
        note, relative = self._notes.get(name, {}), path.relative_to(self.out).as_posix()
        own = [note.get(kind, {}).get(relative) for kind in ("files", "replaced")]
        if list(stamp(path)) not in own:
            raise FormatError(
                f"{path} exists and is not what this batch made; move it away, choose another "
                "folder or allow it with --overwrite"
            )

    def work_folder(self, key: str) -> Path:
        """A new, empty folder for a stack, on the file system of the results."""
        folder = self._work / key
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise FormatError(
                f"folder {folder} cannot be made ({error.strerror}); free space"
            ) from error
        return folder

    def drop(self, work: Path) -> None:
        """Forget a work folder."""
        shutil.rmtree(work, ignore_errors=True)

    def settle(self, name: str, key: str, moves: Mapping[Path, Path], row: dict[str, Any]) -> None:
        """Note a stack as done, then move its files from the work folder to their places."""
        try:
            for made, place in moves.items():
                place.parent.mkdir(parents=True, exist_ok=True)
                _flush(made)
        except OSError as error:
            raise FormatError(f"{place} cannot be written ({error.strerror})") from error
        paths = {place.relative_to(self.out).as_posix(): made for made, place in moves.items()}
        files = {path: list(stamp(made)) for path, made in paths.items()}
        there = {path: list(stamp(self.out / path)) for path in paths if (self.out / path).exists()}
        note = {"key": key, "files": files, "replaced": there, "row": row}
        self._write({**self._notes, name: note})
        self._notes[name] = note
        self._move(note)

    @property
    def _work(self) -> Path:
        return self._folder / "work"

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads((self._folder / "state.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        notes = state.get("stacks") if isinstance(state, dict) else None
        return notes if isinstance(notes, dict) and all(map(_is_whole, notes.values())) else {}

    def _write(self, notes: dict[str, Any]) -> None:
        text = json.dumps({"version": 1, "stacks": notes}, indent=1)
        outputs.write_text(self._folder / "state.json", text)

    def _finish(self) -> None:
        """Move what was noted before the process was killed; remove what was not."""
        for note in self._notes.values():
            if (self._work / note["key"]).is_dir():
                self._move(note)
        shutil.rmtree(self._work, ignore_errors=True)

    def _move(self, note: dict[str, Any]) -> None:
        folder = self._work / note["key"]
        for path in note["files"]:
            place = self.out / path
            made = folder / place.name
            if made.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                outputs.put(made, place, aside=folder / "before")
        shutil.rmtree(folder, ignore_errors=True)


def key_of(frames: list[Path], *shaping: Any) -> str:
    """A key of frames as they are now and of whatever else shapes the result."""
    stamps = [(os.fsencode(path.name).hex(), *stamp(path)) for path in frames]
    text = json.dumps([stamps, *(repr(each) for each in shaping)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_whole(note: Any) -> bool:
    kinds = {"key": str, "files": dict, "replaced": dict, "row": dict}
    return isinstance(note, dict) and all(
        isinstance(note.get(part), kind) for part, kind in kinds.items()
    )


def _flush(path: Path) -> None:
    """Have a file on the disk before it is noted: for power cuts, not for kills."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
