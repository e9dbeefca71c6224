"""Recipes on disk: JSON files, and the pictures that were made by them.

Beside the recipe, a picture says which part of its frames it shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperfocal.errors import OptionError
from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io import formats
from hyperfocal.io.files import text_of

_LARGEST = 1 << 20  # bytes; a recipe has some hundred


def load(path: Path) -> Recipe:
    """The recipe of a JSON file, or of a picture that hyperfocal fused.

    Raises FormatError where there is no such file, OptionError where it holds no recipe that this
    version can follow.
    """
    if path.suffix.lower() != ".json":
        info = formats.open_frames(path)[0].info
        return Recipe.from_json(formats.comment_of(info.exif), called=str(path))
    try:
        text = text_of(path, largest=_LARGEST)
    except ValueError:
        raise OptionError(f"{path} holds no recipe of hyperfocal; save one again") from None
    return Recipe.from_json(text, called=str(path))


@dataclass(frozen=True)
class Area:
    """The part of its frames that a picture shows, in px."""

    frame_height: int
    frame_width: int
    top: int
    left: int
    height: int
    width: int

    def is_of(self, info: FrameInfo) -> bool:
        """Whether a picture is of the size of the frames."""
        return (info.height, info.width) == (self.frame_height, self.frame_width)

    def cut(self, samples: Samples) -> Samples:
        """The part of a picture of the size of the frames."""
        return samples[self.top : self.top + self.height, self.left : self.left + self.width]


def recorded(recipe: Recipe, area: Area | None) -> str:
    """The recipe as a picture carries it, with the part of its frames that it shows.

    Empty for a method that is an object; no area for a picture of the frames' whole size.
    """
    if not isinstance(recipe.method, str):
        return ""
    return recipe.to_json(**({} if area is None else {"area": list(vars(area).values())}))


def area_of(info: FrameInfo) -> Area | None:
    """What a picture says of the part of its frames that it shows; None where it says nothing.

    Also where that does not fit the picture, as after it was cropped once more.
    """
    try:
        area = Area(*json.loads(formats.comment_of(info.exif))["area"])
        is_sound = all(isinstance(side, int) and side >= 0 for side in vars(area).values())
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not is_sound:
        return None
    fits = (area.height, area.width) == (info.height, info.width)
    inside = area.top + area.height <= area.frame_height
    inside = inside and area.left + area.width <= area.frame_width
    return area if fits and inside else None


def area_in(report: Mapping[str, Any]) -> Area | None:
    """The part of its frames that a fusion shows, from its report; None for all of them."""
    area = Area(
        report["frame_height"],
        report["frame_width"],
        report["alignment"]["area"]["top"],
        report["alignment"]["area"]["left"],
        report["height"],
        report["width"],
    )
    is_whole = (area.height, area.width) == (area.frame_height, area.frame_width)
    return None if is_whole else area
