"""Every stack of a plan fused, or known to be; one that fails does not stop the rest."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperfocal import registry
from hyperfocal.batch.groups import stamp
from hyperfocal.batch.ledger import Ledger, key_of
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import Job
from hyperfocal.errors import Cancelled, HyperfocalError
from hyperfocal.fusion.api import Extras
from hyperfocal.fusion.flow import fuse_to_files
from hyperfocal.fusion.recipe import Recipe
from hyperfocal.methods import files_of
from hyperfocal.progress import OnStep, silent


@dataclass(frozen=True)
class Outcome:
    """What became of one stack."""

    stack: str
    status: str  # made, kept (made earlier), skipped (a lone frame), failed, waiting
    frames: tuple[str, ...] = ()  # names, in the order in which they were fused
    outputs: tuple[str, ...] = ()  # paths below the folder of results
    left_out: tuple[str, ...] = ()
    order: str = ""
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    notices: tuple[str, ...] = ()
    failure: str = ""
    trace: str = field(default="", repr=False)  # where a failure is our bug


@dataclass(frozen=True)
class Work:
    """What all stacks of a batch share."""

    ledger: Ledger
    options: BatchOptions
    recipe: Recipe
    overwrite: bool = False

    def key(self, job: Job) -> str:
        """What the result of a stack depends on, frames as they are now."""
        # More or less memory gives the same picture, and so does more trust in what files declare.
        recipe = dataclasses.replace(
            self.recipe, memory=None, largest_picture=Recipe().largest_picture
        )
        options = (self.options.suffix, self.options.depth)
        return key_of(list(job.frames), job.name, recipe, options, *self._files())

    def _files(self) -> list[object]:
        """Files beside the frames that shape the result, as they are now; none for most methods."""
        try:
            files = files_of(registry.make("methods", self.recipe.method))
        except HyperfocalError as error:
            return [str(error)]  # fusing will say it
        return [(str(path), *stamp(path)) for path in files]

    def known(self, job: Job) -> Outcome | None:
        """The row of a stack that is done."""
        row = self.ledger.done(job.name, self.key(job))
        return None if row is None or not _is_row(row) else _row(job, "kept", row)

    def waiting(self, job: Job) -> Outcome:
        """The row of a stack that the batch did not come to."""
        return self.known(job) or _row(job, "waiting", {})

    def run(self, job: Job, on_step: OnStep) -> Outcome:
        """Fuse a stack, unless it is done or there is nothing to fuse; failures become the row."""
        if job.failure:
            return Outcome(job.name, "failed", failure=job.failure)
        if job.is_lone:
            return _row(job, "skipped", {"notices": ["a frame by itself; nothing to fuse"]})
        try:
            return self.known(job) or self._fused(job, on_step)
        except Cancelled:
            raise
        except HyperfocalError as error:
            return _row(job, "failed", {"failure": " ".join(str(error).split())})
        except Exception as error:
            # Our bug, but hours of other stacks wait behind it; the report keeps its trace.
            told = f"unexpected {type(error).__name__}: {error}; please report it"
            told = " ".join(told.split())
            return _row(job, "failed", {"failure": told, "trace": traceback.format_exc()})

    def _fused(self, job: Job, on_step: OnStep) -> Outcome:
        key = self.key(job)
        place = self.ledger.out / f"{job.name}{self.options.suffix}"
        depth_place = place.with_name(f"{place.name[: -len(self.options.suffix)]}_depth.tif")
        places = [place, *([depth_place] if self.options.depth else [])]
        for each in places:
            self.ledger.require_inside(each)
        self._require_free(job, places)
        work = self.ledger.work_folder(key)
        try:
            report = fuse_to_files(
                list(job.frames),
                work / place.name,
                self.recipe,
                extras=Extras(depth=work / depth_place.name if self.options.depth else None),
                on_step=on_step,
            )
            moves = {path: place.parent / path.name for path in sorted(work.iterdir())}
            self._require_free(job, moves.values())
            row = _told(job, report, [path.relative_to(self.ledger.out) for path in moves.values()])
            self.ledger.settle(job.name, key, moves, _plain(row))
        except HyperfocalError as error:
            # The user never sees the work folder.
            raise type(error)(str(error).replace(str(work), str(place.parent))) from error
        finally:
            self.ledger.drop(work)
        return row

    def _require_free(self, job: Job, places: Any) -> None:
        if not self.overwrite:
            for place in places:
                self.ledger.require_free(job.name, place)


def run_jobs(jobs: Sequence[Job], work: Work, *, on_step: OnStep = silent) -> Iterator[Outcome]:
    """A row for each stack, as it is done."""
    for number, job in enumerate(jobs, 1):
        prefix = f"stack {number}/{len(jobs)} {job.name}: "
        yield work.run(job, lambda stage, *at, prefix=prefix: on_step(prefix + stage, *at))


def _told(job: Job, report: dict[str, Any], paths: list[Path]) -> Outcome:
    return Outcome(
        stack=job.name,
        status="made",
        frames=tuple(report["frames"]),
        outputs=tuple(path.as_posix() for path in paths),
        left_out=(*report["left_out"], *report["alignment"]["left_out"]),
        order=report["order"],
        width=report["width"],
        height=report["height"],
        seconds=round(sum(report["seconds"].values()), 3),
        notices=tuple(report["notices"]),
    )


def _row(job: Job, status: str, known: dict[str, Any]) -> Outcome:
    """A row from what is known of it; lists, as JSON has them, become tuples."""
    values: dict[str, Any] = {"frames": tuple(path.name for path in job.frames)}
    values |= {
        name: tuple(each) if isinstance(each, list) else each for name, each in known.items()
    }
    names = {each.name for each in dataclasses.fields(Outcome)}
    values = {name: value for name, value in values.items() if name in names}
    return Outcome(**{**values, "stack": job.name, "status": status})


def _is_row(known: dict[str, Any]) -> bool:
    """Whether the values are of the types that an Outcome has."""
    kinds = {field.name: str(field.type) for field in dataclasses.fields(Outcome)}
    return all(name not in kinds or _is_of(kinds[name], value) for name, value in known.items())


def _is_of(kind: str, value: Any) -> bool:
    if kind.startswith("tuple"):
        return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) if kind == "str" else value is None or number


def _plain(row: Outcome) -> dict[str, Any]:
    return dataclasses.asdict(row)
