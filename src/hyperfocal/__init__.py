"""Multi-focus image fusion: photographs sharp at different distances become one sharp everywhere.

>>> import hyperfocal
>>> fusion = hyperfocal.fuse("stack/*.tif", "fused.tif")  # doctest: +SKIP
"""

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
from hyperfocal.example import example
from hyperfocal.fusion.api import Fusion
from hyperfocal.fusion.flow import fuse
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.fusion.retouch import Stroke
from hyperfocal.fusion.stacker import Stacker
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import Stack
from hyperfocal.version import VERSION

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
