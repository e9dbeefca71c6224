"""`hyperfocal watch`: a folder fills with frames, and complete stacks become pictures."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hyperfocal.batch import report
from hyperfocal.batch.folders import require_root
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.runs import Outcome
from hyperfocal.batch.watch import Watcher, WatchOptions
from hyperfocal.cli import console, shoots
from hyperfocal.cli.arguments import add_options, built

_WATCH = """\
Fuse stacks as their frames arrive in a folder, from a camera, a card or a microscope.

  hyperfocal watch incoming/ -o fused/ --quiet 10
  hyperfocal watch incoming/ -o fused/ --once      what is complete now: for cron

A frame counts once its size stays the same; a stack is complete after --quiet seconds without a new
frame. Stacks are told apart, named, remembered and reported as by `hyperfocal batch`. A frame that
comes later makes its stack anew. Ends with Ctrl-C (130) or SIGTERM (143); with --once with 0, or 1
if a stack failed; with 2 for mistakes."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "watch",
        help="fuse stacks as their frames arrive",
        description=_WATCH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="fuse what is complete now, and end")
    add_options(parser, WatchOptions)
    shoots.add_arguments(parser)
    parser.set_defaults(run=_run, makes_files=True, kept=shoots.KEPT)


def _run(given: argparse.Namespace) -> None:
    shoots.require_sound(given)
    # Before the folder of results is made.
    require_root(given.folder, exclude=given.out)
    report.require_own(given.out, overwrite=given.overwrite)
    options = built(WatchOptions, given)
    bar = shoots.progress(given)
    with Ledger(given.out) as ledger, bar as progress:
        for notice in ledger.notices:
            console.note(notice)
        watcher = Watcher(given.folder, shoots.work_of(given, ledger), options)
        rows: dict[str, Outcome] = {}
        for row in watcher.rows(once=given.once, on_step=progress):
            rows[row.stack] = row
            bar.clear()
            if row.status != "kept":
                shoots.tell(row)
            report.write(given.out, list(rows.values()), ())
    console.remark(shoots.summary(list(rows.values()), given.out))
    sys.exit(1 if any(row.failure for row in rows.values()) else 0)
