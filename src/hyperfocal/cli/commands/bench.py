"""`hyperfocal bench`: data sets × methods × metrics, our own and other programs."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from hyperfocal.bench.plan import BenchPlan
from hyperfocal.cli import console, shoots
from hyperfocal.cli.arguments import add_options
from hyperfocal.cli.progress import Progress
from hyperfocal.escapes import printable
from hyperfocal.options import build, infos

_BENCH = """\
Compare methods, and other programs, on data sets: tables, figures and contact sheets.

  hyperfocal bench data/pairs data/rendered -o results --methods prism sesf lp
  hyperfocal bench data/pairs -o results --methods prism \\
      --command "focusweave: focusweave {folder} --no-align --output {out}"

Scenes are found in the folders given and all below:
  NAME-A.png NAME-B.png (NAME-C.png …)  one scene for each NAME; NAME-GT: its reference,
                                        NAME-depth: its depth map
  frame_000.png frame_001.png …         one scene; reference and depth beside the frames
  frames/000.png …                      one scene; gt or reference, and depth, beside frames/
  any other folder of pictures          one scene of all of them, in natural order

Every run is a process of its own, ours and others', and its time and memory are measured. All
that is found stays in OUT/cache: the same command again answers from there, goes on after an
interruption, and runs only what has changed.

Writes OUT/results.md, .csv, .json, OUT/figures/ and OUT/sheets/, and prints the tables. Ends with
0 if all runs made a picture, 1 if some failed (their rows say why), 2 for mistakes, 130 after
Ctrl-C."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="compare methods and programs on data sets",
        description=_BENCH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", nargs="+", type=Path, help="folders of data sets")
    parser.add_argument("-o", "--out", required=True, type=Path, help="folder for the results")
    parser.add_argument(
        "--methods", nargs="+", metavar="METHOD", help="as fuse --method takes them; default: prism"
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="'NAME: PROGRAM …'",
        help="another program; in it {frames}, {folder} and {out} are replaced; may be repeated",
    )
    add_options(parser, BenchPlan)
    parser.set_defaults(run=_run, makes_files=True, kept=shoots.KEPT)


def _run(given: argparse.Namespace) -> None:
    from hyperfocal.bench import figures, report, runs
    from hyperfocal.bench.cache import Cache
    from hyperfocal.bench.contenders import contenders_of
    from hyperfocal.bench.scenes import find_scenes

    plan = _plan(given)
    contenders_of(plan), plan.metric_names()
    if plan.figures:
        figures.require_matplotlib()
    scenes = find_scenes(given.data, plan.scenes, exclude=given.out)
    with Cache(given.out / "cache") as cache, Progress() as progress:
        rows = runs.compare(scenes, plan, cache, on_step=progress)
        markdown = report.write(given.out, scenes, rows, plan, cache, on_step=progress)
    console.say("\n".join(map(printable, markdown.removesuffix("\n").split("\n"))))
    failures = [row for row in rows if row.failure]
    known = sum(row.is_remembered for row in rows)
    console.remark(
        f"{len(rows) - known} runs made, {known} from the cache, {len(failures)} failed; "
        f"{given.out}"
    )
    sys.exit(1 if failures else 0)


def _plan(given: argparse.Namespace) -> BenchPlan:
    plan = build(BenchPlan, {info.name: getattr(given, info.name) for info in infos(BenchPlan)})
    methods = given.methods if given.methods is not None else () if given.command else plan.methods
    return dataclasses.replace(plan, methods=tuple(methods), commands=tuple(given.command))
