"""Rooms: subpackages that hold alternatives, one per file; the file's name is the choice's name.

There is no list to edit. A file whose name starts with an underscore is shared by its room and
is no choice. In a file `guided_filter.py` the choice is the class `GuidedFilter`, or, where the
room holds functions, the function `guided_filter`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from hyperfocal.errors import UnknownChoice
from hyperfocal.options import build, parse


def names(room: str) -> list[str]:
    """The choices of a room, sorted: `names("metrics")` -> `["qcb", "qg", "qm"]`."""
    package = importlib.import_module(f"hyperfocal.{room}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def module(room: str, name: str) -> ModuleType:
    """The file of a choice; raises UnknownChoice, with the list, where there is none."""
    key = name.replace("-", "_")
    if key not in names(room):
        raise UnknownChoice(
            f"no {room.rstrip('s')} is called {name!r}; choose one of: {', '.join(names(room))}"
        )
    return importlib.import_module(f"hyperfocal.{room}.{key}")


def choice(room: str, name: str) -> type:
    """The class of a choice: `choice("methods", "sesf")` is `methods.sesf.Sesf`."""
    found: type = getattr(module(room, name), class_name(name))
    return found


def class_name(name: str) -> str:
    """`guided_filter` -> `GuidedFilter`."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def make(room: str, text: str | Any, **options: Any) -> Any:
    """A configured choice from `"name:option=value"`; an object is given back as it is."""
    if not isinstance(text, str):
        return text
    name, written = parse(text)
    return build(choice(room, name), {**written, **options})
