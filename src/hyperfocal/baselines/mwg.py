"""Multi-scale weighted gradients: the structure of frames weighs their gradients.

At a large scale the frame with the most salient structure (eigenvalues of the structure tensor) is
chosen, gaps and small regions are closed; near the borders of those regions the saliency at a small
scale weighs the frames instead. The composite is the picture whose gradients come closest to the
weighted ones: a Poisson equation, so that the method works on the whole picture. Weights are made
from luma and serve all channels. Zhou, Li, Wang: Multi-scale weighted gradient-based fusion for
multi-focus images, Information Fusion, 2014.

Two details differ from the authors' program for pairs: regions are kept by their size for any
number of frames (there: the largest region and the rest), and weights are not median-filtered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.baselines._whole import WholePicture
from hyperfocal.decision.argmax import ArgMax
from hyperfocal.decision.consistency import verified_stack
from hyperfocal.frame import FocusMap, Grey, Pixels, to_grey
from hyperfocal.options import option

Plane: TypeAlias = NDArray[np.float64]

_LARGEST = 8.0  # eigenvalue of the Laplacian


@dataclass(frozen=True)
class Mwg(WholePicture):
    """The published values for registered pictures as defaults."""

    large_scale: float = option(4, "σ at which frames are chosen", unit="px", low=0.1, high=50)
    small_scale: float = option(0.5, "σ at which borders are weighed", unit="px", low=0.1, high=50)
    corner_share: float = option(0.5, "how much an edge counts beside a corner", low=0, high=1)
    border: float = option(
        1.5, "half the width of the weighed border, in large scales", low=0, high=10
    )
    opening_radius: int = option(
        9, "disk that must fit into a region for it to be kept", unit="px", low=0, high=99
    )
    smallest_share: float = option(
        0.01, "regions below this share of the picture are given up", low=0, high=1
    )
    steps: int = option(
        500, "of descent from the weighted pixels towards the weighted gradients", low=0
    )

    @property
    def bytes_per_pixel(self) -> int:
        return 250

    def saliency(self, grey: Grey, scale: float) -> FocusMap:
        """√((s₁ + s₂)² + α (s₁ - s₂)²), s the roots of the structure tensor's eigenvalues."""
        across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1, borderType=cv2.BORDER_REPLICATE)
        side = int(np.ceil(6 * scale)) | 1
        xx, xy, yy = (
            cv2.GaussianBlur(product, (side, side), scale, borderType=cv2.BORDER_REPLICATE)
            for product in (across * across, across * down, down * down)
        )
        half = (xx + yy) / 2
        apart = np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
        first, second = np.sqrt(half + apart), np.sqrt(np.maximum(half - apart, 0))
        squared = (first + second) ** 2 + np.float32(self.corner_share) * (first - second) ** 2
        return np.sqrt(squared)

    def fold(self, height: int, width: int, channels: int) -> GradientFold:
        return GradientFold(self, (height, width, channels))


class GradientFold:
    """First the choice at the large scale, then weighted pixels and gradients."""

    def __init__(self, options: Mwg, shape: tuple[int, int, int]):
        self._options = options
        self._contest = ArgMax(*shape[:2])
        self._count = self._added = 0
        self._is_border: NDArray[np.bool_] = np.zeros(shape[:2], np.bool_)
        self._pixels, self._across, self._down = np.zeros((3, *shape), np.float32)
        self._share = np.zeros((*shape[:2], 1), np.float32)

    def observe(self, pixels: Pixels) -> None:
        self._contest.add(
            self._count, self._options.saliency(to_grey(pixels), self._options.large_scale)
        )
        self._count += 1

    def add(self, pixels: Pixels) -> None:
        if self._added == 0:
            self._settle()
        mask = (self._contest.index == self._added).astype(np.float32)
        fine = self._options.saliency(to_grey(pixels), self._options.small_scale)
        # Where all frames are flat at the small scale they weigh alike.
        weight = np.where(self._is_border, fine + np.float32(1e-7), mask)[:, :, None]
        self._pixels += weight * pixels
        self._across[:, :-1] += weight[:, :-1] * np.diff(pixels, axis=1)
        self._down[:-1] += weight[:-1] * np.diff(pixels, axis=0)
        self._share += weight
        self._added += 1

    def result(self) -> Pixels:
        for values in (self._pixels, self._across, self._down):
            values /= self._share
        return integrated(self._pixels, self._across, self._down, steps=self._options.steps)

    def _settle(self) -> None:
        """Regions without small ones, and where their borders are."""
        options, index = self._options, self._contest.index
        smallest = options.smallest_share * index.size * 2 / self._count
        index = verified_stack(
            index, frame_count=self._count, radius=options.opening_radius, smallest=smallest
        )
        side = 2 * round(options.border * options.large_scale) + 1
        square = np.ones((side, side), np.uint8)
        self._contest.index = index
        self._is_border = cv2.dilate(index, square) != cv2.erode(index, square)


def integrated(start: Pixels, across: Pixels, down: Pixels, *, steps: int) -> Pixels:
    """Pixels whose gradients come closer to these than those of `start`, in least squares.

    `across` and `down` are differences to the next column and row, 0 in the last. The result is
    that of so many steps of gradient descent, found at once: each shrinks what is wrong at a
    spatial frequency by a factor. Few leave the brightness of large areas as it was.
    """
    channels = [
        start[:, :, channel]
        + _descended(
            across[:, :, channel] - _difference(start[:, :, channel], 1),
            down[:, :, channel] - _difference(start[:, :, channel], 0),
            steps,
        )
        for channel in range(start.shape[2])
    ]
    return np.stack(channels, axis=2).astype(np.float32)


def _difference(plane: Grey, axis: int) -> Grey:
    return np.diff(plane, axis=axis, append=plane[:, -1:] if axis else plane[-1:])


def _descended(across: Grey, down: Grey, steps: int) -> Plane:
    """What to add for differences to become larger by these."""
    divergence = across.astype(np.float64)
    divergence[:, 1:] -= across[:, :-1]
    divergence += down
    divergence[1:] -= down[:-1]
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in divergence.shape)
    eigenvalues = rows[:, None] + columns
    gain = 1 - (1 - eigenvalues / _LARGEST) ** steps
    eigenvalues[0, 0] = 1  # gradients do not know the mean; its gain is 0
    spectrum = _cosines(_cosines(divergence).T).T * (-gain / eigenvalues)
    return _from_cosines(_from_cosines(spectrum.T).T)


def _cosines(values: Plane) -> Plane:
    """DCT-II along rows: Σ x cos(π k (n + ½) / N)."""
    length = values.shape[1]
    doubled = np.concatenate([values, values[:, ::-1]], axis=1)
    turns = np.exp(-0.5j * np.pi * np.arange(length) / length)
    made: Plane = (np.fft.rfft(doubled)[:, :length] * turns).real / 2
    return made


def _from_cosines(spectrum: Plane) -> Plane:
    """The inverse of `_cosines`."""
    length = spectrum.shape[1]
    turns = np.exp(0.5j * np.pi * np.arange(length) / length)
    half = np.zeros((len(spectrum), length + 1), np.complex128)
    half[:, :length] = 2 * spectrum * turns
    made: Plane = np.fft.irfft(half, 2 * length)[:, :length]
    return made
