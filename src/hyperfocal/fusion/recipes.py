"""Recipes on disk: JSON files, and the pictures that were made by them."""

from __future__ import annotations

from pathlib import Path

from hyperfocal.errors import FormatError, OptionError
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io import formats

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
        if path.stat().st_size > _LARGEST:
            raise OptionError(f"{path} holds no recipe of hyperfocal; save one again")
        text = path.read_text("utf-8")
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}; check the path") from error
    except UnicodeDecodeError:
        raise OptionError(f"{path} holds no recipe of hyperfocal; save one again") from None
    return Recipe.from_json(text, called=str(path))
