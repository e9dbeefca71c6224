"""Recipes on disk: JSON files, and the pictures that were made by them."""

from __future__ import annotations

from pathlib import Path

from hyperfocal.errors import OptionError
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
