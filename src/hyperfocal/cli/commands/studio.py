"""`hyperfocal studio`: look at stacks, fuse and compare them, in the browser."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

from hyperfocal.cli import shoots

_STUDIO = """\
Look at stacks, fuse them and compare the results, in your browser.

  hyperfocal studio my_shoot/
  hyperfocal studio --no-browser    # prints the address

Serves this machine only, and only what lies in FOLDER. Over ssh, forward the port that it prints.
Results and decisions are kept in FOLDER/.hyperfocal-studio, exports go where you say."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "studio",
        help="look, fuse and compare in the browser",
        description=_STUDIO,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="what it may see; default: this folder"
    )
    parser.add_argument("--port", type=int, help="default: 8642, or the next one that is free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--uploads", action="store_true", help="take files that are dropped on the start page"
    )
    parser.set_defaults(run=_run, kept=shoots.KEPT)


def _run(given: argparse.Namespace) -> None:
    from hyperfocal.studio import serve

    serve.run(
        [Path(folder) for folder in given.folders or ["."]],
        port=given.port,
        opens_browser=not given.no_browser,
        takes_drops=given.uploads,
        say=functools.partial(print, flush=True),
    )
