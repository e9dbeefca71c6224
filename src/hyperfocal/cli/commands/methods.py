"""`hyperfocal methods`: what `--method` can be."""

from __future__ import annotations

import argparse
from typing import Any

from hyperfocal import registry
from hyperfocal.cli import console
from hyperfocal.options import infos


def add(commands: Any) -> None:
    parser = commands.add_parser("methods", help="list the fusion methods and their options")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> None:
    for name, module in registry.modules("methods"):
        console.say(f"{name}: {(module.__doc__ or 'no description').strip().splitlines()[0]}")
        for info in infos(registry.choice("methods", name)):
            console.say(f"    {info.name}: {info.text}")
    console.notes(registry.broken("methods"))
