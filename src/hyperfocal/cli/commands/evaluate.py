"""`hyperfocal evaluate`: metrics of one fused picture."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hyperfocal.cli import console
from hyperfocal.cli.commands import metrics
from hyperfocal.escapes import printable
from hyperfocal.evaluation import NOISE_WARNING, evaluate
from hyperfocal.metrics import CONVENTIONS


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure the quality of a fused picture",
        description="Metrics of a fused picture: ↑ higher is better, ↓ lower is, nothing where "
        "neither is; `hyperfocal metrics` says what they are. " + NOISE_WARNING + ".",
    )
    parser.add_argument("fused", help="the fused picture")
    parser.add_argument("--sources", nargs="+", default=[], help="the frames it was made from")
    parser.add_argument("--reference", help="a picture of the scene that is sharp everywhere")
    parser.add_argument("--depth", help="its depth map, one channel: adds PSNR near depth edges")
    parser.add_argument("--metrics", help="names with commas between; default: all that apply")
    parser.add_argument(
        "--grey",
        choices=CONVENTIONS,
        default="255",
        help="value range: 255, or as in the SESF-Fuse paper's tables (not with --reference, "
        "which takes colours on 0…255)",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> None:
    names = given.metrics.split(",") if given.metrics else None
    evaluation = evaluate(
        given.fused,
        given.sources,
        reference=given.reference,
        depth=given.depth,
        metrics=names,
        grey=given.grey,
    )
    if given.json:
        told: dict[str, Any] = {"metrics": evaluation.values, "undefined": evaluation.undefined}
        told["notices"] = list(evaluation.notices)
        console.say(json.dumps({**told, "grey": given.grey, "warning": NOISE_WARNING}, indent=2))
        return
    for name, value in evaluation.values.items():
        console.say(f"{name:10} {value:<12.6g} {metrics.arrow(name)}".rstrip())
    for name, reason in evaluation.undefined.items():
        console.say(f"{name:10} undefined: {printable(reason)}")
    console.notes([*evaluation.notices, NOISE_WARNING])
