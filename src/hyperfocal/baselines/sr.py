"""Sparse representation: of patches that slide over the frames, those with the most activity.

Each 8×8 patch, less its mean, is written as a sum of few atoms of an overcomplete dictionary
(orthogonal matching pursuit); the frame whose coefficients have the largest l1 norm gives the
patch, and overlapping patches are averaged. Slow. Colour channels are fused each by itself.
Coefficients stop where what is left of a patch is below a tolerance, so that even equal frames come
out changed by less than that. Yang, Li: Multifocus image fusion and restoration with sparse
representation, 2010; the dictionary is their overcomplete DCT, not a learnt one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import Pixels
from hyperfocal.options import option

_SIDE = 8  # px, of a patch
_FREQUENCIES = 16  # along each side: 256 atoms for 64 pixels
_AT_ONCE = 128  # patches; what is held for them stays near the processor

Vectors = NDArray[np.float32]  # (patches, 64) or (patches, atoms)


@dataclass(frozen=True)
class Sr:
    """The values of the SESF-Fuse comparison as defaults."""

    step: int = option(2, "px between patches", unit="px", low=1, high=_SIDE)
    tolerance: float = option(
        0.1, "norm of what may be left of a patch", unit="levels of 255", low=0.01
    )

    @property
    def bytes_per_pixel(self) -> int:
        return 80 + 3 * 4 * (_SIDE**2 + 4) // self.step**2 * 2

    @property
    def halo(self) -> int:
        return rounded_up(2 * _SIDE, self.step)

    @property
    def grid(self) -> int:
        return self.step

    def fold(self, height: int, width: int, channels: int) -> PatchFold:
        return PatchFold(self.step, self.tolerance / 255, (height, width, channels))


class PatchFold:
    """The most active patch at every place so far."""

    def __init__(self, step: int, tolerance: float, shape: tuple[int, int, int]):
        self._tolerance, self._shape = tolerance, shape
        # Pictures smaller than a patch are continued to one.
        self._padded = (max(_SIDE, shape[0]), max(_SIDE, shape[1]))
        self._tops, self._lefts = (_starts(side, step) for side in self._padded)
        places = (shape[2], len(self._tops), len(self._lefts))
        self._activity = np.full(places, -1, np.float32)
        self._patches = np.zeros((*places, _SIDE**2), np.float32)

    def add(self, pixels: Pixels) -> None:
        down, across = (big - side for big, side in zip(self._padded, pixels.shape, strict=False))
        whole = np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="edge")
        for channel in range(pixels.shape[2]):
            plane = np.ascontiguousarray(whole[:, :, channel])
            views = np.lib.stride_tricks.sliding_window_view(plane, (_SIDE, _SIDE))
            for row, top in enumerate(self._tops):
                patches = views[top, self._lefts].reshape(-1, _SIDE**2)
                self._take(channel, row, patches)

    def _take(self, channel: int, row: int, patches: Vectors) -> None:
        mean = patches.mean(axis=1, keepdims=True)
        sparse, activity = pursued(patches - mean, self._tolerance)
        is_more = activity >= self._activity[channel, row]
        self._activity[channel, row][is_more] = activity[is_more]
        self._patches[channel, row][is_more] = (sparse + mean)[is_more]

    def result(self) -> Pixels:
        total = np.zeros((*self._padded, self._shape[2]), np.float32)
        share = np.zeros((*self._padded, 1), np.float32)
        for row, column in np.ndindex(_SIDE, _SIDE):
            rows, columns = self._tops + row, self._lefts + column
            entries = self._patches[..., row * _SIDE + column].transpose(1, 2, 0)
            # Places differ from one another, so that no pixel is added to twice at once.
            total[np.ix_(rows, columns)] += entries
            share[np.ix_(rows, columns)] += 1
        height, width = self._shape[:2]
        return (total / share)[:height, :width]


def pursued(vectors: Vectors, tolerance: float) -> tuple[Vectors, NDArray[np.float32]]:
    """Orthogonal matching pursuit of every row: its sparse approximation and its l1 norm.

    Atoms are taken until what is left of the row has a norm of at most `tolerance`.
    """
    sparse, activity = np.zeros_like(vectors), np.zeros(len(vectors), np.float32)
    for rows in _blocks(len(vectors)):
        sparse[rows], activity[rows] = _pursued(vectors[rows], tolerance)
    return sparse, activity


def _blocks(count: int) -> Iterator[slice]:
    return (slice(first, first + _AT_ONCE) for first in range(0, count, _AT_ONCE))


def _pursued(vectors: Vectors, tolerance: float) -> tuple[Vectors, NDArray[np.float32]]:
    """One block: rows that are done leave it, the others take one atom each a turn.

    Atoms are made orthogonal to those before (Gram-Schmidt): a row's atoms are `triangle` times its
    `basis`, and `lengths` are what the row has along each vector of it.
    """
    atoms, size = dictionary(), vectors.shape[1]
    sparse, activity = np.zeros_like(vectors), np.zeros(len(vectors), np.float32)
    active = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) > tolerance**2)
    left = vectors[active]
    basis, triangle = np.zeros((2, len(active), size, size), np.float32)
    lengths = np.zeros((len(active), size), np.float32)
    for turn in range(size):
        if not len(active):
            break
        atom = atoms[np.abs(left @ atoms.T).argmax(axis=1)]
        before = basis[:, :turn]
        share = np.matmul(before, atom[:, :, None])
        vector = atom - np.matmul(share.transpose(0, 2, 1), before)[:, 0]
        norm = np.linalg.norm(vector, axis=1)
        # An atom that is nearly a sum of those before cannot lessen what is left.
        is_new = norm > 1e-3
        vector /= np.maximum(norm, 1e-3)[:, None]
        length = np.einsum("ij,ij->i", left, vector) * is_new
        basis[:, turn] = vector
        triangle[:, turn, :turn], triangle[:, turn, turn] = share[:, :, 0], np.maximum(norm, 1e-3)
        lengths[:, turn] = length
        left = left - length[:, None] * vector
        is_done = (np.einsum("ij,ij->i", left, left) <= tolerance**2) | ~is_new
        if turn == size - 1:
            is_done[:] = True
        if is_done.any():
            done, keep = active[is_done], ~is_done
            sparse[done] = vectors[done] - left[is_done]
            square = triangle[is_done, : turn + 1, : turn + 1].transpose(0, 2, 1)
            along = lengths[is_done, : turn + 1, None]
            activity[done] = np.abs(np.linalg.solve(square, along)).sum(axis=(1, 2))
            active, left, lengths = active[keep], left[keep], lengths[keep]
            basis, triangle = basis[keep], triangle[keep]
    return sparse, activity


@functools.cache
def dictionary() -> Vectors:
    """(256, 64): products of 16 sampled cosines a side, all but the first less their mean."""
    positions, frequencies = np.arange(_SIDE), np.arange(_FREQUENCIES)
    waves = np.cos(np.pi * np.outer(frequencies, positions) / _FREQUENCIES)
    waves[1:] -= waves[1:].mean(axis=1, keepdims=True)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    return np.kron(waves, waves).astype(np.float32)


def _starts(side: int, step: int) -> NDArray[np.intp]:
    """Where patches begin along one side; the last ends with the picture."""
    starts = np.arange(0, side - _SIDE + 1, step)
    return starts if starts[-1] == side - _SIDE else np.append(starts, side - _SIDE)
