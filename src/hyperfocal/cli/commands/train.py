"""`hyperfocal train`: a network of your own, from photographs without labels."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from hyperfocal import registry
from hyperfocal.cli import console
from hyperfocal.cli.arguments import add_options
from hyperfocal.cli.progress import Progress
from hyperfocal.errors import MissingExtra, UnknownChoice
from hyperfocal.escapes import printable
from hyperfocal.options import build, written


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "train", help="train a network on photographs, without labels", add_help=False
    )
    # The other options depend on the network and need torch; `_run` parses what is left.
    parser.add_argument("network", nargs="?", default="")
    parser.set_defaults(run=_run, makes_files=True, takes_rest=True)


def _run(given: argparse.Namespace) -> None:
    trainable = registry.names("lessons")
    if given.network not in trainable:
        known = ", ".join(trainable)
        raise UnknownChoice(f"hyperfocal train NETWORK --photos FOLDER…; networks: {known}")
    try:
        from hyperfocal.training import run
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"training needs {error.name}, which is absent; pip install 'hyperfocal[train]'"
        ) from error
    choice = run.options_of(given.network)
    parser = argparse.ArgumentParser(
        prog=f"hyperfocal train {given.network}",
        description=choice.__doc__,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--photos", nargs="+", required=True, type=Path, help="folders of photographs to learn from"
    )
    add_options(parser, choice, with_defaults=False)
    values = vars(parser.parse_args(given.rest))
    photos = values.pop("photos")
    options: Any = build(choice, values)
    with Progress() as progress:
        training = run.train(options, photos, on_progress=progress)
    paths = run.export(training, photos)
    for path in paths:
        console.say(printable(str(path)))
    use = f"{given.network}:weights={written(str(paths[0]))}"
    console.note(f"use them by --method {shlex.quote(use)}")
