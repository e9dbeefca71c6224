"""One place to declare an option, so that Python, command line, recipe and UI share it.

An option is a field of a frozen dataclass; its metadata carry help, unit and bounds.
`parse` turns `"sesf:radius=7"`-style text into values, `check` holds values to their bounds.
"""

from __future__ import annotations

import dataclasses
import math
import re
import textwrap
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hyperfocal.errors import OptionError

T = TypeVar("T")
_LONGEST_SHOWN = 100  # letters of a value in a message
# A name and its value, which may be quoted, up to the comma behind it.
_OPTION = re.compile(r'\s*([^=,]+?)\s*=\s*+(?:"((?:[^"]|"")*)"|(?!")([^,]*?))\s*(?:,|$)')


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with its help, unit and inclusive bounds."""
    metadata = {"help": help, "unit": unit, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class OptionInfo:
    """What a command line or a form needs to know of one option."""

    name: str
    kind: type
    default: Any
    help: str
    unit: str
    choices: tuple[str, ...]
    optional: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def text(self) -> str:
        """Help with unit and default, as `--help` shows it."""
        extra = [part for part in (self.unit, f"default: {self.default}") if part]
        return f"{self.help} ({', '.join(extra)})" if self.default is not None else self.help


def infos(choice: type) -> list[OptionInfo]:
    """The options of a dataclass, in their order; fields without help are not options."""
    hints = get_type_hints(choice)
    found = []
    for field in dataclasses.fields(choice):
        if "help" not in field.metadata:
            continue
        kind, choices, optional = _kind_of(hints[field.name])
        found.append(
            OptionInfo(
                field.name,
                kind,
                field.default,
                field.metadata["help"],
                field.metadata["unit"],
                choices,
                optional,
            )
        )
    return found


def build(choice: type[T], values: Mapping[str, Any], *, called: str = "") -> T:
    """The dataclass with these options; texts are converted, names and bounds checked.

    `called` is its name in messages. Raises OptionError for an unknown name, a value of the wrong
    type or out of bounds.
    """
    known = {info.name: info for info in infos(choice)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        key = name.replace("-", "_")
        if key not in known:
            names = ", ".join(known) or "none"
            who = called or choice.__name__.lower()
            hint = guess(key, known)
            raise OptionError(f"{who} has no option {shown(name)}{hint}; it has: {names}")
        given[key] = _convert(known[key], value)
    built = choice(**given)
    check(built)
    return built


def check(chosen: Any) -> None:
    """Raise OptionError where a value of this dataclass lies outside its bounds or choices."""
    fields = {field.name: field for field in dataclasses.fields(chosen)}
    for info in infos(type(chosen)):
        value = getattr(chosen, info.name)
        if value is None and info.optional:
            continue
        if info.choices and value not in info.choices:
            hint = guess(str(value), info.choices)
            raise OptionError(
                f"{info.name} is {shown(value)}{hint}; choose one of: {', '.join(info.choices)}"
            )
        low, high = fields[info.name].metadata["low"], fields[info.name].metadata["high"]
        if low is not None and not value >= low:
            raise OptionError(f"{info.name} is {value}; it must be at least {low}")
        if high is not None and not value <= high:
            raise OptionError(f"{info.name} is {value}; it must be at most {high}")


def guess(name: str, known: Iterable[str]) -> str:
    """` (did you mean lp?)` where one of the known names is much like this one; else nothing.

    >>> guess("--overwite", ["--overwrite", "--out"])
    ' (did you mean --overwrite?)'
    >>> guess("xyz", ["lp", "prism"])
    ''
    """
    import difflib  # only a mistake needs it

    folded = {each.casefold().replace("_", "-"): each for each in known}
    near = difflib.get_close_matches(name.casefold().replace("_", "-"), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]}?)" if near else ""


def taken(choice: type[T], chosen: Any) -> T:
    """The dataclass with the options of that name which `chosen` has."""
    fields: Any = choice
    return choice(
        **{field.name: getattr(chosen, field.name) for field in dataclasses.fields(fields)}
    )


def described(choice: type, *, indent: str = "    ") -> str:
    """The options of a dataclass for a docstring, one a paragraph: name, values, help."""
    told = []
    for info in infos(choice):
        values = " | ".join(map(repr, info.choices)) or info.kind.__name__
        head = f"{info.name}: {values}{' | None' if info.optional else ''}"
        told.append(textwrap.fill(head, 92, initial_indent=indent, subsequent_indent=indent * 2))
        told.append(
            textwrap.fill(info.text, 88, initial_indent=indent * 2, subsequent_indent=indent * 2)
        )
    return "\n".join(told)


def parse(text: str) -> tuple[str, dict[str, str]]:
    """`"sesf:radius=7,attention=sse"` as a name and its options.

    A value ends at the next comma; one that has commas of its own stands in double quotes, and
    quotes inside of these are doubled. Nothing else has a meaning in a value.

    >>> parse("sesf:radius=7,attention=sse")
    ('sesf', {'radius': '7', 'attention': 'sse'})
    >>> parse('prism:weights="runs/a,b.safetensors",levels=6')
    ('prism', {'weights': 'runs/a,b.safetensors', 'levels': '6'})
    """
    name, _, rest = text.partition(":")
    values: dict[str, str] = {}
    at = 0
    while at < len(rest):
        if rest[at] in ", ":
            at += 1
            continue
        found = _OPTION.match(rest, at)
        if found is None:
            part = rest[at:].partition(",")[0]
            raise OptionError(
                f"{shown(part)} in {shown(text)} is no option; write name:option=value, and a "
                'value with commas in double quotes: option="a,b"'
            )
        key, quoted, plain = found.groups()
        values[key] = plain if quoted is None else quoted.replace('""', '"')
        at = found.end()
    return name.strip(), values


def shown(value: Any) -> str:
    """A value as a message shows it: one short line.

    >>> shown("maybe"), len(shown("9" * 5000))
    ("'maybe'", 100)
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def written(value: str) -> str:
    """A value as `parse` reads it back.

    >>> written("a,b"), written("a=b")
    ('"a,b"', 'a=b')
    """
    is_plain = "," not in value and not value.startswith('"') and value == value.strip()
    return value if is_plain else '"' + value.replace('"', '""') + '"'


def _kind_of(hint: Any) -> tuple[type, tuple[str, ...], bool]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not type(None)]
        kind, choices, _ = _kind_of(inner[0])
        return kind, choices, True
    if get_origin(hint) is Literal:
        return str, get_args(hint), False
    return hint, (), False


def _convert(info: OptionInfo, value: Any) -> Any:
    if not isinstance(value, str):
        return _checked(info, value)
    if info.kind is str:
        return value
    if info.optional and value.lower() in ("none", ""):
        return None
    try:
        if info.kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                value.lower()
            ]
        return info.kind(value)
    except (KeyError, ValueError):
        raise _no_such(info, value) from None


def _checked(info: OptionInfo, value: Any) -> Any:
    """A value that is no text, as Python or JSON gives it; a number stands for its text."""
    if value is None and (info.optional or info.default is None):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if info.kind is str:
        if value is None or isinstance(value, bool | list | dict):
            raise _no_such(info, value)
        return str(value) if is_number else value
    is_right = {
        bool: isinstance(value, bool),
        int: is_number and math.isfinite(value) and value == int(value),
        float: is_number,
    }
    if not is_right.get(info.kind, True):
        raise _no_such(info, value)
    return value


def _no_such(info: OptionInfo, value: Any) -> OptionError:
    what = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}.get(
        info.kind, info.kind.__name__
    )
    return OptionError(f"{info.name} is {shown(value)}; it must be {what}")
