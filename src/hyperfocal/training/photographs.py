"""Photographs as training views: found in folders, split by photograph, cut reproducibly.

A view depends on seed, epoch and photograph alone, so that a resumed run sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperfocal.errors import FormatError
from hyperfocal.progress import OnStep

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
_TILE_OF_PHOTOGRAPH = re.compile(r"_r\d+c\d+$")


def find(folders: Iterable[Path]) -> list[Path]:
    """All photographs below these folders, sorted; raises FormatError where there is none."""
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise FormatError(f"{folder} is no folder; name a folder of photographs")
        found += [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    if not found:
        names = ", ".join(str(folder) for folder in folders)
        raise FormatError(f"no photographs in {names}; put JPEG, PNG or TIFF files there")
    return sorted(found)


def name_of(path: Path) -> str:
    """The photograph a file was cut from: `pier_r0c2.jpg` and `pier.jpg` are both `pier`."""
    return _TILE_OF_PHOTOGRAPH.sub("", path.stem)


def split(
    paths: Sequence[Path], *, validation_share: float, seed: int
) -> tuple[list[Path], list[Path]]:
    """Training and validation files; all tiles of a photograph go to the same side."""
    names = sorted({name_of(path) for path in paths})
    if len(names) < 2:
        raise FormatError(f"one photograph cannot be split; add more beside {paths[0]}")
    order = np.random.default_rng(seed).permutation(len(names))
    count = min(len(names) - 1, max(1, round(validation_share * len(names))))
    held_out = {names[index] for index in order[:count]}
    train = [path for path in paths if name_of(path) not in held_out]
    return train, [path for path in paths if name_of(path) in held_out]


@dataclass
class Views:
    """Grey views of photographs, (height, width), 0…1.

    `crop=False` shrinks each photograph to the view, as published; `crop=True` cuts a window
    from it at a random scale, which a small collection needs. Crops are flipped at random.
    """

    paths: Sequence[Path]
    height: int
    width: int
    crop: bool
    flip: bool
    seed: int
    cache_bytes: int = 2**30
    _cache: dict[Path, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def prepare(self, on_progress: OnStep) -> None:
        """Nothing: photographs are read as they come."""

    def batch_count(self, *, batch: int, repeats: int) -> int:
        """How many batches make an epoch."""
        return -(-len(self.paths) * repeats // batch)

    def batches(self, epoch: int, *, batch: int, repeats: int, skip: int = 0) -> Iterator[Tensor]:
        """(batch, 1, height, width) tensors; every photograph `repeats` times, shuffled."""
        rng = np.random.default_rng([self.seed, epoch])
        order = np.concatenate([rng.permutation(len(self.paths)) for _ in range(repeats)])
        for start in range(skip * batch, len(order), batch):
            chosen = enumerate(order[start : start + batch], start)
            views = [self.view(int(index), [self.seed, epoch, at]) for at, index in chosen]
            yield torch.from_numpy(np.stack(views)[:, None])

    def fixed(self, count: int | None = None) -> Iterator[Tensor]:
        """One view a photograph, the same every time, for validation."""
        for index in range(len(self.paths))[:count]:
            yield torch.from_numpy(self.view(index, [self.seed, index])[None, None])

    def view(self, index: int, seeds: Sequence[int]) -> NDArray[np.float32]:
        import cv2

        rng = np.random.default_rng(seeds)
        photograph = self._read(self.paths[index])
        if self.crop:
            photograph = self._window(photograph, rng)
        shape = (self.width, self.height)
        view = cv2.resize(photograph, shape, interpolation=cv2.INTER_AREA)
        if self.flip:
            view = view[:: 1 - 2 * int(rng.integers(2)), :: 1 - 2 * int(rng.integers(2))]
        return np.ascontiguousarray(view, dtype=np.float32) / np.float32(255)

    def _window(self, photograph: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        rows, columns = photograph.shape
        largest = min(rows / self.height, columns / self.width)
        scale = min(largest, float(rng.uniform(1, 2)))
        height, width = int(self.height * scale), int(self.width * scale)
        top = int(rng.integers(rows - height + 1))
        left = int(rng.integers(columns - width + 1))
        return photograph[top : top + height, left : left + width]

    def _read(self, path: Path) -> NDArray[np.uint8]:
        import cv2

        if path in self._cache:
            return self._cache[path]
        encoded = np.fromfile(path, np.uint8)
        grey = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if encoded.size else None
        if grey is None:
            raise FormatError(f"{path} is no readable photograph; remove it or convert it")
        if sum(kept.nbytes for kept in self._cache.values()) < self.cache_bytes:
            self._cache[path] = grey
        return grey
