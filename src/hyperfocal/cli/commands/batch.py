"""`hyperfocal batch`: a whole shoot, a picture for each stack in it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hyperfocal.batch import report
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import make_plan
from hyperfocal.batch.report import counted
from hyperfocal.batch.runs import Outcome, run_jobs
from hyperfocal.cli import console, shoots
from hyperfocal.cli.arguments import built
from hyperfocal.cli.progress import Progress
from hyperfocal.escapes import printable

_BATCH = """\
Fuse every stack in a folder: each sub-folder, or groups of frames in one folder.

  hyperfocal batch shoot/ -o fused/ --dry-run
  hyperfocal batch shoot/ -o fused/
  hyperfocal batch shoot/ -o fused/ --group count=20 --suffix .png --method lp

The same command again goes on where it was, after a crash as after Ctrl-C, and makes only what is
new or has changed: other frames, another method, other options. A stack that fails does not stop
the others; its line tells why. Writes OUT/batch.csv and OUT/batch.json.

Ends with 0 if all stacks are there, 1 if some failed, 2 for mistakes, 130 after Ctrl-C."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "batch",
        help="fuse all stacks of a folder",
        description=_BATCH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    shoots.add_arguments(parser)
    parser.set_defaults(run=_run, makes_files=True, kept=shoots.KEPT)


def _run(given: argparse.Namespace) -> None:
    shoots.require_sound(given)
    options = built(BatchOptions, given)
    with Progress() as progress:
        plan = make_plan(given.folder, given.out, options, on_step=progress)
    for notice in plan.notices:
        console.note(notice)
    if given.dry_run:
        console.say(_table(plan.jobs, options.suffix))
        return
    report.require_own(given.out, overwrite=given.overwrite)
    bar = shoots.progress(given)
    with Ledger(given.out) as ledger, bar as progress:
        for notice in ledger.notices:
            console.note(notice)
        work = shoots.work_of(given, ledger)
        rows: list[Outcome] = []
        try:
            for row in run_jobs(plan.jobs, work, on_step=progress):
                rows.append(row)
                bar.clear()
                shoots.tell(row)
        finally:
            # Ctrl-C leaves a report too, of what was done and what was not.
            left = [work.waiting(job) for job in plan.jobs[len(rows) :]]
            report.write(given.out, [*rows, *left], plan.notices)
    console.remark(shoots.summary(rows, given.out))
    sys.exit(1 if any(row.failure for row in rows) else 0)


def _table(jobs: Any, suffix: str) -> str:
    lines = []
    for job in jobs:
        ends = (
            " … ".join(dict.fromkeys([job.frames[0].name, job.frames[-1].name]))
            if job.frames
            else ""
        )
        told = job.failure or ("a frame by itself, skipped" if job.is_lone else job.reason)
        told = f"{job.name}{suffix}  {counted(len(job.frames))}  {ends}  ({told})"
        lines.append(printable(told))
    frame_count = sum(len(job.frames) for job in jobs)
    stack_count = sum(not job.is_lone and not job.failure for job in jobs)
    stacks = f"{stack_count} stack{'s' * (stack_count != 1)}"
    return "\n".join([*lines, f"{stacks} of {counted(frame_count)}"])
