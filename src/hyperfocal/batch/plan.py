"""What a batch will make: for every stack its frames and the name of its picture."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hyperfocal.batch.folders import Folder, find_folders
from hyperfocal.batch.groups import Group, MetadataCache, split, whole
from hyperfocal.batch.ledger import FOLDER, is_place
from hyperfocal.batch.options import BatchOptions
from hyperfocal.errors import OptionError, StackError
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.fitting import named

_LONGEST = 200  # bytes of a name; file systems take 255, and a slab's number and suffix follow
_FIELDS = ("stack", "folder", "first", "last", "count", "number")


@dataclass(frozen=True)
class Job:
    """A stack to fuse; `name` is its picture's path in the results, less the suffix."""

    name: str
    folder: str
    frames: tuple[Path, ...]
    reason: str  # why these frames are a stack
    is_lone: bool = False  # one frame between stacks, which is nobody's mistake
    failure: str = ""  # why it cannot even be tried


@dataclass(frozen=True)
class BatchPlan:
    """All stacks that were found, and what was left out on the way."""

    jobs: tuple[Job, ...]
    notices: tuple[str, ...]


def make_plan(
    root: Path,
    out: Path,
    options: BatchOptions,
    *,
    album: MetadataCache | None = None,
    on_step: OnStep = silent,
) -> BatchPlan:
    """The stacks in and below a folder. Raises StackError, also where there is no picture."""
    options.require_sound()
    folders, notices = find_folders(root, exclude=out)
    if not folders:
        raise StackError(f"no picture in {root}, nor in folders below; name a folder of frames")
    album = album or MetadataCache()
    jobs: list[Job] = []
    taken: set[str] = set()
    for folder in folders:
        if folder.failure:
            jobs.append(Job(folder.name, folder.name, (), "", failure=folder.failure))
            continue
        files, told = _without_results(folder, album)
        notices += told
        is_whole = options.group == "folder" or (options.group == "auto" and folder.name != "")
        groups = whole(files, album) if is_whole else split(files, options, album, on_step=on_step)
        for group in groups:
            jobs.append(_job(root, folder, group, options, len(jobs) + 1, taken, is_whole))
    return BatchPlan(tuple(jobs), tuple(notices))


def _without_results(folder: Folder, album: MetadataCache) -> tuple[list[Path], list[str]]:
    """The files of a folder that are no results of this program, where others are there too."""
    files = list(folder.files)
    kept = [path for path in files if not album.picture(path).shot.is_own]
    if len(kept) < 2 or len(kept) == len(files):
        return files, []
    names = [path.name for path in files if path not in kept]
    verb = "is" if len(names) == 1 else "are"
    where = f"{folder.name}: " if folder.name else ""
    return kept, [f"{where}{named(names)} {verb} made by hyperfocal and left out"]


def _job(
    root: Path,
    folder: Folder,
    group: Group,
    options: BatchOptions,
    number: int,
    taken: set[str],
    is_whole: bool,
) -> Job:
    pictures, reason = group
    stems = [each.path.name.split(".")[0] or each.path.stem for each in pictures]
    own = folder.name.rpartition("/")[2] or root.absolute().name or "stack"
    is_folder = is_whole and reason == "a folder"
    # A stack that grows while it is watched keeps its name, as it keeps its first frame.
    stack = (folder.name or own) if is_folder else "/".join(filter(None, (folder.name, stems[0])))
    fields: dict[str, str | int] = {
        "stack": stack,
        "folder": own,
        "first": stems[0],
        "last": stems[-1],
        "count": len(pictures),
        "number": number,
    }
    name = _free(_short(_named(options.name, fields)), taken)
    is_lone = len(pictures) == 1 and pictures[0].frame_count < 2 and pictures[0].info is not None
    return Job(name, folder.name, tuple(each.path for each in pictures), reason, is_lone)


def _named(template: str, fields: dict[str, str | int]) -> str:
    try:
        parts = list(string.Formatter().parse(template))
        unknown = [field for _, field, _, _ in parts if field is not None and field not in _FIELDS]
        if unknown:
            raise ValueError(f"{{{unknown[0]}}}")
        name = template.format(**fields)
    except (ValueError, KeyError, IndexError) as error:
        known = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise OptionError(
            f"name is {template!r}, which means nothing ({error}); use {known}"
        ) from (error)
    path = PurePosixPath(name)
    if not name.strip() or path.name == "" or not is_place(str(path)):
        raise OptionError(
            f"name is {template!r}; it must lead to a file below the results' folder, and not into "
            f"{FOLDER}, where the work is done"
        )
    return str(path)


def _short(name: str) -> str:
    """Each part of the path cut to what file systems take, told apart by a checksum."""
    return "/".join(_short_part(part) for part in name.split("/"))


def _short_part(part: str) -> str:
    encoded = part.encode("utf-8", "surrogateescape")
    if len(encoded) <= _LONGEST:
        return part
    mark = hashlib.sha256(encoded).hexdigest()[:8]
    # Not in the middle of a letter.
    kept = encoded[: _LONGEST - 9].decode("utf-8", "ignore")
    return f"{kept}~{mark}"


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another stack has it; some systems do not tell A from a."""
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free.casefold())
    return free
