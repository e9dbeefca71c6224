"""Arguments that come from the dataclasses of the API, so that nothing is declared twice."""

from __future__ import annotations

import argparse
from typing import TypeVar

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
                choices=info.choices or None,
                metavar=None if info.choices else info.name.upper(),
                help=info.text,
            )


def built(choice: type[T], given: argparse.Namespace) -> T:
    """The dataclass as it was typed; raises OptionError."""
    return build(choice, {info.name: getattr(given, info.name) for info in infos(choice)})
