"""What the child process does: fuse, look quickly, fuse a region, export, work off a queue."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import hyperfocal
from hyperfocal import Recipe, Stack, StackError, open_stack, registry
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import Job
from hyperfocal.batch.runs import Work
from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo, Pixels, Source, WrappedSource, to_pixels, to_samples
from hyperfocal.io import formats, outputs
from hyperfocal.methods import has_depth
from hyperfocal.options import build
from hyperfocal.progress import OnStep
from hyperfocal.stack.arrays import ArraySource
from hyperfocal.studio import pictures

_QUICK = 2e6  # px of a quick look
_AROUND = 288  # px around a region that methods look at
Facts = dict[str, Any]


def _fuse(task: Facts, on_step: OnStep) -> Facts:
    """The whole stack at full size."""
    stack = _chosen(task)
    return _fused(stack, task, on_step, scale=1.0, origin=(0, 0))


def _quick(task: Facts, on_step: OnStep) -> Facts:
    """The whole stack, small: how it will look, in seconds."""
    stack = _chosen(task)
    small, scale = _smaller(stack, on_step)
    return _fused(small, task, on_step, scale=scale, origin=(0, 0))


def _region(task: Facts, on_step: OnStep) -> Facts:
    """A rectangle of the reference at full size, frames placed as the whole stack was."""
    stack = _chosen(task)
    placed = task["placed"] or _placed_small(stack, Path(task["out"]), on_step)
    left, top, width, height = _with_room(task["rectangle"], placed, stack.info)
    sources: list[Source] = []
    matrices = []
    for source, frame in zip(stack.sources, placed["frames"], strict=True):
        if frame["matrix"] is None:
            continue
        part = _Part(source, left, top, width, height, frame["gain"], frame["offset"])
        sources.append(part)
        to_part = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
        back = np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
        matrices.append((part.info.name, to_part @ np.array(frame["matrix"]) @ back))
    transforms = Path(task["out"]) / "region.json"
    names = [name for name, _ in matrices]
    reference = names.index(placed["reference"]) if placed["reference"] in names else 0
    to_reference = np.linalg.inv(matrices[reference][1])
    matrices = [(name, matrix @ to_reference) for name, matrix in matrices]
    _save_transforms(transforms, width, height, reference, matrices)
    changed = {"apply_transforms": str(transforms), "exposure": "none", "order": "given"}
    task = {**task, "recipe": {**task["recipe"], **changed}}
    facts = _fused(Stack(sources), task, on_step, scale=1.0, origin=(left, top))
    return _cropped(Path(task["out"]), facts, task["rectangle"])


def _cropped(out: Path, facts: Facts, rectangle: Sequence[float]) -> Facts:
    """The result of a region without what lies around it, which was there to be looked at."""
    placed = facts["placed"]
    area = placed["area"]
    x0, y0 = (round(max(0.0, rectangle[at] - area[side])) for at, side in ((0, "left"), (1, "top")))
    x1 = min(area["width"], x0 + round(rectangle[2]))
    y1 = min(area["height"], y0 + round(rectangle[3]))
    if x1 - x0 < 1 or y1 - y0 < 1:
        raise StackError("not all frames show this region; draw another")
    rows, columns = slice(y0, int(y1)), slice(x0, int(x1))
    source = formats.open_frames(out / "picture.tif")[0]
    samples = np.ascontiguousarray(source.read()[rows, columns])
    own = dataclasses.replace(source.info, height=samples.shape[0], width=samples.shape[1])
    outputs.save(out / "picture.tif", samples, own)
    for name in ("depth", "decision", "confidence"):
        if (out / f"{name}.npy").exists():
            part = np.ascontiguousarray(np.load(out / f"{name}.npy")[rows, columns])
            np.save(out / f"{name}.npy", part)
    placed["area"] = {
        "left": area["left"] + x0,
        "top": area["top"] + y0,
        "width": own.width,
        "height": own.height,
    }
    facts["report"] |= {"width": own.width, "height": own.height}
    return facts


def _export(task: Facts, on_step: OnStep) -> Facts:
    """A result as files: what was fused, in another format."""
    folder, written = Path(task["folder"]), []
    for each in task["files"]:
        source = formats.open_frames(folder / each["from"])[0]
        target = Path(each["to"])
        outputs.require_writable([target], inputs=[], overwrite=task["overwrite"])
        if each["kind"] == "picture":
            outputs.require_fitting(target, source.info)
    for place, each in enumerate(task["files"], 1):
        source, target = formats.open_frames(folder / each["from"])[0], Path(each["to"])
        samples = pictures.rounded(source.read(), source.info)
        if each["kind"] == "picture":
            outputs.save(target, samples, source.info)
        elif each["kind"] == "decision":
            count = int(each["frame_count"])
            outputs.save_decision_map(target, samples[:, :, 0], frame_count=count)
        else:
            outputs.save_depth(target, samples[:, :, 0], last=float(each["last"]))
        written.append(str(target))
        on_step("write", place, len(task["files"]))
    for each in task["copies"]:
        target = Path(each["to"])
        outputs.require_text(target, overwrite=task["overwrite"])
        outputs.write_text(target, (folder / each["from"]).read_text("utf-8"))
        written.append(str(target))
    return {"written": written}


def _queued(task: Facts, on_step: OnStep) -> Facts:
    """One stack of a queue, as `batch` does it: known if it was made of just this before."""
    job = Job(
        task["name"], "", tuple(Path(frame) for frame in task["frames"]), task.get("reason", "")
    )
    with Ledger(Path(task["out"])) as ledger:
        options = build(BatchOptions, task["options"])
        work = Work(ledger, options, build(Recipe, task["recipe"]), task["overwrite"])
        return dataclasses.asdict(work.run(job, on_step))


TASKS: dict[str, Callable[[Facts, OnStep], Facts]] = {
    "fuse": _fuse,
    "quick": _quick,
    "region": _region,
    "export": _export,
    "queue": _queued,
}


def _chosen(task: Facts) -> Stack:
    """The ticked frames in their order; StackError where they are not those that were opened."""
    opened = open_stack([Path(path) for path in task["paths"]])
    names = [source.info.name for source in opened.sources]
    if names != task["names"]:
        raise StackError("the frames have changed since the stack was opened; open it again")
    if len(task["chosen"]) < 2:
        raise StackError("fusing takes two or more frames; tick another")
    stack = Stack([opened.sources[index] for index in task["chosen"]], opened.ignored)
    opened.close()
    if opened.is_spooled:
        stack.spool()
    return stack


def _fused(
    stack: Stack, task: Facts, on_step: OnStep, *, scale: float, origin: tuple[int, int]
) -> Facts:
    """Fuse into the result's folder; what the studio needs to know of it."""
    out = Path(task["out"])
    recipe = build(Recipe, task["recipe"])
    files: Facts = {"transforms": out / "transforms.json"}
    if recipe.slab is None and has_depth(registry.make("methods", recipe.method)):
        files |= {"depth": out / "depth.npy", "decision_map": out / "decision.npy"}
    names = [source.info.name for source in stack.sources]
    if recipe.slab is not None:
        del files["transforms"]
    fusion = hyperfocal.fuse(
        stack, out / "picture.tif", recipe, overwrite=True, on_step=on_step, **files
    )
    if fusion.confidence is not None:
        np.save(out / "confidence.npy", np.rint(fusion.confidence * 255).astype(np.uint8))
    if isinstance(recipe.method, str):
        kept = dataclasses.replace(recipe, apply_transforms=None)
        (out / "recipe.json").write_text(kept.to_json() + "\n", "utf-8")
    report = fusion.report
    placed = _placed(out / "transforms.json", report, names, scale, origin)
    return {"report": report, "scale": scale, "origin": list(origin), "placed": placed}


def _placed(
    transforms: Path, report: Facts, names: Sequence[str], scale: float, origin: tuple[int, int]
) -> Facts | None:
    """How each frame lies on the reference, in full-size pixels, by the frame's number here."""
    if not transforms.exists() or report["alignment"] is None:
        return None
    record = json.loads(transforms.read_text("utf-8"))
    seen = {frame["frame"]: frame for frame in report["alignment"].get("frames", [])}
    grow = np.array([[1 / scale, 0, (1 / scale - 1) / 2], [0, 1 / scale, (1 / scale - 1) / 2]])
    enlarge = np.vstack([grow, [0, 0, 1]])
    shift = np.array([[1, 0, origin[0]], [0, 1, origin[1]], [0, 0, 1.0]])
    outward = shift @ enlarge
    found: dict[str, Facts] = {}
    for frame in record["frames"]:
        matrix = frame["reference_to_frame"]
        if matrix is not None:
            matrix = (outward @ np.array(matrix) @ np.linalg.inv(outward)).tolist()
        facts = seen.get(frame["name"], {})
        found[frame["name"]] = {
            "matrix": matrix,
            "gain": facts.get("gain"),
            "offset": facts.get("offset"),
        }
    nothing = {"matrix": None, "gain": None, "offset": None}
    area = report["alignment"].get("area") or {"top": 0, "left": 0}
    return {
        "reference": record["frames"][record["reference"]]["name"],
        "area": {
            "left": area["left"] / scale + origin[0],
            "top": area["top"] / scale + origin[1],
            "width": report["width"] / scale,
            "height": report["height"] / scale,
        },
        "frames": [found.get(name, nothing) for name in names],
    }


def _smaller(stack: Stack, on_step: OnStep) -> tuple[Stack, float]:
    """The frames made small, as arrays, and how much smaller they are."""
    info = stack.info
    scale = min(1.0, float(np.sqrt(_QUICK / (info.height * info.width))))
    size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    scale = size[0] / info.width
    sources: list[Source] = []
    with stack:
        for index, source in enumerate(stack.sources):
            stack.load(index, then=index + 1)
            pixels = cv2.resize(stack.read(index), size, interpolation=cv2.INTER_AREA)
            samples = to_samples(pixels.reshape(size[1], size[0], info.channels), info.dtype)
            own = dataclasses.replace(source.info, height=size[1], width=size[0])
            sources.append(ArraySource(own, samples))
            on_step("shrink", index + 1, len(stack))
    return Stack(sources), scale


@dataclasses.dataclass(frozen=True)
class _Part(WrappedSource):
    """A rectangle of a frame, in the light of the others."""

    left: int
    top: int
    width: int
    height: int
    gain: Sequence[float] | None
    offset: Sequence[float] | None

    @property
    def info(self) -> FrameInfo:
        return dataclasses.replace(self.source.info, height=self.height, width=self.width)

    def read(self) -> NDArray[Any] | Pixels:
        rows = slice(self.top, self.top + self.height)
        samples = self.source.read()[rows, self.left : self.left + self.width]
        if self.gain is None:
            return np.ascontiguousarray(samples)
        pixels = np.array(to_pixels(samples))
        pixels *= np.array(self.gain, np.float32)
        if self.offset is not None:
            pixels += np.array(self.offset, np.float32)
        return np.clip(pixels, 0, 1) if samples.dtype.kind == "u" else pixels

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        inside = self.source.covered(slice(self.top, self.top + self.height))
        return None if inside is None else inside[rows, self.left : self.left + self.width]


def _placed_small(stack: Stack, out: Path, on_step: OnStep) -> Facts:
    """How the frames lie, found on small ones; where no fusion has told it yet."""
    paths = list(stack.sources)
    small, scale = _smaller(Stack(paths), on_step)
    names = [source.info.name for source in paths]
    transforms = out / "small.json"
    fusion = hyperfocal.fuse(small, method="lp", order="given", transforms=transforms)
    placed = _placed(transforms, fusion.report, names, scale, (0, 0))
    if placed is None:
        raise StackError("the frames could not be placed on each other; fuse the whole stack")
    return placed


def _with_room(
    rectangle: Sequence[float], placed: Facts, info: FrameInfo
) -> tuple[int, int, int, int]:
    """The rectangle with what methods look at around it, and what frames moved by."""
    left, top, width, height = (float(number) for number in rectangle)
    if width < 16 or height < 16:
        raise StackError("the region is too small; draw one of 16 pixels or more")
    corners = np.array(
        [[left, left + width, left, left + width], [top, top, top + height, top + height], [1] * 4]
    )
    moved = 0.0
    for frame in placed["frames"]:
        if frame["matrix"] is not None:
            points = np.array(frame["matrix"]) @ corners
            moved = max(moved, float(np.abs(points[:2] / points[2] - corners[:2]).max()))
    room = _AROUND + int(np.ceil(moved)) + 8
    x0, y0 = max(0, int(left) - room), max(0, int(top) - room)
    x1 = min(info.width, int(np.ceil(left + width)) + room)
    y1 = min(info.height, int(np.ceil(top + height)) + room)
    if x1 - x0 < 16 or y1 - y0 < 16:
        raise StackError("the region lies outside of the picture; draw another")
    return x0, y0, x1 - x0, y1 - y0


def _save_transforms(
    path: Path,
    width: int,
    height: int,
    reference: int,
    matrices: Sequence[tuple[str, NDArray[np.float64]]],
) -> None:
    """Transforms as `--transforms` writes them."""
    frames = [
        {"name": name, "reference_to_frame": (matrix / matrix[2, 2]).tolist()}
        for name, matrix in matrices
    ]
    content = {
        "format": "hyperfocal transforms",
        "version": 1,
        "width": width,
        "height": height,
        "reference": reference,
        "frames": frames,
    }
    try:
        path.write_text(json.dumps(content), "utf-8")
    except OSError as error:
        raise FormatError(f"{path} cannot be written ({error.strerror}); free space") from error
