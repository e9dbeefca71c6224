"""Scenes kept in a folder: made once by all processors, seen again in every epoch.

A scene depends on seed and number alone. Chunks are written whole or not at all, so that a run that
was killed goes on making what is missing.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperfocal.progress import OnStep
from hyperfocal.training.photographs import Views
from hyperfocal.training.scenes import composing

COUNTS = (2, 2, 2, 3, 4, 6, 8, 10, 16, 28)  # frames of the scenes, in turn
_SHOWN = 6  # frames of the scenes that are looked at
_CHUNK = 4 * len(COUNTS)  # scenes a file

Stack = NDArray[np.uint16]  # (K + 1, size, size): the frames, then the reference, 0…65535


@dataclass
class SceneDataset:
    """`count` scenes of `size`×`size` px from these photographs, in a folder."""

    folder: Path
    paths: Sequence[Path]
    count: int
    size: int
    seed: int
    _kept: list[Stack] = field(default_factory=list, repr=False)

    def prepare(self, on_progress: OnStep) -> None:
        """Make the chunks that are missing, then take all scenes into memory."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [chunk for chunk in range(self._chunk_count) if not self._path(chunk).exists()]
        if missing:
            with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
                for done, _ in enumerate(pool.imap_unordered(self._make, missing), 1):
                    on_progress("scenes", done, len(missing))
        self._kept.clear()
        for chunk in range(self._chunk_count):
            with np.load(self._path(chunk)) as held:
                self._kept += [held[name] for name in sorted(held.files, key=int)]
        del self._kept[self.count :]

    def batches(self, epoch: int, *, batch: int, repeats: int, skip: int = 0) -> Iterator[Tensor]:
        """(B, K + 1, size, size) in 0…1, about `batch` frames each; every scene turned at random.

        Scenes of a batch have equally many frames.
        """
        rng = np.random.default_rng([self.seed, epoch])
        plan = [part for _ in range(repeats) for part in self._shuffled(rng, batch)]
        for at in range(skip, len(plan)):
            turn = np.random.default_rng([self.seed, epoch, at])
            turned = [_turned(self._kept[number], turn) for number in plan[at]]
            yield torch.from_numpy(np.stack(turned).astype(np.float32) / np.float32(65535))

    def batch_count(self, *, batch: int, repeats: int) -> int:
        """How many batches make an epoch."""
        return repeats * len(self._shuffled(np.random.default_rng(0), batch))

    def fixed(self, count: int | None = None) -> Iterator[Tensor]:
        """Each scene, (1, K + 1, size, size); `count` scenes of six frames to look at."""
        kept = self._kept
        if count is not None:
            kept = [stack for stack in kept if len(stack) == _SHOWN + 1][:count]
        for stack in kept:
            yield torch.from_numpy(stack[None].astype(np.float32) / np.float32(65535))

    def _shuffled(self, rng: np.random.Generator, frames: int) -> list[NDArray[np.int64]]:
        batches = []
        for count in sorted(set(COUNTS)):
            numbers = [at for at, stack in enumerate(self._kept) if len(stack) == count + 1]
            order, length = rng.permutation(numbers), max(1, frames // count)
            batches += [order[start : start + length] for start in range(0, len(order), length)]
        return [batches[at] for at in rng.permutation(len(batches))]

    @property
    def _chunk_count(self) -> int:
        return -(-self.count // _CHUNK)

    def _path(self, chunk: int) -> Path:
        return self.folder / f"scenes-{chunk:05d}.npz"

    def _make(self, chunk: int) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        made = {}
        for number in range(chunk * _CHUNK, (chunk + 1) * _CHUNK):
            rng = np.random.default_rng([self.seed, number])
            scene = composing.make(rng, self._photograph, COUNTS[number % len(COUNTS)], self.size)
            reference = np.round(scene.reference * 65535).astype(np.uint16)
            frames = scene.frames.astype(np.uint16) * 257
            made[str(number)] = np.concatenate([frames, reference[None]])
        beside = self._path(chunk).with_suffix(".part")
        with open(beside, "wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]
        os.replace(beside, self._path(chunk))

    def _photograph(self, rng: np.random.Generator, side: int) -> NDArray[np.float32]:
        views = _VIEWS.setdefault(
            (tuple(self.paths), side), Views(self.paths, side, side, crop=True, flip=True, seed=0)
        )
        return views.view(int(rng.integers(len(self.paths))), [int(rng.integers(2**31))])


_VIEWS: dict[tuple[tuple[Path, ...], int], Views] = {}  # of this process


def _turned(stack: Stack, rng: np.random.Generator) -> Stack:
    stack = np.rot90(stack, int(rng.integers(4)), axes=(1, 2))
    return stack[:, ::-1] if rng.integers(2) else stack
