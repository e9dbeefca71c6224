"""Every contender on every scene: run or remembered, then measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache as remembered
from pathlib import Path
from typing import Any

import numpy as np

from hyperfocal.bench import fingerprints
from hyperfocal.bench.cache import Cache
from hyperfocal.bench.contenders import Contender, contenders_of, folder_of
from hyperfocal.bench.plan import BenchPlan
from hyperfocal.bench.processes import Finished, Processes
from hyperfocal.bench.scenes import Scene
from hyperfocal.errors import FormatError, HyperfocalError
from hyperfocal.evaluation import evaluate, needs
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats, outputs
from hyperfocal.progress import OnStep, silent


@dataclass(frozen=True)
class Run:
    """How one contender fared with one scene, as the cache keeps it."""

    failure: str  # empty where a picture was made
    late_after_s: float | None  # the time-out that ended it
    wall_s: float
    cpu_s: float
    peak_bytes: int
    sha256: str  # of the picture


@dataclass(frozen=True)
class BenchResult:
    """A contender on a scene: what it took and what its picture is worth."""

    data_set: str
    scene: str
    method: str
    failure: str  # empty where a picture was made and fits
    wall_s: float
    cpu_s: float
    peak_bytes: int
    picture: Path | None
    sha256: str
    is_remembered: bool  # the run was made earlier
    values: dict[str, float] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)


def compare(
    scenes: Sequence[Scene],
    plan: BenchPlan,
    cache: Cache,
    *,
    on_step: OnStep = silent,
) -> list[BenchResult]:
    """A row for every scene and contender, in their order; what is known is not run again.

    Whatever happens, results that are done stay in the cache. `on_step` and Ctrl-C are answered
    between runs; processes that are under way are ended.
    """
    contenders, metrics = contenders_of(plan), plan.metric_names()
    processes = Processes()
    comparison = _Comparison(plan, metrics, cache, processes)
    pairs = [(scene, contender) for scene in scenes for contender in contenders]
    with ThreadPoolExecutor(plan.jobs) as pool:
        futures = [pool.submit(comparison.row, *pair) for pair in pairs]
        try:
            on_step("bench", 0, len(pairs))
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                on_step("bench", done, len(pairs))
        except BaseException:
            processes.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


class _Comparison:
    """What all rows share."""

    def __init__(self, plan: BenchPlan, metrics: list[str], cache: Cache, processes: Processes):
        self.plan, self.cache, self.processes = plan, cache, processes
        self.needs = {name: needs(name) for name in metrics}
        self._hash = remembered(fingerprints.of_file)  # inputs are hashed once, not per contender

    def row(self, scene: Scene, contender: Contender) -> BenchResult:
        key, suffix = self._key(scene, contender), _suffix(scene)
        picture = self.cache.picture(key, suffix)
        run = self._known(key, picture)
        is_remembered = run is not None
        if run is None:
            run = self._run(scene, contender, picture)
            self.cache.write("runs", key, asdict(run))
        failure, values, undefined = run.failure, dict[str, float](), dict[str, str]()
        if not failure:
            try:
                values, undefined = self._measured(scene, picture, run.sha256)
            except HyperfocalError as error:
                failure = f"cannot be measured: {error}"
        return BenchResult(
            data_set=scene.data_set,
            scene=scene.name,
            method=contender.name,
            failure=failure,
            wall_s=run.wall_s,
            cpu_s=run.cpu_s,
            peak_bytes=run.peak_bytes,
            picture=None if failure else picture,
            sha256=run.sha256,
            is_remembered=is_remembered,
            values=values,
            undefined=undefined,
        )

    def _key(self, scene: Scene, contender: Contender) -> str:
        frames = [self._hash(path) for path in scene.frames]
        return fingerprints.of_values(contender.identity, frames, _suffix(scene))

    def _known(self, key: str, picture: Path) -> Run | None:
        """The run that is kept under this key, if it still holds."""
        try:
            run = Run(**self.cache.read("runs", key))
        except TypeError:  # nothing is kept, or something else
            return None
        if not run.failure:
            is_whole = picture.is_file() and fingerprints.of_file(picture) == run.sha256
            return run if is_whole else None
        had_less_time = run.late_after_s is not None and run.late_after_s < self.plan.timeout
        return None if self.plan.retry or had_less_time else run

    def _run(self, scene: Scene, contender: Contender, picture: Path) -> Run:
        with self.cache.work_folder() as folder:
            work = folder.path
            out, log = work / f"fused{picture.suffix}", work / "log"
            frames = folder_of(scene.frames, work / "frames")
            command = contender.arguments(scene.frames, frames, out)
            finished = self.processes.run(command, timeout=self.plan.timeout, log=log)
            failure = _failure(finished, log, self.plan.timeout)
            if not failure:
                failure = _refused(out, scene)
            sha256 = "" if failure else fingerprints.of_file(out)
            if not failure:
                out.replace(picture)
        late = self.plan.timeout if finished.is_late else None
        return Run(failure, late, finished.wall_s, finished.cpu_s, finished.peak_bytes, sha256)

    def _measured(
        self, scene: Scene, picture: Path, sha256: str
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Values and reasons of the metrics that this scene allows."""
        given = {"sources": True, "reference": scene.reference, "depth": scene.depth}
        there = {name for name, value in given.items() if value}
        wanted = [name for name, needed in self.needs.items() if needed <= there]
        key = self._metrics_key(scene, sha256)
        kept = self.cache.read("metrics", key)
        missing = [name for name in wanted if not _holds(kept.get(name), name)]
        if missing:
            found = evaluate(
                picture,
                scene.frames,
                reference=scene.reference,
                depth=scene.depth,
                metrics=missing,
                grey=self.plan.grey,
            )
            for name, value in {**found.undefined, **found.values}.items():
                kept[name] = {"source": fingerprints.of_metric(name), "told": value}
            self.cache.write("metrics", key, kept)
        told = {name: kept[name]["told"] for name in wanted}
        values = {name: value for name, value in told.items() if isinstance(value, float)}
        return values, {name: why for name, why in told.items() if isinstance(why, str)}

    def _metrics_key(self, scene: Scene, sha256: str) -> str:
        frames = [self._hash(path) for path in scene.frames]
        others = [path and self._hash(path) for path in (scene.reference, scene.depth)]
        return fingerprints.of_values(sha256, frames, others, self.plan.grey)


def _suffix(scene: Scene) -> str:
    """What the fused picture is kept as: PNG unless the frames are floating point."""
    try:
        info = formats.open_frames(scene.frames[0])[0].info
    except FormatError:
        return ".png"
    return ".png" if info.dtype.kind == "u" else ".tif"


def _failure(finished: Finished, log: Path, timeout: float) -> str:
    if finished.is_late:
        return f"still running after {timeout:g} s; ended"
    if finished.exit_code == 0:
        return ""
    ended = f"exit code {finished.exit_code}"
    if finished.exit_code < 0:
        ended = f"ended by signal {-finished.exit_code}"
    lines = log.read_text("utf-8", "replace").split("\n") if log.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return f"{ended}: {last[:300]}"


def _refused(out: Path, scene: Scene) -> str:
    """Why a picture cannot stand beside its frames; empty where it can."""
    if not out.is_file() or not out.stat().st_size:
        return "wrote no picture"
    try:
        frame = formats.open_frames(scene.frames[0])[0].info
        made = formats.open_frames(out)[0]
        formats.require_whole(out)
        if frame.channels == 1 and made.info.channels == 3:
            _keep_one_channel(out)
            made = formats.open_frames(out)[0]
    except HyperfocalError as error:
        return f"wrote no readable picture: {str(error).replace(str(out), out.name)}"
    for wanted, found in zip(_told(frame), _told(made.info), strict=True):
        if wanted != found:
            return f"wrote a picture {found}, the frames are {wanted}"
    return ""


def _keep_one_channel(out: Path) -> None:
    """Grey that a program wrote as three equal channels becomes grey."""
    source = formats.open_frames(out)[0]
    samples = source.read()
    if np.array_equal(samples[:, :, 0], samples[:, :, 1]) and np.array_equal(
        samples[:, :, 0], samples[:, :, 2]
    ):
        info = FrameInfo(out.name, source.info.height, source.info.width, 1, source.info.dtype)
        outputs.save(out, samples[:, :, :1], info)


def _told(info: FrameInfo) -> tuple[str, str, str]:
    colour = "in grey" if info.channels == 1 else "in colour"
    return f"of {info.width}×{info.height}", f"of {info.dtype} samples", colour


def _holds(kept: Any, name: str) -> bool:
    """Whether what is kept of a metric is whole and was found with the metric as it is now."""
    if not isinstance(kept, dict) or kept.get("source") != fingerprints.of_metric(name):
        return False
    told = kept.get("told")
    return isinstance(told, str) or (isinstance(told, float) and math.isfinite(told))
