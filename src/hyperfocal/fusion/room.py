"""Memory that was refused, told in one line with what would fit."""

from __future__ import annotations

import math

from hyperfocal import registry
from hyperfocal.compute import machine
from hyperfocal.errors import HyperfocalError
from hyperfocal.frame import FrameInfo
from hyperfocal.fusion.recipe import Recipe

# Measured with `ulimit -v` on stacks of 24 megapixels; engines and their threads are in the first.
_FIXED = 1.2 * 2**30
_BYTES_PER_PIXEL = 110  # what lives while a tile is small: the picture, its maps, two frames
_OF_TILES = 80  # at their highest, where a method does not say


def told(info: FrameInfo | None, recipe: Recipe) -> str:
    """What happened, and how much a stack of such frames needs."""
    name = recipe.method if isinstance(recipe.method, str) else type(recipe.method).__name__
    limit = machine.shell_limit()
    allowed = "" if limit is None else f", of which {limit / 2**30:.2f} GB are allowed (ulimit -v)"
    if info is None:
        return f"there is too little memory for {name}{allowed}; allow more"
    return (
        f"there is too little memory for {name} on frames of {info.width}×{info.height}: about "
        f"{math.ceil(needed_bytes(info, recipe) / 2**30 * 10) / 10:.1f} GB would do{allowed}; "
        "allow more, or fuse smaller frames"
    )


def needed_bytes(info: FrameInfo, recipe: Recipe) -> float:
    """Address space in which a stack of such frames is surely fused."""
    pixels = info.height * info.width
    try:
        method = registry.make("methods", recipe.method)
    except HyperfocalError:
        method = None
    held = getattr(method, "bytes_per_pixel", _OF_TILES)
    # A method that takes the picture as a whole gets half of what is free.
    of_whole = 2 * held if getattr(method, "halo", 0) is None else 0
    return _FIXED + pixels * max(_BYTES_PER_PIXEL, of_whole + 40)
