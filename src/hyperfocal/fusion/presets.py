"""Presets: a situation in a plain word, and the options of a recipe that suit it.

A preset is short for options and nothing else. What a recipe keeps are the options, so that a
picture can be made again after presets have changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from hyperfocal.options import option

Preset: TypeAlias = Literal["hand-held", "microscope", "product", "noisy", "fast"]


@dataclass(frozen=True)
class PresetOption:
    """The one option that stands for several of Recipe."""

    preset: Preset | None = option(
        None, "options for a situation; what is chosen beside it goes before"
    )


_TEXTS: dict[Preset, str] = {
    "hand-held": "no tripod: frames are placed and evened out, those shaken or blurred are left "
    "out",
    "microscope": "values and size stay as measured: no crop, no matching of brightness",
    "product": "a tripod, wide blur, smooth surfaces: more bands, and a frame that does not belong "
    "is an error",
    "noisy": "high ISO: the method that gathers least noise, every frame kept",
    "fast": "a Laplacian pyramid, brightness as it is",
}
_OPTIONS: dict[Preset, dict[str, Any]] = {
    "hand-held": {"align": "auto", "exposure": "auto", "drop_blurred": True},
    "microscope": {"exposure": "none", "keep_size": True},
    "product": {"method": "prism:levels=7", "on_misaligned": "error"},
    # Of 21 methods on two noisy stacks with a known truth (docs/algorithms/prism.md).
    "noisy": {"method": "prism", "drop_blurred": False},
    "fast": {"method": "lp", "exposure": "none"},
}


def text_of(preset: Preset) -> str:
    """What a preset is for, in one sentence."""
    return _TEXTS[preset]


def names() -> tuple[Preset, ...]:
    """All presets."""
    return get_args(Preset)


def options_of(preset: Preset) -> dict[str, Any]:
    """The options that a preset is short for.

    >>> options_of("fast")
    {'method': 'lp', 'exposure': 'none'}
    """
    return dict(_OPTIONS[preset])


def replaced(preset: Preset | None, chosen: Mapping[str, Any]) -> list[str]:
    """A line for each option of a preset that something else was chosen for."""
    return [
        f"the preset {preset} has {name.replace('_', '-')} {_told(value)}; {_told(chosen[name])}, "
        "which was chosen, is taken"
        for name, value in ({} if preset is None else _OPTIONS[preset]).items()
        if name in chosen and str(chosen[name]).lower() != str(value).lower()
    ]


def _told(value: Any) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else value
