"""What is done, in a folder beside the results, so that nothing is made twice or left half.

A picture is made in a work folder, then noted, then moved to its place: a result that stands there
is noted, and what was noted but not moved when the process was killed is moved the next time.
Notes are keyed by the frames (names, sizes, times of change) and all that shapes the picture.

Notes are read as a stranger's would be, for folders of results are copied and unpacked: they name
nothing outside the folder, what is not known to be of this program's making is neither removed nor
replaced for them, and notes that no batch wrote are set aside and told.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hyperfocal.batch.groups import stamp
from hyperfocal.errors import FormatError
from hyperfocal.io import outputs, together, work_folders

FOLDER = ".hyperfocal-batch"

_MARK = "made-by-hyperfocal"  # in the work folder, whose content is removed
_KEY = re.compile(r"[0-9a-f]{32}")
_LARGEST = 1 << 28  # bytes of notes; a stack has some hundred


class Ledger:
    """The notes of one folder of results, locked to one process while it is open."""

    def __init__(self, out: Path):
        self.out, self._folder = out, out / FOLDER
        self.notices: list[str] = []  # on what was found and not believed
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _require_plain(self._folder, stat.S_ISDIR)
            _require_plain(self._folder / "lock", stat.S_ISREG)
            self._lock = outputs.lock(
                self._folder / "lock", who="batch", folder=self._folder.parent
            )
            try:
                together.clean([self._folder, out])
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
        self._clear()
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
        return (
            self._is_inside(place)
            and place.exists()
            and list(stamp(place)) != note["replaced"].get(path)
        )

    def require_inside(self, path: Path) -> None:
        """Raise FormatError where a link leads a result out of the folder of results."""
        if not self._is_inside(path):
            raise FormatError(
                f"{path.parent} leads out of {self.out} by a link; remove the link, or choose "
                "another folder or name"
            )

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self.out))

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
        assert _KEY.fullmatch(key)
        folder = self._work / key
        try:
            self._work.mkdir(exist_ok=True)
            self._require_own_work()
            (self._work / _MARK).touch()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
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
        for place in moves.values():
            self.require_inside(place)
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

    def _require_own_work(self) -> None:
        """Raise FormatError where the work folder is not of this program's making."""
        _require_plain(self._work, stat.S_ISDIR)
        names = os.listdir(self._work) if os.path.lexists(self._work) else []
        if names and _MARK not in names:
            raise FormatError(
                f"{self._work} is not what hyperfocal made there; move it away or choose another "
                "folder"
            )

    def _clear(self) -> None:
        """Remove the work folder, if it is ours; its mark last, so that it stays known as such."""
        try:
            self._require_own_work()
            for path in self._work.iterdir() if self._work.exists() else ():
                if path.name != _MARK:
                    shutil.rmtree(path, ignore_errors=True)
        except (OSError, FormatError):
            return
        shutil.rmtree(self._work, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        path = self._folder / "state.json"
        if not os.path.lexists(path):
            return {}
        try:
            _require_plain(path, stat.S_ISREG)
            if path.stat().st_size > _LARGEST:
                raise ValueError("it is too large")
            return _notes_of(json.loads(path.read_text("utf-8")))
        except (FormatError, ValueError, RecursionError) as error:
            aside = path.with_name("state.json.foreign")
            os.replace(path, aside)
            reason = " ".join(str(error).split())[:120]
            self.notices.append(
                f"the notes in {self._folder} were not written by a batch here ({reason}); they "
                f"are now {aside.name}, and stacks are made anew"
            )
            return {}

    def _write(self, notes: dict[str, Any]) -> None:
        text = json.dumps({"version": 1, "stacks": notes}, indent=1)
        outputs.write_text(self._folder / "state.json", text)

    def _finish(self) -> None:
        """Move what was noted before the process was killed; remove what was not."""
        self._require_own_work()
        for note in self._notes.values():
            if work_folders.is_own(self._work / note["key"], is_folder=True):
                self._move(note, is_late=True)
        self._clear()

    def _move(self, note: dict[str, Any], *, is_late: bool = False) -> None:
        folder = self._work / note["key"]
        for path in note["files"]:
            place = self.out / path
            made = folder / place.name
            if not made.exists():
                continue
            if is_late and not self._is_as_noted(note, path):
                self.notices.append(f"{place} has changed since a batch was stopped; left as it is")
                continue
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                together.put(made, place, aside=folder / "before")
            except OSError as error:
                raise together.refused(place, error) from error
        shutil.rmtree(folder, ignore_errors=True)

    def _is_as_noted(self, note: dict[str, Any], path: str) -> bool:
        """Whether a place inside the folder still holds what a noted result was to replace."""
        place = self.out / path
        if not self._is_inside(place):
            return False
        return not os.path.lexists(place) or list(stamp(place)) == note["replaced"].get(path)


def key_of(frames: list[Path], *shaping: Any) -> str:
    """A key of frames as they are now and of whatever else shapes the result."""
    stamps = [(os.fsencode(path.name).hex(), *stamp(path)) for path in frames]
    text = json.dumps([stamps, *(repr(each) for each in shaping)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _notes_of(state: Any) -> dict[str, Any]:
    """The notes of a state; raises ValueError for what this program would not have written."""
    notes = state.get("stacks") if isinstance(state, dict) else None
    if not isinstance(notes, dict):
        raise ValueError("they hold no stacks")
    for name, note in notes.items():
        if not _is_note(note):
            raise ValueError(f"the note of {name[:40]!r} is none")
    return notes


def _is_note(note: Any) -> bool:
    kinds = {"key": str, "files": dict, "replaced": dict, "row": dict}
    if not isinstance(note, dict) or not all(
        isinstance(note.get(part), kind) for part, kind in kinds.items()
    ):
        return False
    places = {**note["files"], **note["replaced"]}
    stamps = [*note["files"].values(), *note["replaced"].values()]
    return (
        _KEY.fullmatch(note["key"]) is not None
        and all(map(is_place, places))
        and all(isinstance(each, list) for each in stamps)
    )


def is_place(path: str) -> bool:
    """Whether a path is one of a result: below the folder, and not where the work is done."""
    parts = Path(path).parts
    return (
        bool(parts)
        and "\0" not in path
        and ".." not in parts
        and not Path(path).is_absolute()
        and not Path(path).drive
        and not any(_is_hidden(part) for part in parts)
    )


def _is_hidden(part: str) -> bool:
    return part.casefold() == FOLDER or work_folders.is_name(part)


def _require_plain(path: Path, is_kind: Callable[[int], bool]) -> None:
    """Raise FormatError where a link or something else stands in place of what is made there."""
    if os.path.lexists(path) and not is_kind(path.lstat().st_mode):
        raise FormatError(
            f"{path} is not what hyperfocal makes there, but a link or the like; move it away or "
            "choose another folder"
        )


def _flush(path: Path) -> None:
    """Have a file on the disk before it is noted: for power cuts, not for kills."""
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
