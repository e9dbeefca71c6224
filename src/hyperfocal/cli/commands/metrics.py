"""`hyperfocal metrics`: what `evaluate` measures, and in which direction it is good."""

from __future__ import annotations

import argparse
from typing import Any

from hyperfocal import registry
from hyperfocal.cli import console
from hyperfocal.evaluation import needs

# Numbers that describe a picture, of which neither more nor less is better.
_WITHOUT_DIRECTION = "A descriptive number without a direction."


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "metrics",
        help="list the metrics, what they need and in which direction they are good",
        description="The metrics of `evaluate` and `bench`: ↑ higher is better, ↓ lower is better, "
        "nothing where neither is; in brackets what each compares the fused picture with.",
    )
    parser.set_defaults(run=_run)


def arrow(name: str) -> str:
    """↑ where higher is better, ↓ where lower is, nothing where neither is."""
    found = registry.module("metrics", name.lower().replace("-", "_"))
    if _WITHOUT_DIRECTION in (found.__doc__ or ""):
        return ""
    return "↑" if found.HIGHER_IS_BETTER else "↓"


def _run(given: argparse.Namespace) -> None:
    for name, module in registry.modules("metrics"):
        told = (module.__doc__ or "no description").strip().splitlines()[0].rstrip(".")
        needed = " and ".join(sorted(needs(name)))
        console.say(f"{name:10} {arrow(name):1}  {told}{f' [{needed}]' if needed else ''}")
    console.notes(registry.broken("metrics"))
