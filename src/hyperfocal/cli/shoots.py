"""What `batch` and `watch` share: their options, checked before any work, and their lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hyperfocal import registry
from hyperfocal.batch import report
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.runs import Outcome, Work
from hyperfocal.cli.arguments import add_options, built
from hyperfocal.errors import OptionError
from hyperfocal.escapes import printable
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.methods import has_depth

KEPT = "what was done is kept, the same command goes on"
OPTIONS = (BatchOptions, Recipe)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and options of both commands."""
    parser.add_argument("folder", type=Path, help="a folder of frames, or of folders with frames")
    parser.add_argument("-o", "--out", required=True, type=Path, help="folder for the pictures")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that are in the way and were not made by this batch",
    )
    for choice in OPTIONS:
        add_options(parser, choice)


def require_sound(given: argparse.Namespace) -> None:
    """Raise for what would fail every stack, before the first."""
    options, recipe = (built(choice, given) for choice in OPTIONS)
    assert isinstance(options, BatchOptions)
    assert isinstance(recipe, Recipe)
    options.require_sound()
    method, _ = registry.make("methods", recipe.method), recipe.memory_bytes
    if options.depth and not has_depth(method):
        raise OptionError(f"{recipe.method} makes no depth; leave out --depth or choose a method")
    _ = recipe.cutter
    if recipe.slabs_only and options.depth:
        raise OptionError("--slabs-only makes no depth; leave out --depth or --slabs-only")


def work_of(given: argparse.Namespace, ledger: Ledger) -> Work:
    return Work(
        ledger,
        built(BatchOptions, given),
        built(Recipe, given),
        given.overwrite,
    )


def tell(row: Outcome) -> None:
    """A stack's line, and its notices."""
    print(report.line(row), flush=True)
    if row.status == "made":
        for notice in row.notices:
            note(f"{row.stack}: {notice}")


def note(text: str) -> None:
    print(f"hyperfocal: note: {printable(text)}", file=sys.stderr)


def summary(rows: Sequence[Outcome], out: Path) -> str:
    """`3 made, 1 failed; results/batch.csv`."""
    counted = {row.status: sum(other.status == row.status for other in rows) for row in rows}
    told = ", ".join(f"{count} {status}" for status, count in counted.items()) or "nothing to do"
    return f"hyperfocal: {told}; {printable(str(out / 'batch.csv'))}"
