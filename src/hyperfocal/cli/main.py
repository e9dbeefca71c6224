"""The command line: what is typed becomes a call of the public API, errors become one line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

import hyperfocal
from hyperfocal import registry
from hyperfocal.errors import HyperfocalError

_ORDER = (
    "fuse",
    "batch",
    "watch",
    "studio",
    "views",
    "evaluate",
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
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if rest and not getattr(given, "takes_rest", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
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
    print("hyperfocal: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hyperfocal", description="Focus stacking: many photographs in, one sharp picture out."
    )
    parser.add_argument("--version", action="version", version=hyperfocal.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    found = dict(registry.modules("commands"))
    for name in sorted(found, key=lambda name: (*_ORDER, *found).index(name)):
        found[name].add(commands)
    return parser
