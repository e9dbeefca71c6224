"""`hyperfocal methods`: what `--method` can be."""

from __future__ import annotations

import argparse
from typing import Any

from hyperfocal import registry
from hyperfocal.options import infos


def add(commands: Any) -> None:
    parser = commands.add_parser("methods", help="list the fusion methods and their options")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> None:
    for name in registry.names("methods"):
        module = registry.module("methods", name)
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        for info in infos(registry.choice("methods", name)):
            print(f"    {info.name}: {info.text}")
