"""Scenes made on the fly: focus stacks with their all-in-focus picture, from photographs alone.

Nothing is labelled or rendered: photographs and drawn textures become layers, each with a random
matte, depth and slant. A *lens* scene blurs every layer together with its matte by the aperture
(disc, polygon, ring, Gaussian) and lays the layers over each other, far to near, in linear light.
A *light field* looks at the layers through many pinholes and adds the views up for each focus, as
array cameras do, so that near things hide far ones in the way they really do. A *masked* scene
blurs parts of one photograph, as most test pairs of the field were made. The target is always the
same scene through one pinhole. Then come what cameras add: highlights beyond white, noise, JPEG,
flicker and frames that lie up to a pixel off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Plane: TypeAlias = NDArray[np.float32]
Rng: TypeAlias = np.random.Generator
Texture: TypeAlias = Callable[[Rng, int], Plane]

MARGIN = 32  # px around the scene that blur may bring in
LARGEST = 30.0  # px, radius of a blur
_FLATTEST = 0.03  # standard deviation of a scene that teaches something
_FINE_RADII = (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 12.5, 15, 18, 22, 26, 30)


@dataclass(frozen=True)
class Scene:
    """Frames (K, H, W) in 0…255, from near to far or far to near, and the reference (H, W), 0…1."""

    frames: NDArray[np.uint8]
    reference: Plane


@dataclass(frozen=True)
class Layer:
    """Linear light and matte (N, N), and depth (N, N): 0 near … 1 far."""

    light: Plane
    matte: Plane
    depth: Plane


def make(rng: Rng, photograph: Texture, count: int, size: int) -> Scene:
    """A scene of `count` frames of `size`×`size` px.

    `photograph(rng, side)` gives a random square view of a photograph, 0…1.
    """
    inner = slice(MARGIN, MARGIN + size)
    while True:
        kind = (_lens, _light_field, _masked)[rng.choice(3, p=[0.58, 0.21, 0.21])]
        frames, linear = kind(rng, photograph, count, size)
        reference = encoded(linear[inner, inner].numpy())
        if reference.std() > _FLATTEST:
            break
    if rng.random() < 0.5:
        frames = frames.flip(0)
    frames = _misplaced(rng, frames)[:, inner, inner].numpy()
    return Scene(_taken(rng, frames), reference)


def encoded(linear: Plane) -> Plane:
    """Linear light to sRGB values, clipped to 0…1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    curved = 1.055 * np.power(np.maximum(linear, 1e-6), 1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curved).astype(np.float32)


def decoded(values: Plane) -> Plane:
    """sRGB values in 0…1 to linear light."""
    curved = ((values + 0.055) / 1.055) ** 2.4
    return np.where(values <= 0.04045, values / 12.92, curved).astype(np.float32)


# Kinds of scene: (rng, photograph, count, size) -> linear frames (K, N, N), linear reference (N, N)


def _lens(rng: Rng, photograph: Texture, count: int, size: int) -> tuple[Tensor, Tensor]:
    side = size + 2 * MARGIN
    focus, reach, at_layers = _focus(rng, count)
    layers = _layers(rng, photograph, side, focus if at_layers else None, 1 / reach)
    kernel = _aperture(rng)
    softness = float(rng.uniform(0.3, 0.7)) if rng.random() < 0.3 else 0.0
    # Light and matte of every layer, transformed once.
    frames = torch.zeros(count, side, side)
    reference = torch.zeros(side, side)
    for layer in layers:
        both = torch.from_numpy(np.stack([layer.light * layer.matte, layer.matte]))
        spectrum = torch.fft.rfft2(both) * _gaussian_transfer(side, softness)
        sharp = torch.fft.irfft2(spectrum, s=(side, side))
        blurred = _blurred(spectrum, layer.depth, focus, reach, kernel)
        frames = blurred[:, 0] + (1 - blurred[:, 1].clamp(0, 1)) * frames
        reference = sharp[0] + (1 - sharp[1].clamp(0, 1)) * reference
    return frames.clamp(min=0), reference.clamp(min=0)


def _light_field(rng: Rng, photograph: Texture, count: int, size: int) -> tuple[Tensor, Tensor]:
    side = size + 2 * MARGIN
    across = int(rng.choice([5, 7, 9]))
    half = across // 2
    disparity = float(np.exp(rng.uniform(np.log(0.3), np.log(3.0))))  # px a view, near to far
    disparity = min(disparity, LARGEST / half)
    focus = np.linspace(0, 1, count) if count > 1 else np.zeros(1)
    snapped = count <= 3 or disparity * half / (count - 1) > 3
    layers = _layers(rng, photograph, side, focus if snapped else None, 1 / (disparity * half))
    offsets = np.arange(-half, half + 1, dtype=np.float32)
    is_round = rng.random() < 0.3
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    views = np.zeros((across, across, side, side), np.float32)
    for top, v in enumerate(offsets):
        for left, u in enumerate(offsets):
            if is_round and u * u + v * v > (half + 0.3) ** 2:
                continue
            view = views[top, left]
            for layer in layers:
                shift = np.float32(disparity) * (layer.depth - np.float32(0.5))
                place = (columns + u * shift, rows + v * shift)
                matte = cv2.remap(layer.matte, *place, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
                light = cv2.remap(layer.light, *place, cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT)
                view += matte * (light - view)
    number = across**2 if not is_round else int((views != 0).any(axis=(2, 3)).sum())
    spectra = torch.fft.rfft2(torch.from_numpy(views))
    linear = rng.random() < 0.5
    frames = []
    for position in focus:
        shifts = disparity * (position - 0.5) * offsets
        down = _shift_transfer(side, shifts, linear)
        right = _shift_transfer(side, shifts, linear)[:, : side // 2 + 1]
        added = torch.einsum("vuyx,ux,vy->yx", spectra, right, down)
        frames.append(torch.fft.irfft2(added, s=(side, side)) / number)
    return torch.stack(frames).clamp(min=0), torch.from_numpy(views[half, half]).clamp(min=0)


def _masked(rng: Rng, photograph: Texture, count: int, size: int) -> tuple[Tensor, Tensor]:
    side = size + 2 * MARGIN
    picture = _texture(rng, photograph, side)
    if rng.random() < 0.4:  # the photograph's own grain, which is worth keeping
        grain = rng.normal(0, np.exp(rng.uniform(np.log(0.5), np.log(5))) / 255, picture.shape)
        picture = np.clip(picture + grain, 0, 1).astype(np.float32)
    place = np.full((side, side), float(rng.integers(count)), np.float32)
    for _ in range(int(rng.integers(count - 1, 2 * count + 2))):
        place += _matte(rng, side) * (np.float32(rng.integers(count)) - place)
    if rng.random() < 0.4:
        place = cv2.GaussianBlur(place, (0, 0), rng.uniform(0.4, 4))
    strength = np.exp(rng.uniform(np.log(0.8), np.log(8)))
    if rng.random() < 0.5:
        strength = strength * (0.4 + 0.6 * _clouds(rng, side, 3))
    is_alike = rng.random() < 0.4  # whatever is not sharp is blurred the same
    is_linear = rng.random() < 0.3
    spectrum = torch.fft.rfft2(torch.from_numpy(decoded(picture) if is_linear else picture))
    levels = _Levels(spectrum[None], LARGEST, _aperture(rng))
    frames = []
    for frame in range(count):
        distance = np.abs(place - frame)
        distance = np.minimum(distance, 1) if is_alike else distance
        frames.append(levels.at(np.minimum(strength * distance, LARGEST))[0])
    made = torch.stack(frames).clamp(0, 1)
    if not is_linear:
        made = torch.from_numpy(decoded(made.numpy()))
    return made, torch.from_numpy(decoded(picture))


def _focus(rng: Rng, count: int) -> tuple[NDArray[np.float64], float, bool]:
    """Focus of the frames in 0…1, blur radius from 0 to 1 in px, and whether layers lie there.

    Either the steps are as small as a depth of field, or there is a frame for every layer.
    """
    step = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    at_layers = count <= 3 or rng.random() < 0.3
    if at_layers:
        reach = float(np.exp(rng.uniform(np.log(1.5), np.log(LARGEST))))
        focus = np.sort(rng.uniform(0, 1, count)) if count > 2 else np.array([0.0, 1.0])
    else:
        reach = float(np.clip(step * (count - 1), 1, LARGEST))
        focus = np.linspace(0, 1, count) + rng.uniform(-0.2, 0.2, count) / count
    return np.clip(focus, 0, 1), reach, at_layers


def _layers(
    rng: Rng,
    photograph: Texture,
    side: int,
    places: NDArray[np.float64] | None,
    slack: float,
) -> list[Layer]:
    """Layers from far to near, the farthest without holes.

    `places` are depths that layers take, give or take `slack` / 2; None: any depth.
    """
    number = int(rng.choice([1, 2, 3, 4, 5], p=[0.15, 0.3, 0.25, 0.18, 0.12]))
    if places is None:
        depths = rng.uniform(0, 1, number)
    else:
        number = max(number, 2)
        depths = rng.choice(places, number) + rng.uniform(-0.5, 0.5, number) * slack
    depths = np.sort(depths)[::-1]
    if places is None and rng.random() < 0.5:
        depths[0] = 1.0
    layers = []
    for index, depth in enumerate(depths):
        room = 1.0 if number == 1 else float(np.abs(np.diff(depths)).min(initial=1.0)) / 2
        if places is not None:
            room = min(room, slack / 2)
        values = _slanted(rng, side, float(depth), room)
        matte = np.ones((side, side), np.float32) if index == 0 else _matte(rng, side)
        light = decoded(_texture(rng, photograph, side))
        if rng.random() < 0.2:
            light = _with_highlights(rng, light)
        layers.append(Layer(light, matte, values))
    return layers


def _slanted(rng: Rng, side: int, depth: float, room: float) -> Plane:
    """A depth that leans or curves by up to `room` to either side."""
    if rng.random() < 0.35:
        return np.full((side, side), depth, np.float32)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        shape = rows * np.sin(angle) + columns * np.cos(angle)
    else:
        shape = _clouds(rng, side, int(rng.integers(2, 5))) * 2 - 1
    lean = depth + rng.uniform(0.2, 1) * room * shape
    return np.clip(lean, 0, 1).astype(np.float32)


# Textures and mattes


def _texture(rng: Rng, photograph: Texture, side: int) -> Plane:
    """Values (side, side) in 0…1."""
    kind = rng.choice(5, p=[0.7, 0.09, 0.09, 0.06, 0.06])
    if kind == 0:
        values = photograph(rng, side)
    elif kind == 1:
        values = _printed(rng, side)
    elif kind == 2:
        values = _stripes(rng, side)
    elif kind == 3:
        values = _clouds(rng, side, int(rng.choice([3, 8, 20, 60])))
    else:
        values = _grain(rng, side)
    if rng.random() < 0.4:
        contrast = rng.uniform(0.25, 1)
        values = contrast * values + rng.uniform(0, 1 - contrast)
    if rng.random() < 0.2:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.5))
    return np.ascontiguousarray(np.clip(values, 0, 1), np.float32)


def _printed(rng: Rng, side: int) -> Plane:
    page = np.full((side, side), 255, np.uint8)
    scale = rng.uniform(0.25, 1.2)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789  "
    for top in np.arange(4, side + 30, 32 * scale + rng.uniform(1, 8)):
        line = "".join(rng.choice(list(letters), 60))
        place = (int(rng.integers(-20, 5)), int(top))
        font = int(rng.choice([0, 1, 2, 3, 4]))
        thick = int(rng.integers(1, 3))
        cv2.putText(page, line, place, font, scale, int(rng.integers(0, 120)), thick, cv2.LINE_AA)
    values = page.astype(np.float32) / np.float32(255)
    return values if rng.random() < 0.8 else 1 - values


def _stripes(rng: Rng, side: int) -> Plane:
    angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(40)))
    rows, columns = np.mgrid[0:side, 0:side]
    phase = (rows * np.sin(angle) + columns * np.cos(angle)) / period
    if rng.random() < 0.5:
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * phase)
    else:
        wave = np.clip(period * (np.abs(phase % 1 - 0.5) - rng.uniform(0.15, 0.35)) + 0.5, 0, 1)
    if rng.random() < 0.4:
        other = (columns * np.sin(angle) - rows * np.cos(angle)) / period
        wave = wave * np.clip(period * (np.abs(other % 1 - 0.5) - 0.2) + 0.5, 0, 1)
    return wave.astype(np.float32)


def _clouds(rng: Rng, side: int, cells: int) -> Plane:
    coarse = rng.uniform(0, 1, (cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1)


def _grain(rng: Rng, side: int) -> Plane:
    values = np.zeros((side, side), np.float32)
    cells, weight = 4, 1.0
    while cells <= side:
        values += np.float32(weight) * (_clouds(rng, side, cells) - 0.5)
        cells, weight = cells * 2, weight * rng.uniform(0.5, 0.9)
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.float32(1e-6))


def _with_highlights(rng: Rng, light: Plane) -> Plane:
    spots = np.zeros_like(light)
    for _ in range(int(rng.integers(1, 12))):
        place = rng.integers(0, light.shape[0], 2)
        strength = float(np.exp(rng.uniform(np.log(2), np.log(20))))
        cv2.circle(spots, [int(at) for at in place], int(rng.integers(1, 4)), strength, -1)
    return np.maximum(light, cv2.GaussianBlur(spots, (0, 0), 0.6))


_FINE = 2  # mattes are drawn this many times larger
_SHIFT = 4  # binary places of drawn coordinates


def _matte(rng: Rng, side: int) -> Plane:
    """Cover (side, side), 0…1, that leaves part of what lies behind open."""
    draw = rng.choice(
        np.array([_blob, _polygon, _discs, _lines, _lattice, _hair, _letters], dtype=object),
        p=[0.24, 0.24, 0.1, 0.12, 0.1, 0.12, 0.08],
    )
    if draw is _blob:
        matte = _blob(rng, side)
    else:
        canvas = np.zeros((_FINE * side, _FINE * side), np.uint8)
        draw(rng, canvas)
        matte = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA) / np.float32(255)
    if rng.random() < 0.12:
        matte = cv2.GaussianBlur(matte, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.06:
        matte = matte * np.float32(rng.uniform(0.4, 0.95))
    return matte.astype(np.float32)


def _blob(rng: Rng, side: int) -> Plane:
    field = _clouds(rng, side, int(rng.integers(3, 9)))
    level = np.quantile(field, rng.uniform(0.3, 0.75))
    slope = np.hypot(*np.gradient(field)) + 1e-3
    return np.clip((field - level) / slope + 0.5, 0, 1).astype(np.float32)


def _polygon(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        corners = int(rng.integers(3, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.4, 1, corners) * side * rng.uniform(0.1, 0.5)
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]
        points += rng.uniform(0.1, 0.9, 2) * side
        cv2.fillPoly(canvas, [_fixed_point(points)], 255, cv2.LINE_AA, _SHIFT)


def _discs(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    for _ in range(int(rng.integers(2, 25))):
        centre = _fixed_point(rng.uniform(0, side, 2))
        radius = int(2**_SHIFT * np.exp(rng.uniform(np.log(2), np.log(0.12 * side))))
        cv2.circle(canvas, centre.tolist(), radius, 255, -1, cv2.LINE_AA, _SHIFT)


def _lines(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    for _ in range(int(rng.integers(1, 10))):
        ends = _fixed_point(rng.uniform(-0.1, 1.1, (2, 2)) * side)
        thick = int(rng.integers(1, 14))
        cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), 255, thick, cv2.LINE_AA, _SHIFT)


def _lattice(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    angle, period = rng.uniform(0, np.pi), rng.uniform(0.06, 0.3) * side
    thick = int(np.clip(rng.uniform(0.05, 0.5) * period, 1, 200))
    for turn in (0, np.pi / 2)[: int(rng.integers(1, 3))]:
        along = np.array([np.cos(angle + turn), np.sin(angle + turn)])
        aside = np.array([-along[1], along[0]])
        for offset in np.arange(-side, side, period):
            middle = side / 2 + offset * aside
            ends = _fixed_point(np.stack([middle - 2 * side * along, middle + 2 * side * along]))
            cv2.line(canvas, ends[0].tolist(), ends[1].tolist(), 255, thick, cv2.LINE_AA, _SHIFT)


def _hair(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    root, spread = rng.uniform(0, side, 2), rng.uniform(0.02, 0.4) * side
    heading = rng.uniform(0, 2 * np.pi)
    steps = np.linspace(0, 1, 24)[:, None]
    for _ in range(int(rng.integers(4, 40))):
        start = root + rng.normal(0, spread, 2)
        turn = heading + rng.normal(0, 0.4)
        tip = start + rng.uniform(0.3, 1) * side * np.array([np.cos(turn), np.sin(turn)])
        bend = (start + tip) / 2 + rng.normal(0, 0.1 * side, 2)
        curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * tip
        thick = int(rng.integers(1, 6))
        cv2.polylines(canvas, [_fixed_point(curve)], False, 255, thick, cv2.LINE_AA, _SHIFT)


def _letters(rng: Rng, canvas: NDArray[np.uint8]) -> None:
    side = canvas.shape[0]
    for _ in range(int(rng.integers(1, 5))):
        word = "".join(rng.choice(list("ABCDEFGHKMNPRSTXYZ"), 4))
        place = (int(rng.integers(-20, side // 2)), int(rng.integers(20, side)))
        scale, thick = rng.uniform(1, 6), int(rng.integers(2, 20))
        cv2.putText(canvas, word, place, 0, scale, 255, thick, cv2.LINE_AA)


def _fixed_point(points: NDArray[Any]) -> NDArray[np.int32]:
    return np.round(np.asarray(points) * 2**_SHIFT).astype(np.int32)


# Blur


def _aperture(rng: Rng) -> Callable[[float], Plane]:
    """The blur kernel of a radius in px, of a random kind of aperture."""
    kind = rng.choice(4, p=[0.5, 0.22, 0.08, 0.2])
    blades, turn = int(rng.integers(5, 9)), float(rng.uniform(0, np.pi))
    hole = float(rng.uniform(0.3, 0.6)) if kind == 2 else 0.0

    def kernel(radius: float) -> Plane:
        if kind == 3:
            return _gaussian_kernel(radius / 2)
        return _aperture_kernel(radius, blades if kind == 1 else 0, turn, hole)

    return kernel


_SAMPLES = 5  # a side of each pixel of a kernel


def _aperture_kernel(radius: float, blades: int, turn: float, hole: float) -> Plane:
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


def _transfer(kernel: Plane, side: int) -> Tensor:
    """What the kernel does to the spectrum of a periodic picture."""
    reach = kernel.shape[0] // 2
    canvas = torch.zeros(side, side)
    canvas[: kernel.shape[0], : kernel.shape[1]] = torch.from_numpy(kernel)
    return torch.fft.rfft2(canvas.roll((-reach, -reach), (0, 1)))


def _gaussian_transfer(side: int, sigma: float) -> Tensor:
    across, down = torch.fft.rfftfreq(side), torch.fft.fftfreq(side)
    return torch.exp(-2 * (torch.pi * sigma) ** 2 * (across**2 + down[:, None] ** 2))


def _shift_transfer(side: int, shifts: NDArray[np.float64], linear: bool) -> Tensor:
    """(S, side): what moving by each of the shifts does to a spectrum along one axis."""
    turn = -2j * torch.pi * torch.fft.fftfreq(side)
    moves = torch.from_numpy(shifts.astype(np.float32))[:, None]
    if not linear:
        return torch.exp(turn * moves)
    whole = moves.floor()
    part = moves - whole
    return torch.exp(turn * whole) * ((1 - part) + part * torch.exp(turn))


def _blurred(
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
        transfers = torch.stack([_transfer(kernel(radius), side) for radius in radii])
        return torch.fft.irfft2(spectrum * transfers[:, None], s=(side, side))
    levels = _Levels(spectrum, reach, kernel)
    largest = min(reach, LARGEST)
    radii = [np.minimum(reach * np.abs(depth - position), largest) for position in focus]
    return torch.stack([levels.at(radius) for radius in radii])


class _Levels:
    """A picture blurred by a few radii, between which `at` interpolates for every pixel."""

    def __init__(self, spectrum: Tensor, largest: float, kernel: Callable[[float], Plane]):
        side = spectrum.shape[1]
        self._radii = [radius for radius in _FINE_RADII if radius < largest]
        self._radii.append(min(largest, LARGEST))
        transfers = torch.stack([_transfer(kernel(radius), side) for radius in self._radii])
        self._levels = torch.fft.irfft2(spectrum * transfers[:, None], s=(side, side))

    def at(self, radius: Plane) -> Tensor:
        """The picture (C, N, N) with a blur of its own at each pixel; radius (N, N), px."""
        steps = self._radii
        place = torch.from_numpy(np.interp(radius, steps, np.arange(len(steps))).astype(np.float32))
        below = place.floor().clamp(max=len(steps) - 2).long()
        index = below[None, None].expand(1, *self._levels.shape[1:])
        lower, upper = self._levels.gather(0, index)[0], self._levels.gather(0, index + 1)[0]
        return lower + (place - below) * (upper - lower)


# What the camera adds


def _misplaced(rng: Rng, frames: Tensor) -> Tensor:
    if rng.random() >= 0.25:
        return frames
    count, side = frames.shape[0], frames.shape[1]
    moves = np.clip(rng.normal(0, rng.uniform(0.05, 0.35), (count, 2)), -1, 1)
    moves[rng.integers(count)] = 0
    down = _shift_transfer(side, moves[:, 0], linear=False)
    right = _shift_transfer(side, moves[:, 1], linear=False)[:, : side // 2 + 1]
    spectra = torch.fft.rfft2(frames) * down[:, :, None] * right[:, None]
    return torch.fft.irfft2(spectra, s=(side, side)).clamp(min=0)


def _taken(rng: Rng, frames: Plane) -> NDArray[np.uint8]:
    """Linear frames -> 8 bit, with flicker, noise and JPEG at times."""
    if rng.random() < 0.15:
        gains = 1 + rng.normal(0, 0.01, (len(frames), 1, 1))
        frames = (frames * gains).astype(np.float32)
    values = np.float32(255) * encoded(frames)
    if rng.random() < 0.35:
        sigma = np.exp(rng.uniform(np.log(0.5), np.log(6)))
        values = values + rng.normal(0, sigma, values.shape).astype(np.float32)
    taken = np.clip(np.round(values), 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 97))]
        packed: list[Any] = [cv2.imencode(".jpg", frame, quality)[1] for frame in taken]
        grey: Any = [cv2.imdecode(frame, cv2.IMREAD_GRAYSCALE) for frame in packed]
        taken = np.stack(grey)
    return taken
