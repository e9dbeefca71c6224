"""`hyperfocal methods`: what `--method` can be."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hyperfocal import registry
from hyperfocal.escapes import printable
from hyperfocal.options import infos


def add(commands: Any) -> None:
    parser = commands.add_parser("methods", help="list the fusion methods and their options")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> None:
    for name, module in registry.modules("methods"):
        print(f"{name}: {(module.__doc__ or 'no description').strip().splitlines()[0]}")
        for info in infos(registry.choice("methods", name)):
            print(f"    {info.name}: {info.text}")
    for line in registry.broken("methods"):
        print(f"hyperfocal: note: {printable(line)}", file=sys.stderr)
