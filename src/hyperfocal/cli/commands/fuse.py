"""`hyperfocal fuse`: a stack in, one picture out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hyperfocal import registry
from hyperfocal.cli.arguments import add_options, typed
from hyperfocal.cli.progress import Progress
from hyperfocal.errors import OptionError
from hyperfocal.escapes import printable
from hyperfocal.fusion import recipes
from hyperfocal.fusion.api import Extras
from hyperfocal.fusion.flow import fuse_to_files
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.io.together import WRITTEN, is_written
from hyperfocal.stack.opening import open_stack, remarks_of
from hyperfocal.stack.stack import natural_key

_FUSE = """\
Fuse photographs of one scene, each sharp at another distance, into one that is sharp everywhere.

  hyperfocal fuse near.jpg far.jpg -o fused.jpg
  hyperfocal fuse my_stack/ -o fused.tif
  hyperfocal fuse my_stack/ -o fused.png --depth depth.png --decision-map decision.png

Frames are pictures of one size and depth, grey or colour: PNG, JPEG, TIFF, RAW, HEIF, a film, a
microscope's stack; docs/formats.md lists them. Where a file holds several channels or time points,
choose: FILE:channel=1,time=1. Small movements of the camera and focus breathing are undone, and
differences of exposure evened out. The result keeps bit depth, colour profile, pixel size and
EXIF."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "fuse",
        help="fuse a stack into one picture",
        description=_FUSE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("frames", nargs="+", help="a folder, or two or more pictures")
    parser.add_argument("-o", "--out", required=True, help="the picture to write")
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
        help="take frames in the order given instead of sorting names (2 before 10)",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    parser.add_argument(
        "--recipe",
        help="take options from a recipe (.json), or from a picture that hyperfocal fused; what is "
        "typed beside it goes before",
    )
    parser.add_argument("--save-recipe", help="also write the recipe (.json)")
    add_options(parser, Recipe, with_defaults=False)
    parser.set_defaults(run=_run, makes_files=True)


def _run(given: argparse.Namespace) -> None:
    frames = list(given.frames)
    if not given.keep_order:
        frames.sort(key=natural_key)
    recipe = _recipe(given)
    registry.make("methods", recipe.method)  # refuses what cannot run before any work
    extras = Extras(
        given.decision_map,
        given.depth,
        given.depth_page,
        given.maps,
        given.transforms,
        given.save_recipe,
    )
    stack = open_stack(
        frames[0] if len(frames) == 1 else frames,
        exclude=[Path(given.out), *extras.files],
        largest_picture=recipe.largest_picture,
    )
    # Before the work, because hours may lie between.
    told = remarks_of(stack)
    _tell(told)
    try:
        with Progress() as progress:
            report = fuse_to_files(
                stack,
                given.out,
                recipe,
                extras=extras,
                overwrite=given.overwrite,
                on_step=progress,
            )
    except KeyboardInterrupt as stopped:
        if is_written(stopped):
            given.kept = WRITTEN
        raise
    _tell([notice for notice in report["notices"] if notice not in told])
    if given.json:
        print(json.dumps(report, indent=2))
    elif sys.stdout.isatty():
        seconds = sum(report["seconds"].values())
        print(
            f"{len(report['frames'])} frames fused in {seconds:.1f} s: {printable(str(given.out))}"
        )


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        print(f"hyperfocal: note: {printable(notice)}", file=sys.stderr)


def _recipe(given: argparse.Namespace) -> Recipe:
    """What was typed, over what a recipe says."""
    base = Recipe() if given.recipe is None else recipes.load(Path(given.recipe))
    recipe = base.changed(typed(Recipe, given))
    if not given.keep_order:
        return recipe
    if typed(Recipe, given).get("order", "auto") not in ("auto", "given"):
        raise OptionError("--keep-order and --order contradict each other; leave out one of them")
    return recipe.changed({"order": "given"})
