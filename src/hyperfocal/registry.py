"""Rooms: packages that hold alternatives, one per file or folder, named as the choice is.

There is no list to edit. A file whose name starts with an underscore is shared by its room and
is no choice. In a file `guided_filter.py` the choice is the class `GuidedFilter` (of a measure
`GuidedFilterMeasure`), or, where the room holds functions, the function `guided_filter`. The folder
of a learned choice holds its network as `network.py`.

Other packages add choices by entry points of the group `hyperfocal.<room>`, under the choice's
name: the module for formats, metrics, engines and commands, the class for methods and measures.
They are looked for when a room is first asked for, and loaded when they are chosen. Ours win a
clash of names.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from hyperfocal.errors import BrokenChoice, UnknownChoice
from hyperfocal.options import build, guess, parse, shown

# A room's packages; the choices of a room have names of their own in all of them.
_PACKAGES = {
    "commands": ("cli.commands",),
    "engines": ("inference.engines",),
    "formats": ("io.formats",),
    "lessons": ("training.lessons",),
    "measures": ("measures",),
    "methods": ("methods", "baselines"),
    "metrics": ("metrics",),
}
# Of the classes of a room, where another room has the same choices.
_SUFFIXES = {"measures": "Measure"}


def names(room: str) -> list[str]:
    """The choices of a room, sorted.

    >>> names("engines")
    ['onnxruntime', 'openvino', 'torch']
    """
    return sorted({*_places(room), *_foreign(room)})


def module(room: str, name: str) -> ModuleType:
    """The file of a choice; raises UnknownChoice, with the list, where there is none.

    Raises BrokenChoice for one of another package that cannot be loaded.
    """
    found = _found(room, name)
    return found if isinstance(found, ModuleType) else sys.modules[found.__module__]


def modules(room: str) -> Iterator[tuple[str, ModuleType]]:
    """Names and files of all choices that can be loaded; `broken` tells of the others."""
    for name in names(room):
        try:
            yield name, module(room, name)
        except BrokenChoice:
            continue


def broken(room: str) -> list[str]:
    """A line for each choice of another package that cannot be loaded or has a name of ours."""
    told = []
    for name, entry in _foreign(room).items():
        try:
            _loaded(room, entry)
        except BrokenChoice as error:
            told.append(str(error))
        if name in _places(room):
            told.append(
                f"{room.rstrip('s')} {name} of {_package(entry)} has the name of one of ours, "
                "which is taken"
            )
    return told


def choice(room: str, name: str) -> type:
    """The class of a choice: `choice("methods", "sesf")` is `methods.sesf.Sesf`."""
    found = _found(room, name)
    if not isinstance(found, ModuleType):
        return found
    made: type = getattr(found, class_name(name) + _SUFFIXES.get(room, ""))
    return made


def class_name(name: str) -> str:
    """The class of a choice.

    >>> class_name("guided_filter")
    'GuidedFilter'
    """
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def make(room: str, text: str | Any, **options: Any) -> Any:
    """A configured choice from `"name:option=value"`; an object is given back as it is."""
    if not isinstance(text, str):
        return text
    name, written = parse(text)
    return build(choice(room, name), {**written, **options}, called=name)


def network(name: str, part: str = "network") -> ModuleType:
    """`network.py`, another part, or for "" the folder itself of a learned choice."""
    for room in ("measures", "methods"):
        place = _places(room).get(name)
        folder = None if place is None else importlib.import_module(place)
        if folder is not None and hasattr(folder, "__path__"):
            return importlib.import_module(f"{place}.{part}") if part else folder
    known = ", ".join(names("lessons"))
    hint = guess(name, names("lessons"))
    raise UnknownChoice(f"no network is called {name!r}{hint}; choose one of: {known}")


def _found(room: str, name: str) -> Any:
    """The module of a choice of ours; module or class of one of others."""
    places, foreign = _places(room), _foreign(room)
    key = name.replace("-", "_")
    if key in places:
        return importlib.import_module(places[key])
    if key in foreign:
        return _loaded(room, foreign[key])
    raise UnknownChoice(
        f"no {room.rstrip('s')} is called {shown(name)}{guess(name, names(room))}; choose one of: "
        + ", ".join(names(room))
    )


@functools.cache
def _foreign(room: str) -> dict[str, EntryPoint]:
    """What other packages add to a room, by name; nothing is loaded."""
    return {entry.name: entry for entry in entry_points(group=f"hyperfocal.{room}")}


def _loaded(room: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    # Whatever happens while another package is imported is its own affair.
    except Exception as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise BrokenChoice(
            f"{room.rstrip('s')} {entry.name} of {_package(entry)} cannot be loaded ({told}); "
            "update or remove that package"
        ) from error


def _package(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist is not None else entry.value


def _places(room: str) -> dict[str, str]:
    """Module names of a room's choices, by the choices' names."""
    found = {}
    for package in _PACKAGES[room]:
        place = f"hyperfocal.{package}"
        for entry in pkgutil.iter_modules(importlib.import_module(place).__path__):
            if not entry.name.startswith("_"):
                found[entry.name] = f"{place}.{entry.name}"
    return found
