"""A whole run as data: what Python, command line and saved recipe share."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hyperfocal.alignment import Alignment, Exposure, OnMisaligned
from hyperfocal.compute import machine
from hyperfocal.errors import OptionError
from hyperfocal.fusion import presets
from hyperfocal.fusion.presets import PresetOption
from hyperfocal.fusion.slabs import Slab, parse_slab
from hyperfocal.io.limits import LARGEST_PICTURE
from hyperfocal.methods import Method
from hyperfocal.options import build, described, option, shown

Order: TypeAlias = Literal["auto", "given", "name", "time", "content"]

_KIND, _VERSION = "recipe", 1  # of the JSON document
_LONGEST = 10_000  # letters of an option; the longest hold paths
_MOST_MEMORY = 1 << 60  # bytes


@dataclass(frozen=True)
class Recipe:
    """How to fuse a stack: everything that shapes the picture, and nothing else."""

    method: str | Method = option("prism", "fusion method, with options as name:option=value,…")
    order: Order = option(
        "auto",
        "order of frames: given, by name, by EXIF time, or by what is sharp in them (content); "
        "auto: numbers in names, else EXIF time, else content",
    )
    drop_blurred: bool = option(False, "leave out frames that are blurred everywhere")
    slab: str | None = option(
        None,
        "SIZE:OVERLAP: fuse slabs of SIZE frames, each sharing OVERLAP with the one before, and "
        "then the slabs",
    )
    slabs_only: bool = option(False, "write the slabs and do not fuse them")
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
    memory: str | int | None = option(
        None, "memory for the work at hand, as 800MB or 4GB; default: half of what is free"
    )
    largest_picture: float = option(
        LARGEST_PICTURE,
        "pictures of up to this size are believed however small their files are; larger ones are "
        "refused where a file is too small to hold more than an empty one",
        unit="megapixels",
        low=0,
    )
    step_um: float | None = option(
        None,
        "distance between frames, for a depth in µm; default: what the files say, else in frames",
        unit="µm",
        low=0,
        high=1e9,
    )

    @property
    def cutter(self) -> Slab | None:
        """The slabs to cut; raises OptionError where `slab` is none."""
        if self.slab is None and self.slabs_only:
            raise OptionError("slabs-only does not tell which slabs; add --slab SIZE:OVERLAP")
        return None if self.slab is None else parse_slab(self.slab)

    def changed(self, options: Mapping[str, Any]) -> Recipe:
        """The same recipe with other values of these options; raises OptionError.

        `preset` among them stands for its own, and the others go before those.
        """
        chosen = dict(options)
        preset = build(PresetOption, {"preset": chosen.pop("preset", None)}).preset
        suited = {} if preset is None else presets.options_of(preset)
        return build(Recipe, {**vars(self), **suited, **chosen}, called="a recipe")

    def to_json(self, **record: Any) -> str:
        """One line of JSON that `from_json` reads; options with their default are left out.

        `record` is what is to be known of a picture beside how to make it again. Raises OptionError
        for a method that is an object, which has no text.
        """
        if not isinstance(self.method, str):
            raise OptionError(
                f"the method is {type(self.method).__name__}, an object; only methods by name can "
                "be saved"
            )
        fields = dataclasses.fields(self)
        options = {each.name: getattr(self, each.name) for each in fields}
        changed = {
            each.name: options[each.name]
            for each in fields
            if each.name == "method" or options[each.name] != each.default
        }
        document = {"hyperfocal": _KIND, "version": _VERSION, "options": changed, **record}
        return json.dumps(document, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, *, called: str = "the recipe") -> Recipe:
        """The recipe of a text; raises OptionError that names `called` for anything else."""
        try:
            document = json.loads(text)
            kind, version = document["hyperfocal"], document["version"]
            options = document["options"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise OptionError(f"{called} holds no recipe of hyperfocal; save one again") from None
        if kind != _KIND or not isinstance(version, int) or not isinstance(options, dict):
            raise OptionError(f"{called} holds no recipe of hyperfocal; save one again")
        if version > _VERSION:
            raise OptionError(
                f"{called} is of a newer hyperfocal (version {version} of recipes, this one knows "
                f"{_VERSION}); install a newer one"
            )
        try:
            for name, value in options.items():
                if isinstance(value, str) and len(value) > _LONGEST:
                    raise OptionError(f"{name[:40]} is {value[:40]!r}… and too long for an option")
            return build(cls, options, called="a recipe")
        except OptionError as error:
            raise OptionError(f"{called}: {error}") from None

    @property
    def memory_bytes(self) -> int:
        """The budget in bytes; raises OptionError where `memory` is no amount."""
        return machine.free_memory() // 2 if self.memory is None else parse_memory(self.memory)


Recipe.__doc__ = f"{Recipe.__doc__}\n\nIts options:\n\n{described(Recipe)}\n"


def parse_memory(text: str | float) -> int:
    """`4GB` -> 4·1024³; a bare number is bytes.

    >>> parse_memory("4GB"), parse_memory(10**9)
    (4294967296, 1000000000)
    """
    written = str(text) if isinstance(text, str | int) else f"{text:.0f}"
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?)I?B?\s*", written.upper())
    byte_count = float(match[1]) * 1024 ** " KMGT".index(match[2] or " ") if match else math.inf
    if byte_count > _MOST_MEMORY:
        raise OptionError(f"memory is {shown(text)}; write an amount such as 800MB or 4GB")
    return int(byte_count)
