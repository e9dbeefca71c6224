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
from hyperfocal.options import parse

_SOURCE = Path(hyperfocal.__file__).parent
# Fusing passes through none of these, so that changing them keeps the results.
_NOT_FUSING = ("batch", "bench", "metrics", "training", "evaluation.py", "views.py")
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


@cache
def of_method(text: str) -> str:
    """Our source as far as a method runs it: all that fuses, but no other method and its weights.

    So a method that is added leaves the results of the others as they are.
    """
    name = parse(text)[0].replace("-", "_")
    room = _SOURCE / "methods"
    used = set(_reached(room / f"{name}.py"))
    others = {path for path in room.glob("[!_]*.py") if path not in used}
    return _of_files(path for path in _shipped() if _fuses(path, others))


@cache
def of_metric(name: str) -> str:
    """The source of a metric, of all it imports, and of what calls it."""
    return _of_files([*_reached(_SOURCE / "metrics" / f"{name}.py"), _SOURCE / "evaluation.py"])


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


def _fuses(path: Path, others: set[Path]) -> bool:
    part, *rest = path.relative_to(_SOURCE).parts
    if part in _NOT_FUSING or path in others:
        return False
    if part == "commands":
        return rest[0] == "fuse.py" or rest[0].startswith("_")
    if part == "weights":
        owner = rest[0].partition(".")[0].partition("-")[0]
        return owner not in {other.stem for other in others}
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
