"""Who takes part: our methods and programs of others, each as the command line that runs it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import hyperfocal
from hyperfocal import registry
from hyperfocal.bench import fingerprints
from hyperfocal.bench.plan import BenchPlan
from hyperfocal.errors import OptionError

_PLACES = "{frames} (all frames), {folder} (a folder with nothing else) and {out}"


class Contender(Protocol):
    """A method or a program that fuses frames into one picture."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> dict[str, str]:
        """What a kept result depends on besides its frames."""
        ...

    def arguments(self, frames: Sequence[Path], folder: Path, out: Path) -> list[str]:
        """The command line that writes `out`; `folder` holds the same frames and nothing else."""
        ...


@dataclass(frozen=True)
class Own:
    """One of our methods, `text` as `fuse --method` takes it, run as a process."""

    text: str
    more: str = ""  # further arguments of `fuse`

    def __post_init__(self) -> None:
        registry.make("methods", self.text)  # refuses what does not exist before any work

    @property
    def name(self) -> str:
        return self.text

    @property
    def identity(self) -> dict[str, str]:
        return {
            "method": self.text,
            "fuse": self.more,
            "version": hyperfocal.__version__,
            "code": fingerprints.of_method(self.text),
            "libraries": fingerprints.of_libraries(),
        }

    def arguments(self, frames: Sequence[Path], folder: Path, out: Path) -> list[str]:
        command = [sys.executable, "-m", "hyperfocal", "fuse", *map(str, frames), "-o", str(out)]
        return [*command, "--keep-order", "--method", self.text, *shlex.split(self.more)]


@dataclass(frozen=True)
class Outside:
    """Another program, by a template of its command line."""

    name: str
    template: tuple[str, ...]

    @classmethod
    def parsed(cls, text: str) -> Outside:
        """`"enfuse: enfuse {frames} -o {out}"`; raises OptionError where it cannot be run."""
        name, _, rest = text.partition(":")
        try:
            template = tuple(shlex.split(rest))
        except ValueError as error:
            raise OptionError(f"command {text!r} cannot be split ({error}); mend it") from error
        if not name.strip() or not template:
            raise OptionError(f"command {text!r} has no name or no program; write NAME: PROGRAM …")
        has_frames = "{frames}" in template or any("{folder}" in part for part in template)
        if not has_frames or not any("{out}" in part for part in template):
            raise OptionError(f"command {name!r} does not say where frames go; places: {_PLACES}")
        if shutil.which(template[0]) is None:
            raise OptionError(f"command {name!r}: program {template[0]} is not found; install it")
        return cls(name.strip(), template)

    @property
    def identity(self) -> dict[str, str]:
        program = Path(shutil.which(self.template[0]) or self.template[0])
        told = f"{program} {program.stat().st_size} {program.stat().st_mtime_ns}"
        return {"command": shlex.join(self.template), "program": told}

    def arguments(self, frames: Sequence[Path], folder: Path, out: Path) -> list[str]:
        command: list[str] = []
        for part in self.template:
            if part == "{frames}":
                command += map(str, frames)
            else:
                command.append(part.replace("{folder}", str(folder)).replace("{out}", str(out)))
        return command


def contenders_of(plan: BenchPlan) -> list[Contender]:
    """Methods, then commands; raises OptionError or UnknownChoice for what cannot be run."""
    found: list[Contender] = [Own(text, plan.fuse) for text in plan.methods]
    found += [Outside.parsed(text) for text in plan.commands]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"two contenders are called {name!r}; give each its own name")
    if not found:
        raise OptionError("nothing to compare; give --methods or --command")
    return found


def folder_of(frames: Sequence[Path], folder: Path) -> Path:
    """A folder with links to the frames, numbered so that their names sort in focus order."""
    folder.mkdir()
    for index, frame in enumerate(frames):
        link = folder / f"frame_{index:05}{frame.suffix.lower()}"
        try:
            os.symlink(frame, link)
        except OSError:  # a file system without links
            shutil.copyfile(frame, link)
    return folder
