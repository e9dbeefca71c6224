"""`hyperfocal views`: the maps of a fusion as coloured pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hyperfocal.cli import console
from hyperfocal.escapes import printable
from hyperfocal.visualisation import write_views


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "views",
        help="draw the maps of `fuse --maps` as coloured pictures",
        description="Draw decision (before and after), relief, activity and confidence, as far as "
        "the method made them, and with --picture a tinted overlay, with --frame too the "
        "difference between picture and frame.",
    )
    parser.add_argument("maps", type=Path, help="the folder that `fuse --maps` wrote")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--picture", type=Path, help="the fused picture")
    parser.add_argument("--frame", type=Path, help="one of the frames")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.set_defaults(run=_run, makes_files=True)


def _run(given: argparse.Namespace) -> None:
    for path in write_views(
        given.maps, given.out, picture=given.picture, frame=given.frame, overwrite=given.overwrite
    ):
        console.say(printable(str(path)))
