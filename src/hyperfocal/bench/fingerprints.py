"""What results depend on, as short texts: files, our source, the libraries it runs on."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hyperfocal
from hyperfocal import registry
from hyperfocal.methods import files_of
from hyperfocal.options import parse

_SOURCE = Path(hyperfocal.__file__).parent
# Fusing passes through none of these, so that changing them keeps the results.
_NOT_FUSING = ("batch", "bench", "metrics", "training", "evaluation.py", "visualisation.py")
_ROOMS = ("measures", "methods", "baselines")
_LIBRARIES = (
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "onnxruntime",
    "openvino",
    "scipy",
    "PyWavelets",
    "scikit-learn",
    "torch",
    "imagecodecs",
    "tifffile",
)


def of_values(*values: Any) -> str:
    """The same text for the same JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_method(text: str) -> str:
    """Our source as far as a method runs it, and weights of the user's where it is given such."""
    code, files = _of_code(text), files_of(registry.make("methods", text))
    return of_values(code, [of_file(path) for path in files]) if files else code


@cache
def _of_code(text: str) -> str:
    """All that fuses, but no other method and its weights.

    So a method that is added leaves the results of the others as they are.
    """
    used = {path for room, name in _choices(text) for path in _reached(_file_of(room, name))}
    places = [_of_choice(path) for room in _ROOMS for path in (_SOURCE / room).iterdir()]
    others = {place for place in places if place and not any(_is_in(path, place) for path in used)}
    return _of_files(path for path in _shipped() if _fuses(path, others))


def _choices(text: str) -> list[tuple[str, str]]:
    """A method, and the measure that it is told to use, as rooms and names."""
    name, options = parse(text)
    found = [("methods", name)]
    if "measure" in options:
        found.append(("measures", parse(options["measure"])[0]))
    return [(room, name.replace("-", "_")) for room, name in found]


@cache
def of_metric(name: str) -> str:
    """The source of a metric, of all it imports, and of what calls it."""
    return _of_files([*_reached(_file_of("metrics", name)), _SOURCE / "evaluation.py"])


@cache
def of_libraries() -> str:
    """Python and the installed libraries that fusing may call."""
    versions = [f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(versions)


def _shipped() -> Iterator[Path]:
    for path in _SOURCE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _file_of(room: str, name: str) -> Path:
    """The file of a choice, or the first one of its folder."""
    parts = registry.module(room, name).__name__.split(".")[1:]
    stem = _SOURCE.joinpath(*parts)
    return stem / "__init__.py" if stem.is_dir() else stem.with_name(f"{stem.name}.py")


def _of_choice(path: Path) -> Path | None:
    """The file or folder of a method or a learned measure; None for what its room shares."""
    is_shared = path.name.startswith("_") or (path.parent.name == "measures" and path.is_file())
    return None if is_shared else path


def _is_in(path: Path, place: Path) -> bool:
    return path == place or place in path.parents


def _fuses(path: Path, others: set[Path]) -> bool:
    part, *rest = path.relative_to(_SOURCE).parts
    if part in _NOT_FUSING or any(_is_in(path, other) for other in others):
        return False
    if part == "cli" and rest[0] == "commands":
        return rest[1] in ("__init__.py", "fuse.py")
    return True


def _of_files(paths: Iterable[Path]) -> str:
    unique = sorted(set(paths))
    return of_values([[path.relative_to(_SOURCE).as_posix(), of_file(path)] for path in unique])


def _reached(path: Path) -> list[Path]:
    """A file of ours and all that it imports, directly or not."""
    found = [path]
    for each in found:
        found += [other for other in _imports(each) if other not in found]
    return found


def _imports(path: Path) -> Iterator[Path]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    for name in dict.fromkeys(names):
        first, *parts = name.split(".")
        if first == "hyperfocal" and parts:
            stem = _SOURCE.joinpath(*parts)
            candidates = (stem.with_name(stem.name + ".py"), stem / "__init__.py")
            yield from (candidate for candidate in candidates if candidate.is_file())
