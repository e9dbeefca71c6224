"""The training loop shared by all networks: epochs, validation, checkpoints, curves.

Killed at any moment, a run goes on from its last checkpoint and ends with the same weights as
one that was never interrupted (on one machine with one number of threads).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hyperfocal.errors import OptionError, StackError
from hyperfocal.progress import OnStep
from hyperfocal.training import pictures


class Lesson(Protocol):
    """What differs from network to network."""

    network: nn.Module

    def losses(self, views: Tensor) -> dict[str, Tensor]:
        """Loss terms of a batch; `total` is what is minimised."""
        ...

    def sample(self, views: Tensor) -> Tensor:
        """What the network makes of the views, as pictures in 0…1."""
        ...

    def export(self, network: nn.Module, folder: Path) -> list[Path]:
        """The files that inference needs."""
        ...


class Dataset(Protocol):
    """What is learned from: views of photographs, or scenes made of them."""

    paths: Sequence[Path]

    def prepare(self, on_progress: OnStep) -> None:
        """Make what has to be made before training."""
        ...

    def batches(self, epoch: int, *, batch: int, repeats: int, skip: int = 0) -> Iterator[Tensor]:
        """The batches of an epoch, the same for the same epoch, from number `skip` on."""
        ...

    def batch_count(self, *, batch: int, repeats: int) -> int:
        """How many batches make an epoch."""
        ...

    def fixed(self, count: int | None = None) -> Iterator[Tensor]:
        """Single examples for validation, the same every time; `count` of one shape to look at."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long and how fast; the options of a training command give these."""

    epochs: int
    batch: int
    repeats: int
    decay: float
    decay_epochs: int
    device: str
    precision: str
    threads: int | None
    largest_gradient: float | None = None


@dataclass
class History:
    """Losses of every epoch, as they are written to history.json."""

    train: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    best_epoch: int = -1


def device_of(name: str) -> str:
    """`auto` is CUDA where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def autocast_of(schedule: Schedule) -> contextlib.AbstractContextManager[Any]:
    """bfloat16 where the processor has instructions for it, else float32."""
    precision = schedule.precision
    if precision == "auto":
        fast = schedule.device.startswith("cuda") or has_fast_bfloat16()
        precision = "bf16" if fast else "fp32"
    enabled = precision == "bf16"
    return torch.autocast(schedule.device.split(":")[0], torch.bfloat16, enabled=enabled)


def has_fast_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


CHECKPOINT_SECONDS = 60.0


class Training:
    """A run in a folder: `checkpoint.pt`, `best.pt`, `history.json`, curves and samples."""

    def __init__(
        self,
        folder: Path,
        lesson: Lesson,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        *,
        options: Any,
        train: Dataset,
        validation: Dataset,
    ):
        self.folder, self.lesson, self.optimizer = folder, lesson, optimizer
        self.schedule, self.options = schedule, dataclasses.asdict(options)
        self.train, self.validation = train, validation
        self.scheduler = torch.optim.lr_scheduler.StepLR(
            optimizer, schedule.decay_epochs, schedule.decay
        )
        self.history = History()
        self.epoch, self.step = 0, 0
        self._sums: dict[str, float] = {}

    def run(self, on_progress: OnStep) -> History:
        """Train to the end; resumes from the folder's checkpoint where there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.schedule.threads:
            torch.set_num_threads(self.schedule.threads)
        self.lesson.network.to(self.schedule.device, memory_format=torch.channels_last)
        self._resume()
        for material in (self.train, self.validation):
            material.prepare(on_progress)
        while self.epoch < self.schedule.epochs:
            self._epoch(on_progress)
        return self.history

    @property
    def step_count(self) -> int:
        return self.train.batch_count(batch=self.schedule.batch, repeats=self.schedule.repeats)

    def _epoch(self, on_progress: OnStep) -> None:
        self.lesson.network.train()
        started = saved = time.monotonic()
        for views in self.train.batches(
            self.epoch,
            batch=self.schedule.batch,
            repeats=self.schedule.repeats,
            skip=self.step,
        ):
            self._learn(views)
            self.step += 1
            on_progress(
                f"epoch {self.epoch + 1}/{self.schedule.epochs}", self.step, self.step_count
            )
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                saved = time.monotonic()
                self.history.seconds += saved - started
                started = saved
                self._save("checkpoint.pt")
        self.history.seconds += time.monotonic() - started
        self._close_epoch()

    def _learn(self, views: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        losses = self._losses(views)
        total = losses["total"]
        if not torch.isfinite(total):
            raise StackError(
                f"the loss is {total.item()} in epoch {self.epoch + 1}, step {self.step + 1}; "
                "lower the learning rate"
            )
        total.backward()
        if self.schedule.largest_gradient:
            weights = self.lesson.network.parameters()
            nn.utils.clip_grad_norm_(weights, self.schedule.largest_gradient)
        self.optimizer.step()
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value.detach())

    def _losses(self, views: Tensor) -> dict[str, Tensor]:
        views = views.to(self.schedule.device, memory_format=torch.channels_last)
        with autocast_of(self.schedule):
            return self.lesson.losses(views)

    def _close_epoch(self) -> None:
        history = self.history
        history.train.append({name: total / self.step for name, total in self._sums.items()})
        history.validation.append(self._validate())
        totals = [terms["total"] for terms in history.validation]
        is_best = totals[-1] == min(totals)
        if is_best:
            history.best_epoch = self.epoch
        self.scheduler.step()
        self.epoch, self.step, self._sums = self.epoch + 1, 0, {}
        if is_best:
            self._save("best.pt")
        self._save("checkpoint.pt")
        self._draw()

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        self.lesson.network.eval()
        sums: dict[str, float] = {}
        count = 0
        for view in self.validation.fixed():
            count += 1
            for name, value in self._losses(view).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        return {name: total / count for name, total in sums.items()}

    def _draw(self) -> None:
        history = dataclasses.asdict(self.history)
        _write_beside(self.folder / "history.json", json.dumps(history, indent=1).encode())
        pictures.curves(self.history.train, self.history.validation, self.folder / "curves.png")
        with torch.no_grad():
            views = torch.cat(list(self.validation.fixed(4))).to(self.schedule.device)
            pictures.samples(views, self.lesson.sample(views), self.folder / "samples.png")

    def _save(self, name: str) -> None:
        state = {
            "network": self.lesson.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "sums": self._sums,
            "history": dataclasses.asdict(self.history),
            "options": self.options,
        }
        path = self.folder / name
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        os.replace(beside, path)

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.schedule.device, weights_only=True)
        _refuse_other_options(state["options"], self.options, path)
        self.lesson.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.step, self._sums = state["epoch"], state["step"], state["sums"]
        self.history = History(**state["history"])

    def best(self) -> nn.Module:
        """The network of the epoch with the lowest validation loss."""
        state = torch.load(self.folder / "best.pt", map_location="cpu", weights_only=True)
        self.lesson.network.load_state_dict(state["network"])
        return self.lesson.network.cpu().eval()


def _refuse_other_options(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    # More epochs or another machine continue the same run; anything else would be another run.
    free = {"epochs", "device", "threads", "out"}
    changed = [name for name in now if name not in free and before.get(name) != now[name]]
    if changed:
        raise OptionError(
            f"{path} was made with other options ({', '.join(changed)}); "
            "give the same ones or another output folder"
        )


def _write_beside(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    os.replace(beside, path)
