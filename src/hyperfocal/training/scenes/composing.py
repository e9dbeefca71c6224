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

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hyperfocal.training.scenes import defocus, textures
from hyperfocal.training.scenes.textures import Plane, Rng, Texture

MARGIN = 32  # px around the scene that blur may bring in
_FLATTEST = 0.03  # standard deviation of a scene that teaches something


@dataclass(frozen=True)
class ComposedScene:
    """Frames (K, H, W) in 0…255, from near to far or far to near, and the reference (H, W), 0…1."""

    frames: NDArray[np.uint8]
    reference: Plane


@dataclass(frozen=True)
class Layer:
    """Linear light and matte (N, N), and depth (N, N): 0 near … 1 far."""

    light: Plane
    matte: Plane
    depth: Plane


def make(rng: Rng, photograph: Texture, count: int, size: int) -> ComposedScene:
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
    return ComposedScene(_taken(rng, frames), reference)


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
    kernel = defocus.aperture(rng)
    softness = float(rng.uniform(0.3, 0.7)) if rng.random() < 0.3 else 0.0
    # Light and matte of every layer, transformed once.
    frames = torch.zeros(count, side, side)
    reference = torch.zeros(side, side)
    for layer in layers:
        both = torch.from_numpy(np.stack([layer.light * layer.matte, layer.matte]))
        spectrum = torch.fft.rfft2(both) * defocus.gaussian_transfer(side, softness)
        sharp = torch.fft.irfft2(spectrum, s=(side, side))
        blurred = defocus.blurred(spectrum, layer.depth, focus, reach, kernel)
        frames = blurred[:, 0] + (1 - blurred[:, 1].clamp(0, 1)) * frames
        reference = sharp[0] + (1 - sharp[1].clamp(0, 1)) * reference
    return frames.clamp(min=0), reference.clamp(min=0)


def _light_field(rng: Rng, photograph: Texture, count: int, size: int) -> tuple[Tensor, Tensor]:
    side = size + 2 * MARGIN
    across = int(rng.choice([5, 7, 9]))
    half = across // 2
    disparity = float(np.exp(rng.uniform(np.log(0.3), np.log(3.0))))  # px a view, near to far
    disparity = min(disparity, defocus.LARGEST / half)
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
        down = defocus.shift_transfer(side, shifts, linear)
        right = defocus.shift_transfer(side, shifts, linear)[:, : side // 2 + 1]
        added = torch.einsum("vuyx,ux,vy->yx", spectra, right, down)
        frames.append(torch.fft.irfft2(added, s=(side, side)) / number)
    return torch.stack(frames).clamp(min=0), torch.from_numpy(views[half, half]).clamp(min=0)


def _masked(rng: Rng, photograph: Texture, count: int, size: int) -> tuple[Tensor, Tensor]:
    side = size + 2 * MARGIN
    picture = textures.texture(rng, photograph, side)
    if rng.random() < 0.4:  # the photograph's own grain, which is worth keeping
        grain = rng.normal(0, np.exp(rng.uniform(np.log(0.5), np.log(5))) / 255, picture.shape)
        picture = np.clip(picture + grain, 0, 1).astype(np.float32)
    place = np.full((side, side), float(rng.integers(count)), np.float32)
    for _ in range(int(rng.integers(count - 1, 2 * count + 2))):
        place += textures.matte(rng, side) * (np.float32(rng.integers(count)) - place)
    if rng.random() < 0.4:
        place = cv2.GaussianBlur(place, (0, 0), rng.uniform(0.4, 4))
    strength = np.exp(rng.uniform(np.log(0.8), np.log(8)))
    if rng.random() < 0.5:
        strength = strength * (0.4 + 0.6 * textures.clouds(rng, side, 3))
    is_alike = rng.random() < 0.4  # whatever is not sharp is blurred the same
    is_linear = rng.random() < 0.3
    spectrum = torch.fft.rfft2(torch.from_numpy(decoded(picture) if is_linear else picture))
    levels = defocus.Levels(spectrum[None], defocus.LARGEST, defocus.aperture(rng))
    frames = []
    for frame in range(count):
        distance = np.abs(place - frame)
        distance = np.minimum(distance, 1) if is_alike else distance
        frames.append(levels.at(np.minimum(strength * distance, defocus.LARGEST))[0])
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
        reach = float(np.exp(rng.uniform(np.log(1.5), np.log(defocus.LARGEST))))
        focus = np.sort(rng.uniform(0, 1, count)) if count > 2 else np.array([0.0, 1.0])
    else:
        reach = float(np.clip(step * (count - 1), 1, defocus.LARGEST))
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
        matte = np.ones((side, side), np.float32) if index == 0 else textures.matte(rng, side)
        light = decoded(textures.texture(rng, photograph, side))
        if rng.random() < 0.2:
            light = textures.with_highlights(rng, light)
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
        shape = textures.clouds(rng, side, int(rng.integers(2, 5))) * 2 - 1
    lean = depth + rng.uniform(0.2, 1) * room * shape
    return np.clip(lean, 0, 1).astype(np.float32)


# What the camera adds


def _misplaced(rng: Rng, frames: Tensor) -> Tensor:
    if rng.random() >= 0.25:
        return frames
    count, side = frames.shape[0], frames.shape[1]
    moves = np.clip(rng.normal(0, rng.uniform(0.05, 0.35), (count, 2)), -1, 1)
    moves[rng.integers(count)] = 0
    down = defocus.shift_transfer(side, moves[:, 0], linear=False)
    right = defocus.shift_transfer(side, moves[:, 1], linear=False)[:, : side // 2 + 1]
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
