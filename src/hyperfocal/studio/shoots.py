"""The start page's stacks: a folder grouped as `batch` would, with the reason; and watching it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hyperfocal import HyperfocalError, OptionError, Recipe, StackError
from hyperfocal.batch.groups import FrameFile, stamp
from hyperfocal.batch.ledger import Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import Job, make_plan
from hyperfocal.batch.runs import Outcome, Work
from hyperfocal.batch.watch import Watcher, WatchOptions
from hyperfocal.io import formats
from hyperfocal.options import build
from hyperfocal.progress import OnStep
from hyperfocal.studio import pictures, tiles
from hyperfocal.studio.roots import HeldCache, Roots

Facts = dict[str, Any]
RESULTS = "fused"  # the folder of results in a shoot
_THUMB = 360  # px
_LOOK_S = 2.0


class Shoots:
    """What was found in folders; the last plan of each is remembered."""

    def __init__(self, roots: Roots, folder: Path, tell: Callable[..., None]):
        self._roots, self._folder, self._tell = roots, folder / "thumbnails", tell
        self._cache = HeldCache(roots)
        self._plans: dict[Path, dict[str, Job]] = {}
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(2)

    def plan(self, folder: Path, options: Facts) -> Facts:
        """The stacks in and below a folder, as a page shows them; raises as `make_plan`."""
        built = build(BatchOptions, options)
        out = folder / RESULTS
        with self._lock:
            try:
                plan = make_plan(folder, out, built, album=self._cache, on_step=self._step)
            except StackError as error:
                if "no picture" not in str(error):
                    raise
                return self._told(folder, [], [])
            jobs = [self._held(job) for job in plan.jobs]
            self._plans[folder] = {job.name: job for job in jobs}
        return self._told(folder, jobs, list(plan.notices))

    def job(self, folder: Path, name: str) -> Job:
        """A stack of a plan; raises OptionError."""
        if folder not in self._plans:
            self.plan(folder, {})
        job = self._plans.get(folder, {}).get(name)
        if job is None:
            raise OptionError(f"there is no stack {name} any more; look at the folder again")
        if job.failure:
            raise StackError(job.failure)
        return job

    def thumbnail(self, path: Path) -> bytes:
        """A small JPEG of a picture's first frame, kept for the next time."""
        key = hashlib.sha256(repr((os.fspath(path), stamp(path))).encode()).hexdigest()[:24]
        place = self._folder / f"{key}.jpg"
        try:
            return place.read_bytes()
        except OSError:
            pass
        with self._decoding:
            sources = formats.open_frames(path)
            source = sources[len(sources) // 2] if not sources[0].is_sequential else sources[0]
            samples = source.read()
        small = _shrunk(samples)
        picture = pictures.small(pictures.visible(small, source.info.icc), _THUMB)
        data = tiles.encoded(picture)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except OSError:
            pass  # it is made again the next time
        return data

    def _held(self, job: Job) -> Job:
        """The stack, or why not where a link leads out of the studio's folder."""
        if all(self._roots.holds(path) for path in job.frames):
            return job
        why = "a link leads out of the studio's folder; start the studio there to see it"
        return Job(job.name, job.folder, (), job.reason, failure=why)

    def _told(self, folder: Path, jobs: list[Job], notices: list[str]) -> Facts:
        return {
            "folder": self._roots.shown(folder),
            "name": folder.name,
            "place": str(folder),
            "out": str(folder / RESULTS),
            "notices": notices,
            "stacks": [self._card(job) for job in jobs],
        }

    def _card(self, job: Job) -> Facts:
        first = self._cache.picture(job.frames[0]) if job.frames else None
        info = None if first is None else first.info
        count = len(job.frames)
        if first is not None and count == 1:
            count = first.frame_count
        shown = [job.frames[place] for place in sorted({0, len(job.frames) // 2,
                 len(job.frames) - 1})] if job.frames else []  # fmt: skip
        return {
            "name": job.name,
            "folder": job.folder,
            "reason": job.reason,
            "count": count,
            "is_lone": job.is_lone,
            "failure": job.failure or _failure(first),
            "width": None if info is None else info.width,
            "height": None if info is None else info.height,
            "type": "" if info is None else str(info.dtype),
            "shown": [str(path) for path in shown],
            "first": job.frames[0].name if job.frames else "",
            "last": job.frames[-1].name if job.frames else "",
            "camera": "" if first is None else first.shot.camera or "",
        }

    def _step(self, stage: str, index: int, count: int) -> None:
        self._tell("looking", stage=stage, index=index, count=count)


class Watch:
    """A folder that is watched: stacks that have become complete go into the queue."""

    def __init__(self, add: Callable[[Job], None], tell: Callable[..., None]):
        self._add, self._tell = add, tell
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.folder: Path | None = None

    def start(self, folder: Path, options: Facts, recipe: Facts) -> None:
        """Watch a folder instead of the one before."""
        self.stop()
        place: Any = _Place(folder / RESULTS)
        work = _Queueing(place, build(BatchOptions, options), build(Recipe, recipe), add=self._add)
        watcher = Watcher(folder, work, WatchOptions())
        self.folder, self._stop = folder, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(watcher, self._stop), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.folder = None

    def _run(self, watcher: Watcher, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                for _ in watcher.look():
                    pass
            except HyperfocalError as error:
                self._tell("notice", line=" ".join(f"watching stopped: {error}".split()))
                self.folder = None
                self._tell("watch", folder=None)
                return
            stop.wait(_LOOK_S)


class _Place:
    """Where results go, for a watcher that leaves the ledger to the queue."""

    def __init__(self, out: Path):
        self.out = out


class _Queueing(Work):
    """What is complete is queued instead of fused."""

    def __init__(
        self,
        ledger: Ledger,
        options: BatchOptions,
        recipe: Recipe,
        *,
        add: Callable[[Job], None],
    ):
        super().__init__(ledger, options, recipe)
        object.__setattr__(self, "_add", add)

    def run(self, job: Job, on_step: OnStep) -> Outcome:
        if not job.is_lone and not job.failure:
            self._add(job)  # type: ignore[attr-defined]
        return Outcome(job.name, "waiting")


def _failure(first: FrameFile | None) -> str:
    if first is not None and first.info is None:
        return f"{first.path.name} cannot be read"
    return ""


def _shrunk(samples: Any) -> Any:
    """Samples a little larger than a thumbnail, so that what follows is cheap."""
    step = max(1, max(samples.shape[:2]) // (4 * _THUMB))
    height, width = samples.shape[:2]
    if step == 1:
        return samples
    small = cv2.resize(samples, (width // step, height // step), interpolation=cv2.INTER_AREA)
    return np.asarray(small).reshape(height // step, width // step, -1)
