"""`python -m tests.mutants`: draw mutants, run the tests against each, tell which lived."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.drawing import draw
from tests.mutants.running import Copy, difference, own_tests

ROOT = Path(__file__).parents[2]


def main() -> int:
    """0 where every mutant was killed, 1 where some lived."""
    given = _given()
    if hasattr(os, "nice"):
        os.nice(10)
    changes = list(_known(given.known) if given.known else _drawn(given.seed, given.count))
    lived, started = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hyperfocal-mutants-") as folder:
        copy = Copy(ROOT, Path(folder), timeout_s=given.timeout)
        if given.check:
            _require_passing(copy, [path for path, _, _ in changes])
        for number, (path, after, what) in enumerate(changes, 1):
            verdict = copy.judged(path, after, is_wide=not given.own)
            fate = f"killed by {verdict.killed_by}" if verdict.killed_by else "LIVED"
            fate += f", {verdict.told}" if "still running" in verdict.told else ""
            print(f"{number}/{len(changes)} {path} ({what}): {fate}", flush=True)
            if not verdict.killed_by:
                lived.append(difference(path, (ROOT / path).read_text("utf-8"), after))
    killed, minutes = len(changes) - len(lived), (time.monotonic() - started) / 60
    print(f"\n{killed} of {len(changes)} killed, {len(lived)} lived; {minutes:.0f} min")
    print("\n" + "\n".join(lived))
    return bool(lived)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="other mutants for another seed")
    parser.add_argument("--count", type=int, default=24, help="one a file")
    parser.add_argument("--own", action="store_true", help="run the tests of the place alone")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds; killed then")
    parser.add_argument("--check", action="store_true", help="first see that all tests pass")
    parser.add_argument(
        "--known",
        nargs="?",
        const="",
        help="those of known.toml whose place contains this text instead of drawing any",
    )
    given = parser.parse_args()
    given.known = given.known if given.known is None else given.known or "src"
    return given


def _drawn(seed: int, count: int) -> Iterator[tuple[Path, str, str]]:
    for mutant in draw(ROOT, seed, count):
        yield mutant.path, mutant.applied((ROOT / mutant.path).read_text("utf-8")), mutant.kind


def _known(wanted: str) -> Iterator[tuple[Path, str, str]]:
    """Mutants that once lived; each says what is replaced, which must be there once."""
    held = tomllib.loads(Path(__file__).with_name("known.toml").read_text("utf-8"))
    for entry in held["mutant"]:
        path = Path("src/hyperfocal", entry["file"])
        if wanted not in str(path):
            continue
        source = (ROOT / path).read_text("utf-8") if (ROOT / path).exists() else ""
        if source.count(entry["old"]) != 1:
            print(f"stale: {path} does not hold {entry['old']!r} once", file=sys.stderr)
            continue
        yield path, source.replace(entry["old"], entry["new"]), entry["effect"]


def _require_passing(copy: Copy, paths: list[Path]) -> None:
    for tests in sorted({tuple(own_tests(copy.root, path)) for path in paths} | {("tests",)}):
        passed, told = copy.passes(list(tests))
        if not passed:
            raise SystemExit(f"{' '.join(tests)} fails without any mutant:\n{told}")


if __name__ == "__main__":
    sys.exit(main())
