"""Dual-tree complex wavelet transform: the most active of six oriented complex bands a level.

Nearly invariant to shifts, four times as many coefficients as pixels. The approximation is
averaged. Lewis, O'Callaghan, Nikolov, Bull, Canagarajah: Pixel- and region-based image fusion with
complex wavelets, 2007; the transform is Kingsbury's, 2001, with the filters LeGall 5-3 and
Q-shift 06.

The four trees are four ordinary wavelet transforms by PyWavelets. (The package `dtcwt` refuses
NumPy 2.) Borders are mirrored tree by tree, where the original mirrors across trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hyperfocal.baselines._coefficients import WINDOW_REACH, Band, CoefficientFold, require
from hyperfocal.compute.tiles import rounded_up
from hyperfocal.frame import Pixels
from hyperfocal.options import option

# Kingsbury: Complex wavelets for shift invariant analysis and filtering of signals, 2001: ten taps,
# six of them not zero, delayed by a quarter of a sample.
_Q_SHIFT_06 = (
    0.03516383657149474,
    0,
    -0.08832942445107285,
    0.23389032060723564,
    0.7602723690661257,
    0.5875182977235605,
    0,
    -0.11430183714424873,
    0,
    0,
)
Tree: TypeAlias = tuple[int, int]  # which of two, along rows and along columns

_TREES: tuple[Tree, ...] = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Dtcwt:
    """Options of the dual-tree transform."""

    levels: int = option(4, "times the approximation is split", low=1, high=8)

    @property
    def bytes_per_pixel(self) -> int:
        return 220

    @property
    def halo(self) -> int:
        taps = len(_Q_SHIFT_06)
        reach = 2 * (taps - 1) * (2**self.levels - 1) + WINDOW_REACH * 2**self.levels + 1
        return rounded_up(reach, self.grid)

    @property
    def grid(self) -> int:
        return 2**self.levels

    def fold(self, height: int, width: int, channels: int) -> CoefficientFold:
        require("pywt")  # now, not when the first frame has been read
        return CoefficientFold(DualTree(self.levels))


@dataclass(frozen=True)
class DualTree:
    """Six complex bands a level, from fine to coarse, and the approximations of all trees."""

    levels: int

    def split(self, pixels: Pixels) -> tuple[list[Band], Pixels]:
        trees = {tree: _padded(pixels, tree) for tree in _TREES}
        bands: list[Band] = []
        for level, filters in enumerate(self._filters()):
            if level and min(trees[0, 0].shape[:2]) < 2:
                break
            parts = {tree: _split(trees[tree], filters, tree) for tree in _TREES}
            trees = {tree: approximation for tree, (approximation, _) in parts.items()}
            for orientation in range(3):
                bands += _complex({tree: parts[tree][1][orientation] for tree in _TREES})
        return bands, np.concatenate([trees[tree] for tree in _TREES], axis=2)

    def join(self, bands: Sequence[Band], base: Pixels) -> Pixels:
        trees = dict(zip(_TREES, np.split(base, 4, axis=2), strict=True))
        used = list(self._filters())[: len(bands) // 6]
        for level in reversed(range(len(used))):
            pairs = bands[6 * level : 6 * level + 6]
            parts = [_real(pairs[place], pairs[place + 1]) for place in (0, 2, 4)]
            for tree in _TREES:
                trees[tree] = _join(trees[tree], [part[tree] for part in parts], used[level], tree)
        whole = [_cropped(trees[tree], tree) for tree in _TREES]
        return (whole[0] + whole[1] + whole[2] + whole[3]) / np.float32(4)

    def _filters(self) -> Iterator[tuple[Any, Any]]:
        """The filters of both trees, level by level."""
        pywt = require("pywt")
        first = pywt.Wavelet("bior2.2")  # LeGall 5-3
        yield first, first  # the trees lie one pixel apart
        banks = (pywt.orthogonal_filter_bank(taps) for taps in (_Q_SHIFT_06, _Q_SHIFT_06[::-1]))
        late, early = (pywt.Wavelet("q-shift 06", filter_bank=bank) for bank in banks)
        for _ in range(1, self.levels):
            yield early, late


def _padded(pixels: Pixels, tree: Tree) -> Pixels:
    """One pixel more on either side of each axis: that moves the second tree by a pixel."""
    pads = [(1, 0) if is_second else (0, 1) for is_second in tree]
    return np.pad(pixels, (*pads, (0, 0)), mode="symmetric")


def _cropped(pixels: Pixels, tree: Tree) -> Pixels:
    height, width = (side - 1 for side in pixels.shape[:2])
    return pixels[tree[0] :, tree[1] :][:height, :width]


def _split(pixels: Pixels, filters: tuple[Any, Any], tree: Tree) -> Any:
    return require("pywt").dwt2(pixels, [filters[axis] for axis in tree], axes=(0, 1))


def _join(base: Pixels, details: Sequence[Band], filters: tuple[Any, Any], tree: Tree) -> Pixels:
    base = base[: details[0].shape[0], : details[0].shape[1]]
    pair = (base, tuple(details))
    return require("pywt").idwt2(pair, [filters[axis] for axis in tree], axes=(0, 1))


def _complex(parts: dict[Tree, Band]) -> tuple[Band, Band]:
    """The two mirrored orientations of a band; magnitudes hardly change with shifts."""
    real = parts[0, 0] - parts[1, 1], parts[0, 0] + parts[1, 1]
    imaginary = parts[0, 1] + parts[1, 0], parts[0, 1] - parts[1, 0]
    first, second = (r + np.complex64(1j) * i for r, i in zip(real, imaginary, strict=True))
    return first, second


def _real(first: Band, second: Band) -> dict[Tree, Band]:
    """The inverse of `_complex`."""
    half = np.float32(0.5)
    return {
        (0, 0): half * (first.real + second.real),
        (1, 1): half * (second.real - first.real),
        (0, 1): half * (first.imag + second.imag),
        (1, 0): half * (first.imag - second.imag),
    }
