"""Arguments that come from the dataclasses of the API, so that nothing is declared twice."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from hyperfocal.options import build, infos

T = TypeVar("T")


def add_options(
    parser: argparse.ArgumentParser, choice: type, *, with_defaults: bool = True
) -> None:
    """A flag for every option of a dataclass."""
    for info in infos(choice):
        default = info.default if with_defaults else argparse.SUPPRESS
        if info.kind is bool:
            parser.add_argument(
                info.flag, action=argparse.BooleanOptionalAction, default=default, help=info.text
            )
        else:
            parser.add_argument(
                info.flag,
                default=default,
                # Not as `choices`, because OptionError guesses what was meant.
                metavar="{" + ",".join(info.choices) + "}" if info.choices else info.name.upper(),
                help=info.text,
            )


def typed(choice: type, given: argparse.Namespace) -> dict[str, Any]:
    """The options of a dataclass that were typed."""
    return {info.name: vars(given)[info.name] for info in infos(choice) if info.name in given}


def built(choice: type[T], given: argparse.Namespace) -> T:
    """The dataclass as it was typed; raises OptionError."""
    return build(choice, typed(choice, given))
