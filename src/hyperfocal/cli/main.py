"""The command line: what is typed becomes a call of the public API, errors become one line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

import hyperfocal
from hyperfocal import registry
from hyperfocal.cli import console
from hyperfocal.cli.parser import Parser
from hyperfocal.errors import HyperfocalError

_ORDER = (
    "fuse",
    "batch",
    "watch",
    "views",
    "evaluate",
    "metrics",
    "bench",
    "methods",
    "train",
    "export",
)  # as --help lists them


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the process ends with 0, 2 (what the user can mend), 130 or 143.

    130 is Ctrl-C, 143 is SIGTERM.
    """
    # FFmpeg speaks of damaged films itself, in many lines and before our one.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    given = _parsed(sys.argv[1:] if arguments is None else list(arguments))
    # A scheduler's or a shutdown's request to end cleans up as Ctrl-C does.
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: _stop(came, number))
    try:
        given.run(given)
    except HyperfocalError as error:
        sys.exit(_complain(str(error)))
    except BrokenPipeError:
        sys.exit(0)
    except BaseException:
        # Not only KeyboardInterrupt: a library that is just being loaded makes it something else.
        if not came:
            raise
        print(
            f"hyperfocal: stopped; {getattr(given, 'kept', 'nothing was written')}", file=sys.stderr
        )
        sys.exit(128 + came[0])


def _stop(came: list[int], number: int) -> None:
    came.append(number)
    raise KeyboardInterrupt


def _complain(message: str) -> int:
    text = " ".join(f"hyperfocal: {message}".split())
    print(console.shown(text, sys.stderr), file=sys.stderr)
    return 2


def _parsed(arguments: list[str]) -> argparse.Namespace:
    """What was typed; ends with one line and exit code 2 where it cannot be understood."""
    parser = _parser()
    if not arguments:
        parser.print_help()
        sys.exit(0)
    command = parser.command(arguments[0])
    takes_rest = command.get_default("takes_rest")
    if not takes_rest:
        command.require_known(arguments)
    given, rest = parser.parse_known_args(arguments)
    if rest and not takes_rest:
        command.refuse(rest)
    given.rest = rest
    return given


def _parser() -> Parser:
    parser = Parser(
        prog="hyperfocal", description="Focus stacking: many photographs in, one sharp picture out."
    )
    told = f"hyperfocal {hyperfocal.__version__}"
    parser.add_argument("-V", "--version", action="version", version=told)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    found = dict(registry.modules("commands"))
    for name in sorted(found, key=lambda name: (*_ORDER, *found).index(name)):
        found[name].add(commands)
    parser.commands = commands.choices
    return parser
