"""What `batch` and `watch` share: their options, checked before any work, and their lines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hyperfocal import registry
from hyperfocal.batch import report
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.runs import Outcome, Work
from hyperfocal.cli import console
from hyperfocal.cli.arguments import add_options, built, typed
from hyperfocal.cli.progress import Progress, stages_of
from hyperfocal.errors import OptionError
from hyperfocal.escapes import printable
from hyperfocal.fusion import presets
from hyperfocal.fusion.presets import PresetOption
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.methods import has_depth

KEPT = "what was done is kept, the same command goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and options of both commands."""
    parser.add_argument("folder", type=Path, help="a folder of frames, or of folders with frames")
    parser.add_argument("-o", "--out", required=True, type=Path, help="folder for the pictures")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace files that are in the way and were not made by this batch",
    )
    add_options(parser, BatchOptions)
    add_options(parser, PresetOption)
    # Without defaults, because what is typed goes before a preset, and a default does not.
    add_options(parser, Recipe, with_defaults=False)


def recipe_of(given: argparse.Namespace) -> Recipe:
    """What was typed, over what a preset says."""
    return Recipe().changed({**typed(Recipe, given), "preset": given.preset})


def progress(given: argparse.Namespace) -> Progress:
    """A bar for all stacks."""
    recipe = recipe_of(given)
    parts = stages_of(recipe, registry.make("methods", recipe.method))
    return Progress([("stack", 1.0)], parts)


def require_sound(given: argparse.Namespace) -> None:
    """Raise for what would fail every stack, before the first."""
    options, recipe = built(BatchOptions, given), recipe_of(given)
    console.notes(presets.replaced(given.preset, typed(Recipe, given)))
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
        recipe_of(given),
        given.overwrite,
    )


def tell(row: Outcome) -> None:
    """A stack's line, and its notices."""
    console.say(report.line(row))
    if row.status == "made":
        for notice in row.notices:
            console.note(f"{row.stack}: {notice}")


def summary(rows: Sequence[Outcome], out: Path) -> str:
    """`3 made, 1 failed; results/batch.csv`."""
    counted = {row.status: sum(other.status == row.status for other in rows) for row in rows}
    told = ", ".join(f"{count} {status}" for status, count in counted.items()) or "nothing to do"
    return f"{told}; {printable(str(out / 'batch.csv'))}"
