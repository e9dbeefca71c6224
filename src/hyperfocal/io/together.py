"""Several outputs that appear together or not at all, whatever ends the run.

Each is made in a work folder beside its place. When all are whole, a plan of the moves is noted in
every such folder, then the file `settled` in the first of them decides that they are made, and they
are moved. A run that is killed before that has made nothing; one that is killed behind it is
finished by the next run that cleans one of these folders. A move that the system refuses undoes
those before it.

    first/.hyperfocal-ab12cd34/    owner, plan, settled or undone, new/NAME, before/NAME
    other/.hyperfocal-ef56gh78/    owner, plan, new/NAME, before/NAME

A plan is read as a stranger's would be: names lead into the folder that the work folder lies in and
nowhere else, and what has come to their places since is left there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperfocal.errors import FormatError
from hyperfocal.io import formats, work_folders
from hyperfocal.io.work_folders import WorkFolder

_PLAN, _NEW, _BEFORE = "plan", "new", "before"
_SETTLED, _UNDONE = "settled", "undone"

Stamp = list[int]


@dataclass
class _Part:
    """The outputs of one folder."""

    parent: Path
    work: WorkFolder
    places: dict[str, None] = field(default_factory=dict)

    def plan(self, transaction: str, first: Path, others: list[Path]) -> dict[str, Any]:
        work = self.work.path
        return {
            "transaction": transaction,
            "first": os.path.abspath(first),
            "others": [os.path.abspath(other) for other in others],
            "moves": {
                name: {"made": stamp(work / _NEW / name), "there": stamp(self.parent / name)}
                for name in self.places
            },
        }


class Together:
    """A context in which outputs are made; at its end, unless by an error, all are in place."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def __enter__(self) -> Together:
        return self

    def beside(self, place: Path) -> Path:
        """Where to write what is to stand at `place`. Raises FormatError where that cannot be."""
        key = os.path.realpath(place.parent)
        try:
            if key not in self._parts:
                self._parts[key] = _Part(place.parent, WorkFolder(place.parent))
                for name in (_NEW, _BEFORE):
                    (self._parts[key].work.path / name).mkdir()
        except OSError as error:
            raise refused(place, error) from error
        part = self._parts[key]
        part.places[place.name] = None
        return part.work.path / _NEW / place.name

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        try:
            if error is None and self._parts:
                self._settle()
            elif is_written(error):
                # What was, was one of these outputs.
                assert error is not None
                error.__notes__.remove(WRITTEN)
        finally:
            # The first last: the others ask it whether they are settled.
            for part in reversed(self._parts.values()):
                part.work.close()

    def _settle(self) -> None:
        parts = list(self._parts.values())
        first, *others = [part.work.path for part in parts]
        transaction = secrets.token_hex(16)
        try:
            for part in parts:
                plan = part.plan(transaction, first, others if part is parts[0] else [])
                (part.work.path / _PLAN).write_text(json.dumps(plan), "utf-8")
        except OSError as error:
            raise refused(parts[0].parent / next(iter(parts[0].places)), error) from error
        stopped: BaseException | None = None
        while True:
            try:
                self._move(parts)
                break
            except (KeyboardInterrupt, SystemExit) as error:
                # What is left takes no time, and half of it would be worse than all.
                stopped = error
        if stopped is not None:
            stopped.add_note(WRITTEN)
            raise stopped

    def _move(self, parts: list[_Part]) -> None:
        """Decide, and put all in place; what is done already is left so."""
        first = parts[0].work.path
        last, moved = parts[0].parent / next(iter(parts[0].places)), []
        try:
            _decide(first)
            for part in parts:
                for name in part.places:
                    last = part.parent / name
                    moved.append((part.work.path, name))
                    _forward(part.work.path, name)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.replace(first / _SETTLED, first / _UNDONE)
            for work, name in reversed(moved):
                with contextlib.suppress(OSError):
                    _back(work, name)
            raise refused(last, error) from error


WRITTEN = "all outputs are written"  # the note on a KeyboardInterrupt that came too late


def is_written(stopped: BaseException | None) -> bool:
    """Whether a run was stopped when its outputs were in place already."""
    return WRITTEN in getattr(stopped, "__notes__", ())


def refused(place: Path, error: OSError) -> FormatError:
    """What is told where the system does not let an output be."""
    return FormatError(
        f"{place} cannot be written ({error.strerror or error}); free space or choose another"
    )


def clean(parents: Iterable[Path]) -> None:
    """Finish or undo what killed runs left in these folders, and in the system's temporary one."""
    work_folders.clean()
    for parent in {os.path.realpath(parent): parent for parent in parents}.values():
        work_folders.clean(parent, finish=_finish)


def put(made: Path, place: Path, *, aside: Path) -> None:
    """Move a picture to its place in one step; a folder that is there goes to `aside` first."""
    if place.is_dir() and not place.is_symlink():
        if not (is_picture(place) and is_picture(made)):
            raise FileExistsError(errno.EEXIST, "a folder is in the way", str(place))
        # No system replaces a folder that is not empty in one step.
        os.replace(place, aside)
    try:
        os.replace(made, place)
    except OSError:
        if os.path.lexists(aside) and not os.path.lexists(place):
            os.replace(aside, place)
        raise


def is_picture(folder: Path) -> bool:
    """Whether a folder is a picture that may be replaced, and nothing else."""
    return formats.is_folder(folder) and any(
        (folder / name).is_file() for name in ("zarr.json", ".zgroup")
    )


def stamp(path: Path) -> Stamp | None:
    """What tells whether something still is the one that was seen there; None where nothing is."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def _decide(first: Path) -> None:
    (first / "deciding").touch()
    os.replace(first / "deciding", first / _SETTLED)


def _forward(work: Path, name: str) -> None:
    """Move an output to its place, if that is not done, and keep what was there."""
    made, place, before = work / _NEW / name, work.parent / name, work / _BEFORE / name
    if not os.path.lexists(made):
        return
    if os.path.lexists(place) and not os.path.lexists(before):
        _keep(place, before)
    put(made, place, aside=before)


def _keep(place: Path, before: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        return
    try:
        os.link(place, before, follow_symlinks=False)
    except (OSError, NotImplementedError):
        # File systems without a second name for a file.
        os.replace(place, before)


def _back(work: Path, name: str) -> None:
    """What was at an output's place is there again."""
    made, place, before = work / _NEW / name, work.parent / name, work / _BEFORE / name
    if not os.path.lexists(made) and os.path.lexists(place):
        os.replace(place, made)
    if os.path.lexists(before):
        os.replace(before, place)


def _finish(work: Path) -> bool:
    """Do what a killed run had decided in one of its folders; whether that may be removed."""
    plan = _plan_of(work)
    if not plan:
        return True
    first = Path(plan["first"])
    is_first = first.name == work.name and first.exists() and os.path.samefile(first, work)
    _apply(work, plan, _decision(work if is_first else first, plan["transaction"]))
    if not is_first:
        # So that all is there, also where nobody looks into the first one's folder.
        work_folders.take_over(first, _apply_and_keep)
        return True
    # As long as the others are there, they ask this one.
    gone = [_take_over(Path(other), plan["transaction"]) for other in plan["others"]]
    return all(gone)


def _apply_and_keep(first: Path) -> bool:
    plan = _plan_of(first)
    if plan:
        _apply(first, plan, _decision(first, plan["transaction"]))
    return False


def _take_over(other: Path, transaction: str) -> bool:
    if _plan_of(other).get("transaction") != transaction:
        return True
    return work_folders.take_over(other, _finish)


def _decision(first: Path, transaction: str) -> str:
    """What the first folder of a run decided; empty where it came to no decision."""
    if _plan_of(first).get("transaction") != transaction:
        return ""
    said = [
        name for name in (_SETTLED, _UNDONE) if work_folders.is_own(first / name, is_folder=False)
    ]
    return said[0] if said else ""


def _apply(work: Path, plan: dict[str, Any], decision: str) -> None:
    for name, move in plan["moves"].items():
        now = stamp(work.parent / name)
        is_made = os.path.lexists(work / _NEW / name)
        with contextlib.suppress(OSError):
            # What is there is what was, or nothing where it was put aside.
            if decision == _SETTLED and is_made and now in (None, move.get("there")):
                _forward(work, name)
            if decision == _UNDONE and (now is None or now == move["made"]):
                _back(work, name)


def _plan_of(work: Path) -> dict[str, Any]:
    """The plan in a work folder; empty for whatever this program would not have written."""
    if not (work_folders.is_name(work.name) and work_folders.is_own(work, is_folder=True)):
        return {}
    for name in (_NEW, _BEFORE):
        if not work_folders.is_own(work / name, is_folder=True):
            return {}
    plan = work_folders.read_note(work / _PLAN)
    kinds = {"transaction": str, "first": str, "others": list, "moves": dict}
    if not all(isinstance(plan.get(name), kind) for name, kind in kinds.items()):
        return {}
    others, moves = plan["others"], plan["moves"]
    are_paths = all(isinstance(path, str) and _is_path(path) for path in [plan["first"], *others])
    are_moves = all(isinstance(move, dict) and "made" in move for move in moves.values())
    return plan if are_paths and are_moves and all(map(_is_name, moves)) else {}


def _is_path(text: str) -> bool:
    return "\0" not in text and os.path.isabs(text) and work_folders.is_name(Path(text).name)


def _is_name(name: str) -> bool:
    """Whether a name is one of a file in the folder itself, and not that of a work folder."""
    is_plain = name not in ("", ".", "..") and "\0" not in name and Path(name).name == name
    return is_plain and not work_folders.is_name(name)
