"""The command line: what is typed becomes a call of the public API, errors become one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hyperfocal.cli import console, ending
from hyperfocal.errors import HyperfocalError
from hyperfocal.version import VERSION

if TYPE_CHECKING:
    from hyperfocal.cli.parser import Parser

_ORDER = (
    "fuse",
    "batch",
    "watch",
    "studio",
    "views",
    "evaluate",
    "metrics",
    "bench",
    "methods",
    "train",
    "export",
)  # as --help lists them


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the process ends with 0, 1, 2, 130 or 143.

    1 is what a command says of its own, or that what it printed was not written, 2 what the user
    can mend, 130 Ctrl-C, 143 SIGTERM.
    """
    signals = ending.Signals()
    signals.meet()
    ending.mend_streams()
    try:
        code, prints = _run(arguments, signals)
    except KeyboardInterrupt:  # at the very end
        code, prints = _stopped(signals), False
    # Nothing that comes now changes what was done.
    signals.close(for_good=arguments is None)
    lost = ending.flush_streams()
    if lost is not None and prints:
        _complain(f"standard output cannot be written: {lost}; choose another place for it")
        code = code or 1
    ending.flush_streams()
    if code is not None:
        sys.exit(code)


def _run(arguments: Sequence[str] | None, signals: ending.Signals) -> tuple[int | None, bool]:
    """The exit code where there is one, and whether what was printed is what was asked for."""
    prints = True
    try:
        # FFmpeg speaks of damaged films itself, in many lines and before our one.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        # Whatever a film says, it is made of files.
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")
        given = _parsed(sys.argv[1:] if arguments is None else list(arguments))
        # What is made is in files; of what is printed, only what was asked for counts.
        asked = getattr(given, "json", False) or getattr(given, "dry_run", False)
        prints = asked or not getattr(given, "makes_files", False)
        # A scheduler's or a shutdown's request to end cleans up as Ctrl-C does.
        signals.work(getattr(given, "kept", None))
        given.run(given)
    except HyperfocalError as error:
        return _complain(str(error)), prints
    except SystemExit as error:
        # Of argparse, of commands, and of a stop that came while one was on its way.
        if signals.came is None:
            return _code(error), prints
        return _stopped(signals), prints
    except BaseException as error:
        # Not only KeyboardInterrupt: a library that is just being loaded makes it something else.
        if signals.came is not None:
            return _stopped(signals), prints
        if not _lacks_memory(error):
            raise
        return _complain(_out_of_memory()), prints
    return None, prints


def _stopped(signals: ending.Signals) -> int:
    print(signals.tell(), end="", file=sys.stderr)
    return 128 + (signals.came or 0)


def _code(error: SystemExit) -> int:
    if isinstance(error.code, str):
        return _complain(error.code)
    return int(error.code or 0)


def _lacks_memory(error: BaseException) -> bool:
    from hyperfocal.compute import machine

    return machine.lacks_memory(error)


def _out_of_memory() -> str:
    from hyperfocal.compute import machine

    limit = machine.shell_limit()
    allowed = "" if limit is None else f" (ulimit -v allows {limit / 2**30:.2f} GB)"
    return f"there is too little memory{allowed}; allow more, or close other programs"


def _complain(message: str) -> int:
    console.remark(" ".join(message.split()))
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
    # Here, because it takes long: signals must be met before.
    from hyperfocal import registry
    from hyperfocal.cli.parser import Parser

    parser = Parser(
        prog="hyperfocal", description="Focus stacking: many photographs in, one sharp picture out."
    )
    parser.add_argument("-V", "--version", action="version", version=f"hyperfocal {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    found = dict(registry.modules("commands"))
    for name in sorted(found, key=lambda name: (*_ORDER, *found).index(name)):
        found[name].add(commands)
    parser.commands = commands.choices
    return parser
