"""What layers of composed scenes are made of: textures and mattes, from photographs and drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]
Rng: TypeAlias = np.random.Generator
Texture: TypeAlias = Callable[[Rng, int], Plane]


def texture(rng: Rng, photograph: Texture, side: int) -> Plane:
    """Values (side, side) in 0…1."""
    kind = rng.choice(5, p=[0.7, 0.09, 0.09, 0.06, 0.06])
    if kind == 0:
        values = photograph(rng, side)
    elif kind == 1:
        values = _printed(rng, side)
    elif kind == 2:
        values = _stripes(rng, side)
    elif kind == 3:
        values = clouds(rng, side, int(rng.choice([3, 8, 20, 60])))
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


def clouds(rng: Rng, side: int, cells: int) -> Plane:
    coarse = rng.uniform(0, 1, (cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1)


def _grain(rng: Rng, side: int) -> Plane:
    values = np.zeros((side, side), np.float32)
    cells, weight = 4, 1.0
    while cells <= side:
        values += np.float32(weight) * (clouds(rng, side, cells) - 0.5)
        cells, weight = cells * 2, weight * rng.uniform(0.5, 0.9)
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.float32(1e-6))


def with_highlights(rng: Rng, light: Plane) -> Plane:
    spots = np.zeros_like(light)
    for _ in range(int(rng.integers(1, 12))):
        place = rng.integers(0, light.shape[0], 2)
        strength = float(np.exp(rng.uniform(np.log(2), np.log(20))))
        cv2.circle(spots, [int(at) for at in place], int(rng.integers(1, 4)), strength, -1)
    return np.maximum(light, cv2.GaussianBlur(spots, (0, 0), 0.6))


_FINE = 2  # mattes are drawn this many times larger
_SHIFT = 4  # binary places of drawn coordinates


def matte(rng: Rng, side: int) -> Plane:
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
    field = clouds(rng, side, int(rng.integers(3, 9)))
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
