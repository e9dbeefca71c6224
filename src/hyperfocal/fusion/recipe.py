"""A whole run as data: what Python, command line and saved recipe share."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hyperfocal.alignment import Alignment, Exposure, OnMisaligned
from hyperfocal.errors import OptionError
from hyperfocal.methods import Method
from hyperfocal.options import option


@dataclass(frozen=True)
class Recipe:
    """How to fuse a stack."""

    method: str | Method = option("prism", "fusion method, with options as name:option=value,…")
    align: Alignment = option(
        "auto",
        "how frames are placed on each other; auto finds shift, rotation, scale and more, and "
        "leaves registered stacks untouched",
    )
    on_misaligned: OnMisaligned = option(
        "skip", "what becomes of a frame that shows another scene: left out, an error, or kept"
    )
    keep_size: bool = option(
        False, "keep the reference frame's size instead of cropping to what all frames show"
    )
    apply_transforms: str | None = option(
        None, "place frames by a file that --transforms saved, instead of measuring them"
    )
    exposure: Exposure = option(
        "auto",
        "bring all frames to one brightness, white balance and black level, where they differ",
    )
    memory: str | None = option(
        None, "memory for the work at hand, as 800MB or 4GB; default: half of what is free"
    )
    step_um: float | None = option(
        None,
        "distance between frames, for a depth in µm; default: what the files say, else in frames",
        unit="µm",
        low=0,
    )

    @property
    def memory_bytes(self) -> int:
        """The budget in bytes; raises OptionError where `memory` is no amount."""
        return free_memory() // 2 if self.memory is None else parse_memory(self.memory)


def parse_memory(text: str) -> int:
    """`4GB` -> 4·1024³; a bare number is bytes."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?)I?B?\s*", text.upper())
    if not match:
        raise OptionError(f"memory is {text!r}; write an amount such as 800MB or 4GB")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2] or " "))


def free_memory() -> int:
    """Bytes that are free for use on this machine, as far as it tells."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        available = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
        if available:
            return int(available[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * 1024**3
