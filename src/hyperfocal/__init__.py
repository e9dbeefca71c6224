"""Multi-focus image fusion: photographs sharp at different distances become one sharp everywhere.

>>> import hyperfocal
>>> fusion = hyperfocal.fuse("stack/*.tif", "fused.tif")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hyperfocal.version import VERSION

if TYPE_CHECKING:
    from hyperfocal.errors import (
        AlignmentError,
        BrokenChoice,
        Cancelled,
        FormatError,
        HyperfocalError,
        MissingExtra,
        Notice,
        OptionError,
        StackError,
        UnknownChoice,
    )
    from hyperfocal.evaluation import Evaluation, evaluate
    from hyperfocal.example_stack import example
    from hyperfocal.fusion.api import Fusion
    from hyperfocal.fusion.flow import fuse
    from hyperfocal.fusion.recipe import Recipe
    from hyperfocal.fusion.retouch import Stroke
    from hyperfocal.fusion.stacker import Stacker
    from hyperfocal.stack.opening import open_stack
    from hyperfocal.stack.stack import Stack

__version__ = VERSION

__all__ = [
    "AlignmentError",
    "BrokenChoice",
    "Cancelled",
    "Evaluation",
    "FormatError",
    "Fusion",
    "HyperfocalError",
    "MissingExtra",
    "Notice",
    "OptionError",
    "Recipe",
    "Stack",
    "StackError",
    "Stacker",
    "Stroke",
    "UnknownChoice",
    "evaluate",
    "example",
    "fuse",
    "open_stack",
]

# Loaded when they are asked for: the command line must be able to answer signals before that.
_PLACES = {
    "Evaluation": "evaluation",
    "Fusion": "fusion.api",
    "Recipe": "fusion.recipe",
    "Stack": "stack.stack",
    "Stacker": "fusion.stacker",
    "Stroke": "fusion.retouch",
    "evaluate": "evaluation",
    "example": "example_stack",
    "fuse": "fusion.flow",
    "open_stack": "stack.opening",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hyperfocal' has no attribute {name!r}")
    value = getattr(import_module(f"hyperfocal.{_PLACES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
