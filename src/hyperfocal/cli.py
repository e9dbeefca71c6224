"""The command line: what is typed becomes a call of the public API, errors become one line.

Options come from the dataclasses that the API uses; nothing is declared twice.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hyperfocal
from hyperfocal import rooms
from hyperfocal.errors import HyperfocalError, MissingExtra, UnknownChoice
from hyperfocal.evaluation import NOISE_WARNING, evaluate
from hyperfocal.metrics._grey import CONVENTIONS
from hyperfocal.options import build, infos
from hyperfocal.recipe import Recipe
from hyperfocal.stack import natural_key
from hyperfocal.views import write_views

_FUSE = """\
Fuse photographs of one scene, each sharp at another distance, into one that is sharp everywhere.

  hyperfocal fuse near.jpg far.jpg -o fused.jpg
  hyperfocal fuse my_stack/ -o fused.tif
  hyperfocal fuse my_stack/ -o fused.png --depth depth.png --decision-map decision.png

Frames are PNG, JPEG or TIFF files of one size, 8 or 16 bit, grey or colour; small movements of
the camera and focus breathing are undone. The result keeps their bit depth, colour profile and
EXIF."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with 0, 2 (what the user can mend) or 130 (Ctrl-C)."""
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if rest and given.run is not _train:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    try:
        given.run(given)
    except HyperfocalError as error:
        sys.exit(_complain(str(error)))
    except KeyboardInterrupt:
        print("hyperfocal: stopped; nothing was written", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


def _complain(message: str) -> int:
    print("hyperfocal: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hyperfocal", description="Focus stacking: many photographs in, one sharp picture out."
    )
    parser.add_argument("--version", action="version", version=hyperfocal.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_fuse(commands)
    _add_views(commands)
    _add_evaluate(commands)
    _add_methods(commands)
    _add_train(commands)
    return parser


def _add_fuse(commands: Any) -> None:
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
        "--maps", help="also write decision, activity, depth and confidence into this folder"
    )
    parser.add_argument("--transforms", help="also write how the frames lie on each other (.json)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.add_argument(
        "--keep-order",
        action="store_true",
        help="take frames in the order given instead of sorting names (2 before 10)",
    )
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    _add_options(parser, Recipe)
    parser.set_defaults(run=_fuse)


def _add_views(commands: Any) -> None:
    parser = commands.add_parser(
        "views",
        help="draw the maps of `fuse --maps` as coloured pictures",
        description="Draw decision (before and after), relief, activity, and with --picture a "
        "tinted overlay, with --frame too the difference between picture and frame.",
    )
    parser.add_argument("maps", type=Path, help="the folder that `fuse --maps` wrote")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--picture", type=Path, help="the fused picture")
    parser.add_argument("--frame", type=Path, help="one of the frames")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.set_defaults(run=_views)


def _add_evaluate(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure the quality of a fused picture",
        description="Metrics of a fused picture. " + NOISE_WARNING + ".",
    )
    parser.add_argument("fused", help="the fused picture")
    parser.add_argument("--sources", nargs="+", default=[], help="the frames it was made from")
    parser.add_argument("--metrics", help="names with commas between; default: all that apply")
    parser.add_argument(
        "--grey",
        choices=CONVENTIONS,
        default="255",
        help="value range: 255, or as in the SESF-Fuse paper's tables",
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(run=_evaluate)


def _add_methods(commands: Any) -> None:
    parser = commands.add_parser("methods", help="list the fusion methods and their options")
    parser.set_defaults(run=_methods)


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train", help="train a network on photographs, without labels", add_help=False
    )
    # The other options depend on the network and need torch; `_train` parses what is left.
    parser.add_argument("network", nargs="?", default="")
    parser.set_defaults(run=_train)


def _add_options(
    parser: argparse.ArgumentParser, choice: type, *, with_defaults: bool = True
) -> None:
    """A flag for every option of a dataclass."""
    for info in infos(choice):
        default = info.default if with_defaults else argparse.SUPPRESS
        if info.kind is bool:
            parser.add_argument(
                info.flag, action=argparse.BooleanOptionalAction, default=default, help=info.text
            )
        else:
            parser.add_argument(
                info.flag,
                default=default,
                choices=info.choices or None,
                metavar=None if info.choices else info.name.upper(),
                help=info.text,
            )


def _fuse(given: argparse.Namespace) -> None:
    frames = list(given.frames)
    if not given.keep_order:
        frames.sort(key=natural_key)
    with _Progress() as progress:
        fusion = hyperfocal.fuse(
            frames[0] if len(frames) == 1 else frames,
            given.out,
            **vars(_recipe(given)),
            decision_map=given.decision_map,
            depth=given.depth,
            maps=given.maps,
            transforms=given.transforms,
            overwrite=given.overwrite,
            on_step=progress,
        )
    for name in fusion.report["alignment"]["left_out"]:
        print(f"hyperfocal: {name} does not show what the others do; left out", file=sys.stderr)
    if given.json:
        print(json.dumps(fusion.report, indent=2))
    elif sys.stdout.isatty():
        seconds = sum(fusion.report["seconds"].values())
        print(f"{len(fusion.report['frames'])} frames fused in {seconds:.1f} s: {given.out}")


def _recipe(given: argparse.Namespace) -> Recipe:
    return build(Recipe, {info.name: getattr(given, info.name) for info in infos(Recipe)})


def _views(given: argparse.Namespace) -> None:
    for path in write_views(
        given.maps, given.out, picture=given.picture, frame=given.frame, overwrite=given.overwrite
    ):
        print(path)


def _evaluate(given: argparse.Namespace) -> None:
    names = given.metrics.split(",") if given.metrics else None
    evaluation = evaluate(given.fused, given.sources, metrics=names, grey=given.grey)
    if given.json:
        told = {"metrics": evaluation.values, "undefined": evaluation.undefined}
        print(json.dumps({**told, "grey": given.grey, "warning": NOISE_WARNING}, indent=2))
        return
    for name, value in evaluation.values.items():
        print(f"{name:10} {value:.6g}")
    for name, reason in evaluation.undefined.items():
        print(f"{name:10} undefined: {reason}")
    print(f"note: {NOISE_WARNING}", file=sys.stderr)


def _methods(given: argparse.Namespace) -> None:
    for name in rooms.names("methods"):
        module = rooms.module("methods", name)
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        for info in infos(rooms.choice("methods", name)):
            print(f"    {info.name}: {info.text}")


def _train(given: argparse.Namespace) -> None:
    trainable = rooms.names("networks")
    if given.network not in trainable:
        known = ", ".join(trainable)
        raise UnknownChoice(f"hyperfocal train NETWORK --photos FOLDER…; networks: {known}")
    try:
        from hyperfocal.training import run
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"training needs {error.name}, which is absent; pip install 'hyperfocal[train]'"
        ) from error
    choice = run.options_of(given.network)
    parser = argparse.ArgumentParser(
        prog=f"hyperfocal train {given.network}",
        description=choice.__doc__,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--photos", nargs="+", required=True, type=Path, help="folders of photographs to learn from"
    )
    _add_options(parser, choice, with_defaults=False)
    values = vars(parser.parse_args(given.rest))
    photos = values.pop("photos")
    options: Any = build(choice, values)
    with _Progress() as progress:
        training = run.train(options, photos, on_progress=progress)
    for path in run.export(training, photos):
        print(path)


class _Progress:
    """A progress bar on a terminal, silence elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Callable[[str, int, int], None]:
        return self._show if sys.stderr.isatty() else lambda stage, index, count: None

    def _show(self, stage: str, index: int, count: int) -> None:
        from tqdm import tqdm

        if self._bar is None or self._bar.desc != stage:
            self.__exit__()
            self._bar = tqdm(total=count, desc=stage, leave=False, dynamic_ncols=True)
            self._bar.desc = stage
        self._bar.total = count
        self._bar.update(index - self._bar.n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
