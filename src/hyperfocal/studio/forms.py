"""The options of the package as data, of which the pages make their forms."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from hyperfocal import Recipe, options, registry
from hyperfocal.batch.options import BatchOptions
from hyperfocal.methods import has_depth

Facts = dict[str, Any]
# Options of a recipe that a stack in the studio has other ways for.
_ASIDE = ("method", "order", "slabs_only", "apply_transforms")
_FIRST = ("align", "exposure")  # what is shown before "More"


def form(choice: type, *, aside: tuple[str, ...] = ()) -> list[Facts]:
    """The options of a dataclass, each as a field of a form."""
    bounds = {field.name: field.metadata for field in dataclasses.fields(choice)}
    return [
        {
            "name": info.name,
            "kind": info.kind.__name__,
            "default": info.default,
            "help": info.help,
            "unit": info.unit,
            "choices": list(info.choices),
            "is_optional": info.optional,
            "low": bounds[info.name]["low"],
            "high": bounds[info.name]["high"],
            "is_first": info.name in _FIRST,
        }
        for info in options.infos(choice)
        if info.name not in aside
    ]


@functools.cache
def all_forms() -> Facts:
    """Recipe, batch, and every method with its options."""
    methods = []
    for name, module in registry.modules("methods"):
        choice = registry.choice("methods", name)
        doc = (module.__doc__ or name).strip().splitlines()[0]
        methods.append(
            {
                "name": name,
                "help": doc,
                "is_recommended": module.__name__.startswith("hyperfocal.methods."),
                "has_depth": _has_depth(name),
                "options": form(choice),
            }
        )
    return {
        "recipe": form(Recipe, aside=_ASIDE),
        "batch": form(BatchOptions),
        "methods": methods,
        "default_method": Recipe().method,
    }


def _has_depth(name: str) -> bool:
    try:
        return has_depth(registry.make("methods", name))
    except Exception:  # one that cannot run here says so when it is to
        return False
