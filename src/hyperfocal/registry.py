"""Rooms: packages that hold alternatives, one per file or folder, named as the choice is.

There is no list to edit. A file whose name starts with an underscore is shared by its room and
is no choice. In a file `guided_filter.py` the choice is the class `GuidedFilter` (of a measure
`GuidedFilterMeasure`), or, where the room holds functions, the function `guided_filter`. The folder
of a learned choice holds its network as `network.py`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from hyperfocal.errors import UnknownChoice
from hyperfocal.options import build, parse

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
    return sorted(_places(room))


def module(room: str, name: str) -> ModuleType:
    """The file of a choice; raises UnknownChoice, with the list, where there is none."""
    places = _places(room)
    key = name.replace("-", "_")
    if key not in places:
        raise UnknownChoice(
            f"no {room.rstrip('s')} is called {name!r}; choose one of: {', '.join(sorted(places))}"
        )
    return importlib.import_module(places[key])


def choice(room: str, name: str) -> type:
    """The class of a choice: `choice("methods", "sesf")` is `methods.sesf.Sesf`."""
    found: type = getattr(module(room, name), class_name(name) + _SUFFIXES.get(room, ""))
    return found


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
    raise UnknownChoice(f"no network is called {name!r}; choose one of: {known}")


def _places(room: str) -> dict[str, str]:
    """Module names of a room's choices, by the choices' names."""
    found = {}
    for package in _PACKAGES[room]:
        place = f"hyperfocal.{package}"
        for entry in pkgutil.iter_modules(importlib.import_module(place).__path__):
            if not entry.name.startswith("_"):
                found[entry.name] = f"{place}.{entry.name}"
    return found
