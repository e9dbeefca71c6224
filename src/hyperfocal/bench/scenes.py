"""Scenes of data sets, found by how their files are called and lie.

In any folder below the one given: `NAME-A`, `NAME-B`, `NAME-C`… are the frames of scene NAME, with
`NAME-GT` their reference and `NAME-depth` their depth map; `frame_*` with `reference` and `depth`
beside them, `frames/` with `gt` or `reference` and `depth` beside it, and otherwise all pictures
of a folder are the frames of one scene, called as the folder is.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hyperfocal.errors import StackError
from hyperfocal.io import formats
from hyperfocal.stack.stack import natural_key

_REFERENCES = ("reference", "gt")


@dataclass(frozen=True)
class Scene:
    """Frames in focus order, with a picture known to be right and its depth map where known."""

    data_set: str
    name: str
    frames: tuple[Path, ...]
    reference: Path | None = None
    depth: Path | None = None

    @property
    def title(self) -> str:
        """`pairs/lytro/01`."""
        return f"{self.data_set}/{self.name}"


def find_scenes(
    folders: Iterable[Path], pattern: str = "*", *, exclude: Path | None = None
) -> list[Scene]:
    """The scenes of some folders whose title matches; raises StackError for none.

    A data set is called by the folder given and those below it: `pairs` holds `pairs/lytro`.
    The folder `exclude`, where results are written, is not searched.
    """
    skipped = exclude and exclude.resolve()
    found: dict[str, Scene] = {}
    for folder in folders:
        if not folder.is_dir():
            raise StackError(f"folder {folder} does not exist; give one that holds data sets")
        for scene in _scenes(folder.absolute(), folder.absolute().name, skipped):
            if not fnmatch.fnmatch(scene.title, pattern):
                continue
            if found.setdefault(scene.title, scene) != scene:
                raise StackError(
                    f"two scenes are called {scene.title} ({scene.frames[0].parent} and "
                    f"{found[scene.title].frames[0].parent}); give the folder that holds both"
                )
    if not found:
        raise StackError(f"no scene matches {pattern!r} in what was given; see bench --help")
    return list(found.values())


def _scenes(folder: Path, title: str, skipped: Path | None) -> Iterator[Scene]:
    if folder.resolve() == skipped:
        return
    pictures = _pictures(folder)
    whole = _framed(folder, pictures)
    if whole is not None:
        yield _called(whole, folder, title)
        return  # its folders are its own
    lettered = list(_lettered(pictures))
    if lettered:
        yield from (replace(scene, data_set=title) for scene in lettered)
    elif len(pictures) > 1:
        yield _called(Scene("", "", tuple(pictures)), folder, title)
    for below in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if below.is_dir() and not below.name.startswith("."):
            yield from _scenes(below, f"{title}/{below.name}", skipped)


def _called(scene: Scene, folder: Path, title: str) -> Scene:
    data_set, _, name = title.rpartition("/")
    return replace(scene, data_set=data_set or folder.parent.name or "-", name=name)


def _framed(folder: Path, pictures: list[Path]) -> Scene | None:
    frames = [path for path in pictures if path.stem.startswith("frame_")]
    if len(frames) < 2 and (folder / "frames").is_dir():
        frames = _pictures(folder / "frames")
    if len(frames) < 2:
        return None
    references = [each for stem in _REFERENCES for each in _called_so(pictures, stem)]
    return Scene("", "", tuple(frames), _first(references), _first(_called_so(pictures, "depth")))


def _lettered(pictures: list[Path]) -> Iterator[Scene]:
    """Scenes of NAME-A, NAME-B…; a lone letter is none."""
    frames: dict[str, list[Path]] = {}
    for path in pictures:
        match = re.fullmatch(r"(.+)-[A-Z]", path.stem)
        if match:
            frames.setdefault(match[1], []).append(path)
    for name, paths in frames.items():
        if len(paths) > 1:
            truth, depth = (_called_so(pictures, f"{name}-{kind}") for kind in ("GT", "depth"))
            yield Scene("", name, tuple(paths), _first(truth), _first(depth))


def _pictures(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if not path.name.startswith("."))
    pictures = [path for path in files if path.is_file() and formats.is_known(path)]
    return sorted(pictures, key=lambda path: natural_key(path.name))


def _called_so(pictures: list[Path], stem: str) -> list[Path]:
    return [path for path in pictures if path.stem == stem]


def _first(paths: list[Path]) -> Path | None:
    return paths[0] if paths else None
