"""The stacks that are open: their frames, what was chosen of them, and the results so far.

What a user decided and what was fused lies in the studio's folder and is there again after a
restart. Nothing is changed in the folders of the frames.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal import FormatError, HyperfocalError, OptionError, Recipe, Stack, open_stack
from hyperfocal.batch.groups import stamp
from hyperfocal.frame import FrameInfo, Samples, Source, to_samples
from hyperfocal.io import formats, outputs
from hyperfocal.options import build
from hyperfocal.stack.opening import remarks_of
from hyperfocal.studio import pictures, tiles
from hyperfocal.studio.pictures import Kept
from hyperfocal.studio.tiles import Grid, Matrix, Pyramid, Rgb

PREVIEW = 1024  # px of the longest side of what is shown of a frame at once
_CELLS = 48  # along the longer side, in which sharpness is known
_VERSION = 1  # of the project
Facts = dict[str, Any]


@dataclass(frozen=True)
class Preview:
    """A frame made small, and how sharp it is where."""

    jpeg: bytes
    sharpness: NDArray[np.float32]  # (rows, columns) of cells

    @property
    def mean(self) -> float:
        return float(self.sharpness.mean())


@dataclass
class Frame:
    """A frame of an open stack."""

    source: Source
    name: str
    stamp: tuple[int, int]
    preview: Preview | None = None

    @property
    def version(self) -> str:
        """Changes where the file does, so that a browser asks for it anew."""
        return hashlib.sha256(repr((self.name, self.stamp)).encode()).hexdigest()[:10]


@dataclass
class Project:
    """What the user decided for a stack."""

    order: list[int]
    ticked: list[bool]
    is_ordered: bool = False  # by hand
    recipe: Facts = field(default_factory=dict)
    last: int = 0  # number of the last result


class OpenStack:
    """Frames that are looked at and fused; one for each set of files."""

    def __init__(
        self,
        stack_id: str,
        name: str,
        paths: Sequence[Path],
        folder: Path,
        kept: Kept,
        tell: Callable[..., None],
    ):
        self.id, self.name, self.paths, self.folder = stack_id, name, list(paths), folder
        self.trouble: list[str] = []  # what is to be told of the studio's own files
        self._kept, self._tell = kept, tell
        self._lock = threading.Lock()
        self._stack = open_stack(self.paths)
        self.remarks = remarks_of(self._stack)
        self.frames = [
            Frame(source, source.info.name, _stamp_of(source)) for source in self._stack.sources
        ]
        info = self._stack.info
        self.info: FrameInfo = info
        self.grid = Grid(info.width, info.height)
        self.left_out = _left_out(self.paths, self._stack, self.remarks)
        (folder / "results").mkdir(parents=True, exist_ok=True)
        self.results: dict[int, Facts] = self._found_results()
        self.project = self._found_project()
        self._stopped = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)
        self._looker.start()

    def close(self) -> None:
        """Stop looking at frames and let go of them."""
        self._stopped.set()
        self._looker.join(timeout=30)
        self._stack.close()
        self._kept.drop(self.id)

    def described(self) -> Facts:
        """All that the page needs."""
        info = self.info
        return {
            "id": self.id,
            "name": self.name,
            "width": info.width,
            "height": info.height,
            "type": str(info.dtype),
            "channels": info.channels,
            "frames": [
                {
                    "name": frame.name,
                    "version": frame.version,
                    "sharpness": None if frame.preview is None else frame.preview.mean,
                }
                for frame in self.frames
            ],
            "left_out": self.left_out,
            "notices": [*self.trouble, *self.remarks],
            "order": self.project.order,
            "ticked": self.project.ticked,
            "is_ordered": self.project.is_ordered,
            "recipe": self.project.recipe,
            "results": [told(self.results[number]) for number in sorted(self.results)],
            "tile": tiles.SIDE,
            "levels": self.grid.last,
        }

    def decide(self, changes: Facts) -> None:
        """Take over ticks, order and recipe, and keep them; raises OptionError."""
        count = len(self.frames)
        order = changes.get("order", self.project.order)
        ticked = changes.get("ticked", self.project.ticked)
        recipe = changes.get("recipe", self.project.recipe)
        is_order = isinstance(order, list) and all(type(each) is int for each in order)
        if not is_order or sorted(order) != list(range(count)):
            raise OptionError("the order does not name every frame once; open the stack again")
        if not isinstance(ticked, list) or [type(each) for each in ticked] != [bool] * count:
            raise OptionError("the ticks do not fit the frames; open the stack again")
        if not isinstance(recipe, dict):
            raise OptionError("that is no recipe; open the stack again")
        build(Recipe, recipe, called="a recipe")
        is_ordered = bool(changes.get("is_ordered", self.project.is_ordered))
        self.project = Project(order, ticked, is_ordered, recipe, self.project.last)
        self._save_project()

    def task(self, kind: str, recipe: Facts, rectangle: Sequence[float] | None) -> Facts:
        """What the child process is to do; raises OptionError for a recipe that is none."""
        built = build(Recipe, recipe, called="a recipe")
        _ = built.cutter
        if kind != "fuse" and built.slab is not None:
            raise OptionError("slabs are fused whole; press Fuse, or empty the field slab")
        if built.slabs_only:
            raise OptionError("slabs only makes no picture to look at; use the queue")
        if built.apply_transforms is not None:
            raise OptionError("files of transforms are for the command line; empty that field")
        chosen = [index for index in self.project.order if self.project.ticked[index]]
        if self.project.is_ordered:
            recipe = {**recipe, "order": "given"}
        self.project.last = max([self.project.last, *self.results]) + 1
        self._save_project()
        out = self.folder / "results" / str(self.project.last)
        shutil.rmtree(out, ignore_errors=True)
        return {
            "kind": kind,
            "paths": [str(path) for path in self.paths],
            "names": [frame.name for frame in self.frames],
            "chosen": chosen,
            "recipe": recipe,
            "rectangle": rectangle,
            "placed": self._placed_of(chosen),
            "out": str(out),
            "number": self.project.last,
        }

    def settle(self, task: Facts, done: Facts, seconds: float) -> Facts:
        """A result that the child process has made, kept beside the others."""
        number, out = int(task["number"]), Path(task["out"])
        report = done["report"]
        placed = done["placed"]
        size = {"width": report["width"], "height": report["height"]}
        result = {
            "number": number,
            "kind": task["kind"],
            "method": report["method"],
            "recipe": task["recipe"],
            "seconds": round(seconds, 2),
            "scale": done["scale"],
            "width": report["width"],
            "height": report["height"],
            "frames": report["frames"],
            "chosen": task["chosen"],
            "area": {"left": 0, "top": 0, **size} if placed is None else placed["area"],
            "placed": placed,
            "order": report["order"],
            "left_out": [*report["left_out"], *(report["alignment"] or {}).get("left_out", [])],
            "notices": report["notices"],
            "step_um": report["step_um"],
            "maps": [
                each
                for each in ("decision", "depth", "confidence")
                if (out / f"{each}.npy").exists()
            ],
            "label": "",
        }
        outputs.write_text(out / "result.json", json.dumps(result))
        self.results[number] = result
        return result

    def drop(self, number: int) -> None:
        """Remove a result."""
        if self.results.pop(number, None) is None:
            raise OptionError(f"there is no result {number}")
        shutil.rmtree(self.result_folder(number), ignore_errors=True)

    def result_folder(self, number: int) -> Path:
        return self.folder / "results" / str(number)

    # What is looked at

    def view(self, layer: str, level: int, x: int, y: int, levels: tuple[float, float]) -> Rgb:
        """The tile of a layer on the grid of the reference frame; raises OptionError for none.

        Layers: `frame-3` as it lies on the others, `raw-3` as the file has it, `result-1`, its
        `decision-1`, `depth-1` and `confidence-1`, and `difference:one:other` of any two.
        """
        if layer.startswith("difference:"):
            names = layer.split(":")[1:]
            if len(names) != 2:
                raise OptionError("a difference is that of two layers")
            one, other = (self.view(name, level, x, y, levels) for name in names)
            return tiles.difference(one, other)
        kind, _, number = layer.partition("-")
        if not number.isdigit() or len(number) > 6:
            raise OptionError(f"there is no layer {layer!r}")
        index = int(number)
        try:
            if kind in ("frame", "raw"):
                return self._frame_tile(index, kind == "frame", level, x, y, levels)
            return self._result_tile(kind, index, level, x, y, levels)
        except (ValueError, IndexError, KeyError) as error:
            raise OptionError(f"there is no such tile of {layer!r} ({error})") from None

    def preview(self, index: int) -> Preview:
        """The frame, small; made now if it was not looked at yet."""
        if not 0 <= index < len(self.frames):
            raise OptionError(f"there is no frame {index + 1}")
        self._refresh(index)
        frame = self.frames[index]
        if frame.preview is None:
            frame.preview = self._stored_preview(frame) or self._previewed(index)
        return frame.preview

    def sharpness(self, x: float, y: float) -> list[float | None]:
        """How sharp each frame is around a point (0…1 of width and height), as far as known."""
        found: list[float | None] = []
        for frame in self.frames:
            if frame.preview is None:
                found.append(None)
                continue
            cells = frame.preview.sharpness
            rows, columns = cells.shape
            row, column = (
                int(np.clip(at * size, 0, size - 1)) for at, size in ((y, rows), (x, columns))
            )
            around = cells[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            found.append(float(around.mean()))
        return found

    def formats(self, number: int) -> list[Facts]:
        """Every format that can be written, and why not where this result does not fit it."""
        source = formats.open_frames(self.result_folder(number) / "picture.tif")[0]
        found = []
        for suffix in formats.writable_suffixes():
            try:
                outputs.require_fitting(Path(f"result{suffix}"), source.info)
                why = ""
            except HyperfocalError as error:
                why = str(error).replace(f"result{suffix}", suffix)
            found.append({"suffix": suffix, "why_not": why})
        return found

    def _frame_tile(
        self, index: int, is_placed: bool, level: int, x: int, y: int, levels: tuple[float, float]
    ) -> Rgb:
        self.grid.tile(level, x, y)
        if not 0 <= index < len(self.frames):
            raise IndexError(f"there is no frame {index + 1}")
        self._refresh(index)
        frame = self.frames[index]
        placing = self._placing(index) if is_placed else None
        matrix = np.eye(3) if placing is None else placing[0]
        key = (self.id, "frame", index, frame.stamp, levels)
        is_coarse = max(self.grid.size(level)) <= PREVIEW
        if is_coarse and levels == (0.0, 1.0) and not self._kept.has(key):
            jpeg = np.frombuffer(self.preview(index).jpeg, np.uint8)
            small = cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            sx, sy = small.shape[1] / self.info.width, small.shape[0] / self.info.height
            shrink = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
            pyramid, matrix = Pyramid.of(small), shrink @ matrix
        else:
            pyramid = self._kept.get(key, lambda: Pyramid.of(self._decoded(index, levels)))
        tile = tiles.cut(pyramid, matrix, self.grid, level, x, y)
        return tile if placing is None else _lit(tile, *placing[1:])

    def _result_tile(
        self, kind: str, number: int, level: int, x: int, y: int, levels: tuple[float, float]
    ) -> Rgb:
        self.grid.tile(level, x, y)
        result = self.results[number]
        if kind != "result" and kind not in result["maps"]:
            raise KeyError(f"result {number} has no {kind}")
        key = (self.id, kind, number, levels if kind == "result" else None)
        pyramid = self._kept.get(key, lambda: Pyramid.of(self._picture_of(kind, number, levels)))
        return tiles.cut(pyramid, self._to_result(result), self.grid, level, x, y)

    def _picture_of(self, kind: str, number: int, levels: tuple[float, float]) -> Rgb:
        folder, result = self.result_folder(number), self.results[number]
        if kind == "result":
            source = formats.open_frames(folder / "picture.tif")[0]
            return pictures.visible(source.read(), source.info.icc, *levels)
        values = np.load(folder / f"{kind}.npy", mmap_mode="r", allow_pickle=False)
        values = values.reshape(values.shape[:2])
        count = len(result["frames"])
        if kind == "decision":
            return pictures.decision_picture(values, count)
        if kind == "depth":
            step = np.float32(result["step_um"] or 1)
            return pictures.depth_picture(values / step, count)
        return pictures.confidence_picture(values.astype(np.float32) / np.float32(255))

    def _to_result(self, result: Facts) -> Matrix:
        """From the grid to a result's pixels."""
        area, scale = result["area"], result["scale"]
        shift = np.array([[1, 0, -area["left"]], [0, 1, -area["top"]], [0, 0, 1.0]])
        half = (scale - 1) / 2
        shrink = np.array([[scale, 0, half], [0, scale, half], [0, 0, 1]])
        return shrink @ shift @ self._to_reference(result)

    def _to_reference(self, result: Facts) -> Matrix:
        """From the grid, which is that of the first result, to the reference of this one."""
        base = self._base()
        if base is None or result["placed"] is None or base is result:
            return np.eye(3)
        name = base["placed"]["reference"]
        index = next((i for i, frame in enumerate(self.frames) if frame.name == name), None)
        matrix = None if index is None else self._matrix_in(result, index)
        if matrix is None:
            return np.eye(3)
        back: Matrix = np.linalg.inv(matrix).astype(np.float64)
        return back

    def _base(self) -> Facts | None:
        """The result whose reference frame the grid is."""
        placed = [number for number, each in self.results.items() if each["placed"] is not None]
        return self.results[min(placed)] if placed else None

    def _matrix_in(self, result: Facts, index: int) -> Matrix | None:
        if result["placed"] is None or index not in result["chosen"]:
            return None
        matrix = result["placed"]["frames"][result["chosen"].index(index)]["matrix"]
        return None if matrix is None else np.array(matrix)

    def _placing(self, index: int) -> tuple[Matrix, Any, Any] | None:
        """How a frame lies on the grid, and its gain and offset, by the newest result with it."""
        for number in sorted(self.results, reverse=True):
            result = self.results[number]
            matrix = self._matrix_in(result, index)
            if matrix is not None and result["kind"] != "region":
                frame = result["placed"]["frames"][result["chosen"].index(index)]
                return matrix @ self._to_reference(result), frame["gain"], frame["offset"]
        return None

    def _placed_of(self, chosen: Sequence[int]) -> Facts | None:
        """How these frames lie, by the newest whole result that has them all; None: unknown."""
        for number in sorted(self.results, reverse=True):
            result = self.results[number]
            placed = result["placed"]
            if placed is None or result["kind"] == "region":
                continue
            if set(chosen) <= set(result["chosen"]):
                places = [result["chosen"].index(index) for index in chosen]
                return {**placed, "frames": [placed["frames"][place] for place in places]}
        return None

    # Frames

    def _decoded(self, index: int, levels: tuple[float, float]) -> Rgb:
        source = self.frames[index].source
        return pictures.visible(self._samples(index), source.info.icc, *levels)

    def _samples(self, index: int) -> Samples:
        source = self.frames[index].source
        if not source.is_sequential:
            return pictures.rounded(source.read(), source.info)
        # Going back in a film takes long, so that its frames are kept on disk.
        with self._lock:
            self._stack.load(index)
            return to_samples(self._stack.read(index), source.info.dtype)

    def _refresh(self, index: int) -> None:
        """Look whether a frame's file was replaced."""
        frame = self.frames[index]
        now = _stamp_of(frame.source)
        if now == frame.stamp:
            return
        path = frame.source.path
        if now == (-1, -1):
            raise FormatError(f"{frame.name} is gone; put it back, or open the folder again")
        assert path is not None
        sources = formats.open_frames(path)
        fresh = next((each for each in sources if each.info.name == frame.name), None)
        old = self.info
        if fresh is None or (fresh.info.height, fresh.info.width) != (old.height, old.width):
            raise FormatError(f"{frame.name} was replaced by another picture; open the stack again")
        self.frames[index] = Frame(fresh, frame.name, now)
        self._tell("frame", stack=self.id, index=index, version=self.frames[index].version)
        self._tell("notice", stack=self.id, line=f"{frame.name} was replaced; it is shown anew")

    def _look(self) -> None:
        """Make the previews of all frames, one by one, while the user looks at the first."""
        for index in range(len(self.frames)):
            if self._stopped.is_set():
                return
            try:
                preview = self.preview(index)
            except (HyperfocalError, OSError) as error:
                self._tell("notice", stack=self.id, line=" ".join(str(error).split()))
                continue
            self._tell(
                "preview",
                stack=self.id,
                index=index,
                count=len(self.frames),
                sharpness=preview.mean,
            )

    def _previewed(self, index: int) -> Preview:
        levels = (0.0, 1.0)
        key = (self.id, "frame", index, self.frames[index].stamp, levels)
        if self._kept.has(key):
            shown = self._kept.get(key, lambda: Pyramid.of(self._decoded(index, levels))).planes[0]
        else:
            with self._kept.making:
                shown = self._decoded(index, levels)
        small = pictures.small(shown, PREVIEW)
        preview = Preview(tiles.encoded(small), _sharpness(small))
        self._store(self.frames[index], preview)
        return preview

    def _preview_path(self, frame: Frame) -> Path:
        return self.folder / "previews" / f"{frame.version}.npz"

    def _stored_preview(self, frame: Frame) -> Preview | None:
        try:
            with np.load(self._preview_path(frame), allow_pickle=False) as held:
                return Preview(held["jpeg"].tobytes(), held["sharpness"])
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def _store(self, frame: Frame, preview: Preview) -> None:
        path = self._preview_path(frame)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part.npz")
            jpeg = np.frombuffer(preview.jpeg, np.uint8)
            np.savez(beside, jpeg=jpeg, sharpness=preview.sharpness)
            beside.replace(path)
        except OSError:
            return  # it is made again the next time

    # What is kept

    def _found_results(self) -> dict[int, Facts]:
        found = {}
        for path in sorted((self.folder / "results").glob("*/result.json")):
            try:
                result = json.loads(path.read_text("utf-8"))
                if (path.parent / "picture.tif").exists():
                    found[int(result["number"])] = result
            except (OSError, ValueError, KeyError, TypeError):
                self.trouble.append(f"result {path.parent.name} cannot be read; left out")
        return found

    def _found_project(self) -> Project:
        count = len(self.frames)
        fresh = Project(list(range(count)), [True] * count)
        path = self.folder / "project.json"
        if not path.exists():
            return fresh
        try:
            held = json.loads(path.read_text("utf-8"))
            version = held["version"]
            if held["hyperfocal"] != "stack" or not isinstance(version, int):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            return self._put_aside(path, fresh, "cannot be read")
        if version > _VERSION:
            return self._put_aside(path, fresh, "is of a newer hyperfocal")
        try:
            if held["frames"] == [frame.name for frame in self.frames]:
                self.project = fresh
                order, ticked = list(held["order"]), list(held["ticked"])
                if sorted(order) != list(range(count)) or len(ticked) != count:
                    raise ValueError
                build(Recipe, held["recipe"])
                is_ordered, last = bool(held["is_ordered"]), int(held["last"])
                return Project(order, [bool(each) for each in ticked], is_ordered,
                               held["recipe"], last)  # fmt: skip
            self.trouble.append("the frames are others than last time, so all of them are ticked")
            return Project(fresh.order, fresh.ticked, False, held["recipe"], int(held["last"]))
        except (ValueError, KeyError, TypeError, HyperfocalError):
            return self._put_aside(path, fresh, "cannot be read")

    def _put_aside(self, path: Path, fresh: Project, why: str) -> Project:
        """Begin anew, and lose nothing of what was there."""
        aside = path.with_name("project.before.json")
        path.replace(aside)
        self.trouble.append(f"what was decided for this stack {why}; it is kept as {aside.name}")
        return fresh

    def _save_project(self) -> None:
        project = self.project
        held = {
            "hyperfocal": "stack",
            "version": _VERSION,
            "frames": [frame.name for frame in self.frames],
            "order": project.order,
            "ticked": project.ticked,
            "is_ordered": project.is_ordered,
            "recipe": project.recipe,
            "last": project.last,
        }
        outputs.write_text(self.folder / "project.json", json.dumps(held, indent=1))


class Desk:
    """All stacks that are open."""

    def __init__(self, folder: Path, tell: Callable[..., None]):
        self.folder, self._tell = folder, tell
        self.kept = Kept()
        self._stacks: dict[str, OpenStack] = {}
        self._lock = threading.Lock()

    def open(self, name: str, paths: Sequence[Path]) -> OpenStack:
        """The stack of these files, opened anew where they have changed; raises as `open_stack`."""
        text = "\n".join(str(path) for path in paths)
        stack_id = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        with self._lock:
            before = self._stacks.get(stack_id)
            if before is not None and all(
                frame.stamp == _stamp_of(frame.source) for frame in before.frames
            ):
                return before
            opened = OpenStack(stack_id, name, paths, self.folder / stack_id, self.kept, self._tell)
            if before is not None:
                before.close()
            self._stacks[stack_id] = opened
        return opened

    def get(self, stack_id: str) -> OpenStack:
        """An open stack; raises OptionError."""
        if stack_id not in self._stacks:
            raise OptionError("this stack is not open any more; open it again")
        return self._stacks[stack_id]

    def close(self) -> None:
        for stack in self._stacks.values():
            stack.close()


def told(result: Facts) -> Facts:
    """A result as a page needs it."""
    return {name: value for name, value in result.items() if name != "placed"}


def _stamp_of(source: Source) -> tuple[int, int]:
    return (0, 0) if source.path is None else stamp(source.path)


def _left_out(paths: Sequence[Path], stack: Stack, remarks: Sequence[str]) -> list[Facts]:
    """The files that are none of the frames, with the reason that a remark gives."""
    taken = set(stack.paths)
    found = []
    for path in paths:
        if path not in taken:
            told = [line for line in remarks if path.name in line]
            found.append({"name": path.name, "why": told[0] if told else "it is no frame"})
    return found


def _lit(tile: Rgb, gain: Sequence[float] | None, offset: Sequence[float] | None) -> Rgb:
    """The tile in the light of the others."""
    if gain is None:
        return tile
    factors = np.array(gain, np.float32)
    added = np.zeros(1, np.float32) if offset is None else np.array(offset, np.float32) * 255
    if (factors == 1).all() and not added.any():
        return tile
    values = tile.astype(np.float32) * factors + added + np.float32(0.5)
    return np.clip(values, 0, 255).astype(np.uint8)


def _sharpness(small: Rgb) -> NDArray[np.float32]:
    """Energy of the gradient, cell by cell."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    energy = across * across + down * down
    scale = _CELLS / max(energy.shape)
    size = [max(1, round(side * scale)) for side in reversed(energy.shape)]
    cells: NDArray[np.float32] = cv2.resize(energy, size, interpolation=cv2.INTER_AREA)
    return cells
