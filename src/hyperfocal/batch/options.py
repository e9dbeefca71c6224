"""The options of a batch: how frames are grouped and what their pictures are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hyperfocal.errors import OptionError
from hyperfocal.io import formats
from hyperfocal.options import guess, option


@dataclass(frozen=True)
class BatchOptions:
    """What is a stack, and where its picture goes."""

    group: str = option(
        "auto",
        "what makes a stack: auto (each sub-folder; loose frames by time, exposure and likeness), "
        "folder, time, or count=N",
    )
    gap: float | None = option(
        None,
        "pause between frames that begins a new stack; default: five times the usual one",
        unit="s",
        low=0,
    )
    suffix: str = option(".tif", "format of the pictures")
    name: str = option(
        "{stack}",
        "what pictures are called, of {stack}, {folder}, {first}, {last}, {count} and {number}",
    )
    depth: bool = option(False, "also write depth maps, as NAME_depth.tif")

    def __post_init__(self) -> None:
        # `tif` can only mean `.tif`.
        if self.suffix and not self.suffix.startswith("."):
            object.__setattr__(self, "suffix", f".{self.suffix}")

    @property
    def frame_count(self) -> int | None:
        """N of `count=N`; raises OptionError where `group` is no way to group."""
        if self.group in ("auto", "folder", "time"):
            return None
        match = re.fullmatch(r"count=(\d{1,6})", self.group)
        if match is None or int(match[1]) < 2:
            raise OptionError(
                f"group is {self.group!r}; choose auto, folder, time or count=N with N of 2 or more"
            )
        return int(match[1])

    def require_sound(self) -> None:
        """Raise OptionError where no stack could be grouped or written so."""
        _ = self.frame_count
        if self.suffix not in formats.writable_suffixes():
            known = ", ".join(formats.writable_suffixes())
            hint = guess(self.suffix, formats.writable_suffixes())
            raise OptionError(f"suffix is {self.suffix!r}{hint}; choose one of: {known}")
