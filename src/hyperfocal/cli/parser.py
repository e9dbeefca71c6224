"""What is typed, and one line for what was typed wrong: the nearest name, and the usage at hand."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from hyperfocal.cli import console
from hyperfocal.options import guess

_REQUIRED = re.compile(r"the following arguments are required: (.*)")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    commands: Mapping[str, Parser] = {}  # where there are any

    def command(self, typed: str) -> Parser:
        """The parser of a command; this one for an option. Ends with exit code 2 for neither."""
        if typed.startswith("-"):
            return self
        if typed not in self.commands:
            hint, known = guess(typed, self.commands), ", ".join(self.commands)
            self.error(f"there is no command {typed!r}{hint}; choose one of: {known}")
        return self.commands[typed]

    def error(self, message: str) -> NoReturn:
        """End with exit code 2, the mistake, and the usage of this command."""
        missing = _REQUIRED.fullmatch(message)
        if missing is not None:
            message = f"{missing[1]} must be given"
        console.remark(" ".join(f"{message}; usage: {self.brief_usage()}".split()))
        sys.exit(2)

    def require_known(self, typed: Sequence[str]) -> None:
        """Refuse options that are none, before anything else is amiss with what was typed."""
        known = [flag for action in self._actions for flag in action.option_strings]
        for each in typed:
            name = each.partition("=")[0]
            if each == "--":
                return
            is_option = each.startswith("--") and " " not in name
            if is_option and not any(flag.startswith(name) for flag in known):
                self.refuse([each])

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """End with exit code 2 for what is no argument of this command."""
        typed = next((each for each in unknown if each.startswith("-")), unknown[0])
        name = typed.partition("=")[0]
        known = [flag for action in self._actions for flag in action.option_strings]
        self.error(f"there is no option {name}{guess(name, known)}")

    def brief_usage(self) -> str:
        """`hyperfocal fuse FRAMES… [options], all of them with -h`."""
        needed = [
            _needed(action)
            for action in self._actions
            if action.required or (not action.option_strings and action.nargs != "?")
        ]
        return " ".join([self.prog, *needed, "[options]"]) + ", all of them with -h"


def _needed(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest).upper()
    value = f"{name}…" if action.nargs in ("+", "*") else name
    return f"{action.option_strings[0]} {value}" if action.option_strings else value
