"""`hyperfocal export`: the graphs that inference runs, made from weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hyperfocal.cli import console
from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.escapes import printable


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "export", help="make the graphs that inference runs, beside weights that were trained"
    )
    parser.add_argument("weights", nargs="+", type=Path, help=".safetensors files")
    parser.add_argument(
        "--shared",
        action="store_true",
        help="leave numbers in the weights file, which then must stay beside the graphs under its "
        "name: graphs of a fraction of the size",
    )
    parser.set_defaults(run=_run, makes_files=True)


def _run(given: argparse.Namespace) -> None:
    try:
        import onnx  # noqa: F401

        from hyperfocal.inference.checkpoints import load_network
        from hyperfocal.training.export import export_graphs
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"exporting needs {error.name}, which is absent; pip install 'hyperfocal[train]'"
        ) from error
    networks = {path: load_network(path) for path in given.weights}
    for path, network in networks.items():
        try:
            made = export_graphs(network, path, is_shared=given.shared)
        except OSError as error:
            raise FormatError(
                f"graphs cannot be written beside {path} ({error.strerror}); free space or copy it "
                "elsewhere"
            ) from error
        for graph in made:
            console.say(printable(str(graph)))
