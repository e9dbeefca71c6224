"""Runs tests against mutants in a copy of the project, which stays as it is."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", "demo", "build", "*.egg-info", ".hypothesis"
)
# Tests of a part that stand elsewhere than in its mirrored place.
_ALSO = {
    "compute": ("tests/decision", "tests/measures"),
    "errors": ("tests/cli",),
    "evaluation": ("tests/metrics", "tests/cli"),
    "frame": ("tests/fusion", "tests/stack"),
    "inference": ("tests/measures", "tests/baselines"),
    "registry": ("tests/cli", "tests/test_options.py"),
    "visualisation": ("tests/cli",),
}


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: killed by the tests of its place, by others, or by none."""

    killed_by: str  # own tests, other tests, or "" where it lived
    told: str = ""  # the last lines of the tests that killed it


def own_tests(root: Path, path: Path) -> list[str]:
    """The mirrored place of a source: the deepest folder, and the file of its name."""
    parts = path.relative_to("src/hyperfocal").with_suffix("").parts
    found = []
    for depth in range(len(parts) - 1, 0, -1):
        folder = Path("tests", *parts[:depth])
        if list((root / folder).glob("test_*.py")):
            found.append(str(folder))
            break
    found += [f"tests/test_{parts[0]}.py"] if (root / f"tests/test_{parts[0]}.py").exists() else []
    return found + [place for place in _ALSO.get(parts[0], ()) if place not in found]


class Copy:
    """A copy of the project in a folder, in which one file at a time is changed."""

    def __init__(self, root: Path, folder: Path, *, timeout_s: float):
        self.root, self._timeout_s = folder / "project", timeout_s
        shutil.copytree(root, self.root, ignore=_LEFT_OUT)
        # A changed file of the same size and second must not be taken for the one before.
        source = str(self.root / "src")
        self._environment = {
            **os.environ, "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        asked = [sys.executable, "-c", "import hyperfocal; print(hyperfocal.__file__)"]
        told = subprocess.run(
            asked, capture_output=True, text=True, env=self._environment, cwd=self.root, check=True
        )
        if not told.stdout.startswith(source):
            raise RuntimeError(f"tests would see {told.stdout.strip()}, not the copy in {source}")

    def passes(self, tests: list[str]) -> tuple[bool, str]:
        """Whether tests pass, slow ones left out, and the last lines that they print."""
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=self.root, env=self._environment,
                timeout=self._timeout_s,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False, f"still running after {self._timeout_s:.0f} s"
        return done.returncode == 0, "\n".join(done.stdout.splitlines()[-3:])

    def judged(self, path: Path, changed: str, *, is_wide: bool) -> Verdict:
        """What tests make of a file with this content, which then is as it was."""
        target = self.root / path
        before = target.read_text("utf-8")
        target.write_text(changed, "utf-8")
        try:
            own = own_tests(self.root, path)
            stages = [("own tests", own)] if own else []
            stages += [("other tests", ["tests"])] if is_wide or not own else []
            for name, tests in stages:
                passed, told = self.passes(tests)
                if not passed:
                    return Verdict(name, told)
            return Verdict("")
        finally:
            target.write_text(before, "utf-8")


def difference(path: Path, before: str, after: str) -> str:
    """The change as a patch."""
    lines = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(*lines, f"a/{path}", f"b/{path}", n=2))
