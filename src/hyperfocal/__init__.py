"""Multi-focus image fusion: photographs sharp at different distances become one sharp everywhere.

>>> import hyperfocal
>>> fusion = hyperfocal.fuse("stack/*.tif", "fused.tif")  # doctest: +SKIP
"""

from hyperfocal.errors import (
    AlignmentError,
    Cancelled,
    FormatError,
    HyperfocalError,
    MissingExtra,
    OptionError,
    StackError,
    UnknownChoice,
)
from hyperfocal.evaluation import Evaluation, evaluate
from hyperfocal.fusion.api import Fusion, fuse
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.stacker import Stacker
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import Stack
from hyperfocal.version import VERSION

__version__ = VERSION

__all__ = [
    "AlignmentError",
    "Cancelled",
    "Evaluation",
    "FormatError",
    "Fusion",
    "HyperfocalError",
    "MissingExtra",
    "OptionError",
    "Recipe",
    "Stack",
    "StackError",
    "Stacker",
    "UnknownChoice",
    "evaluate",
    "fuse",
    "open_stack",
]
