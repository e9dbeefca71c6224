"""`hyperfocal fuse`: a stack in, one picture out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from hyperfocal import registry
from hyperfocal.cli import console
from hyperfocal.cli.arguments import add_options, typed
from hyperfocal.cli.naming import picture_name
from hyperfocal.cli.progress import Progress, stages_of
from hyperfocal.errors import OptionError
from hyperfocal.escapes import printable
from hyperfocal.fusion import presets, recipes
from hyperfocal.fusion.account import account, is_left_out
from hyperfocal.fusion.api import Extras
from hyperfocal.fusion.flow import fuse_to_files
from hyperfocal.fusion.presets import PresetOption
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io.together import WRITTEN, is_written
from hyperfocal.stack.opening import open_stack, remarks_of
from hyperfocal.stack.stack import natural_key

_FUSE = """\
Fuse photographs of one scene, each sharp at another distance, into one that is sharp everywhere.

  hyperfocal fuse my_stack/
  hyperfocal fuse near.jpg far.jpg -o fused.jpg
  hyperfocal fuse my_stack/ -o fused.png --depth depth.png --decision-map decision.png

Frames are pictures of one size and depth, grey or colour: PNG, JPEG, TIFF, RAW, HEIF, a film, a
microscope's stack. Where a file holds several channels or time points,
choose: FILE:channel=1,time=1. Small movements of the camera and focus breathing are undone, and
differences of exposure evened out. The result keeps bit depth, colour profile, pixel size and
EXIF.

Presets:
"""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "fuse",
        help="fuse a stack into one picture",
        description=_FUSE + _presets(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("frames", nargs="+", help="a folder, or two or more pictures")
    parser.add_argument(
        "-o",
        "--out",
        help="the picture to write; default: beside the stack, named after it, as beetle_fused.jpg",
    )
    parser.add_argument("--decision-map", help="also write which frame each pixel comes from")
    parser.add_argument("--depth", help="also write the depth map (.tif: numbers, in frames)")
    parser.add_argument(
        "--depth-page",
        action="store_true",
        help="also write the depth map into the picture's file, as a second page (.tif, .ome.tif)",
    )
    parser.add_argument(
        "--maps",
        help="also write decision, activity, depth, confidence and what all frames cover into "
        "this folder",
    )
    parser.add_argument("--transforms", help="also write how the frames lie on each other (.json)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.add_argument(
        "--keep-order",
        action="store_true",
        help="the same as --order given: frames in the order typed, not of their names",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.add_argument(
        "--recipe",
        help="take options from a recipe (.json), or from a picture that hyperfocal fused; what is "
        "typed beside it goes before",
    )
    parser.add_argument("--save-recipe", help="also write the recipe (.json)")
    add_options(parser, PresetOption)
    add_options(parser, Recipe, with_defaults=False)
    parser.set_defaults(run=_run, makes_files=True)


def _presets() -> str:
    width = max(len(name) for name in presets.names())
    return "\n".join(f"  {name:{width}}  {presets.text_of(name)}" for name in presets.names())


def _run(given: argparse.Namespace) -> None:
    started = time.monotonic()
    recipe = _recipe(given)
    frames = list(given.frames)
    if recipe.order != "given":
        frames.sort(key=natural_key)
    # Refuses what cannot run before any work.
    method = registry.make("methods", recipe.method)
    _ = recipe.memory_bytes, recipe.cutter
    extras = Extras(
        given.decision_map,
        given.depth,
        given.depth_page,
        given.maps,
        given.transforms,
        given.save_recipe,
    )
    named = [] if given.out is None else [Path(given.out)]
    stack = open_stack(
        frames[0] if len(frames) == 1 else frames,
        exclude=[*named, *extras.files],
        largest_picture=recipe.largest_picture,
    )
    out = given.out or str(picture_name(stack, frames[0], overwrite=given.overwrite))
    # Before the work, because hours may lie between.
    told = remarks_of(stack)
    console.notes(told)
    try:
        with Progress(stages_of(recipe, method)) as progress:
            report = fuse_to_files(
                stack,
                out,
                recipe,
                extras=extras,
                overwrite=given.overwrite,
                on_step=progress,
            )
    except KeyboardInterrupt as stopped:
        if is_written(stopped):
            given.kept = WRITTEN
        raise
    is_seen = sys.stdout.isatty() and not given.json
    console.notes(
        notice
        for notice in report["notices"]
        if notice not in told and not (is_seen and is_left_out(notice))
    )
    if given.json:
        console.say(json.dumps(report, indent=2))
    elif is_seen:
        for line in account(report, seconds=time.monotonic() - started):
            console.say(printable(line))
    elif given.out is None:
        # A script has to be told the name that it did not choose.
        console.say(out)


def _recipe(given: argparse.Namespace) -> Recipe:
    """What was typed, over what a preset or a recipe says."""
    preset, chosen = given.preset, typed(Recipe, given)
    if preset is not None and given.recipe is not None:
        raise OptionError("--preset and --recipe both say how to fuse; leave out one of them")
    if given.keep_order:
        if chosen.get("order", "auto") not in ("auto", "given"):
            raise OptionError(
                "--keep-order and --order contradict each other; leave out one of them"
            )
        chosen["order"] = "given"
    base = Recipe() if given.recipe is None else recipes.load(Path(given.recipe))
    recipe = base.changed({**chosen, "preset": preset})
    console.notes(presets.replaced(preset, chosen))
    return recipe
