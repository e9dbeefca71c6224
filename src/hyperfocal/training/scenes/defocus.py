"""How composed scenes get out of focus: kernels of apertures, and what they do to spectra."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperfocal.training.scenes.textures import Plane, Rng

LARGEST = 30.0  # px, radius of a blur
_FINE_RADII = (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 12.5, 15, 18, 22, 26, 30)


def aperture(rng: Rng) -> Callable[[float], Plane]:
    """The blur kernel of a radius in px, of a random kind of aperture."""
    kind = rng.choice(4, p=[0.5, 0.22, 0.08, 0.2])
    blades, turn = int(rng.integers(5, 9)), float(rng.uniform(0, np.pi))
    hole = float(rng.uniform(0.3, 0.6)) if kind == 2 else 0.0

    def kernel(radius: float) -> Plane:
        if kind == 3:
            return _gaussian_kernel(radius / 2)
        return aperture_kernel(radius, blades if kind == 1 else 0, turn, hole)

    return kernel


_SAMPLES = 5  # a side of each pixel of a kernel


def aperture_kernel(radius: float, blades: int, turn: float, hole: float) -> Plane:
    """Share of each pixel that lies in the aperture; adds up to 1. 0 blades: round."""
    reach = int(np.ceil(radius + 0.5))
    side = 2 * reach + 1
    places = (np.arange(side * _SAMPLES) + 0.5) / _SAMPLES - side / 2
    rows, columns = np.meshgrid(places, places, indexing="ij")
    distance = np.hypot(rows, columns)
    if blades:
        sector = 2 * np.pi / blades
        angle = (np.arctan2(rows, columns) + turn) % sector - sector / 2
        distance = np.maximum(distance * np.cos(angle) / np.cos(sector / 4), 0)
    # A pixel is a square itself: a point is one pixel wide.
    inside = (distance <= max(radius, 0.4)) & (distance >= hole * radius)
    share = inside.reshape(side, _SAMPLES, side, _SAMPLES).sum(axis=(1, 3))
    return (share / share.sum()).astype(np.float32)


def _gaussian_kernel(sigma: float) -> Plane:
    reach = int(np.ceil(3 * sigma)) + 1
    places = np.arange(-reach, reach + 1)
    line = np.exp(-0.5 * (places / max(sigma, 0.05)) ** 2)
    kernel = np.outer(line, line)
    return (kernel / kernel.sum()).astype(np.float32)


def transfer(kernel: Plane, side: int) -> Tensor:
    """What the kernel does to the spectrum of a periodic picture."""
    reach = kernel.shape[0] // 2
    canvas = torch.zeros(side, side)
    canvas[: kernel.shape[0], : kernel.shape[1]] = torch.from_numpy(kernel)
    return torch.fft.rfft2(canvas.roll((-reach, -reach), (0, 1)))


def gaussian_transfer(side: int, sigma: float) -> Tensor:
    across, down = torch.fft.rfftfreq(side), torch.fft.fftfreq(side)
    return torch.exp(-2 * (torch.pi * sigma) ** 2 * (across**2 + down[:, None] ** 2))


def shift_transfer(side: int, shifts: NDArray[np.float64], linear: bool) -> Tensor:
    """(S, side): what moving by each of the shifts does to a spectrum along one axis."""
    turn = -2j * torch.pi * torch.fft.fftfreq(side)
    moves = torch.from_numpy(shifts.astype(np.float32))[:, None]
    if not linear:
        return torch.exp(turn * moves)
    whole = moves.floor()
    part = moves - whole
    return torch.exp(turn * whole) * ((1 - part) + part * torch.exp(turn))


def blurred(
    spectrum: Tensor,
    depth: Plane,
    focus: NDArray[np.float64],
    reach: float,
    kernel: Callable[[float], Plane],
) -> Tensor:
    """(2, N, N/2+1) spectra of a layer -> (K, 2, N, N): the layer as each frame sees it."""
    side = spectrum.shape[1]
    if depth.min() == depth.max():
        radii = np.minimum(reach * np.abs(depth[0, 0] - focus), LARGEST)
        transfers = torch.stack([transfer(kernel(radius), side) for radius in radii])
        return torch.fft.irfft2(spectrum * transfers[:, None], s=(side, side))
    levels = Levels(spectrum, reach, kernel)
    largest = min(reach, LARGEST)
    radii = [np.minimum(reach * np.abs(depth - position), largest) for position in focus]
    return torch.stack([levels.at(radius) for radius in radii])


class Levels:
    """A picture blurred by a few radii, between which `at` interpolates for every pixel."""

    def __init__(self, spectrum: Tensor, largest: float, kernel: Callable[[float], Plane]):
        side = spectrum.shape[1]
        self._radii = [radius for radius in _FINE_RADII if radius < largest]
        self._radii.append(min(largest, LARGEST))
        transfers = torch.stack([transfer(kernel(radius), side) for radius in self._radii])
        self._levels = torch.fft.irfft2(spectrum * transfers[:, None], s=(side, side))

    def at(self, radius: Plane) -> Tensor:
        """The picture (C, N, N) with a blur of its own at each pixel; radius (N, N), px."""
        steps = self._radii
        place = torch.from_numpy(np.interp(radius, steps, np.arange(len(steps))).astype(np.float32))
        below = place.floor().clamp(max=len(steps) - 2).long()
        index = below[None, None].expand(1, *self._levels.shape[1:])
        lower, upper = self._levels.gather(0, index)[0], self._levels.gather(0, index + 1)[0]
        return lower + (place - below) * (upper - lower)
