"""Pairs of frames in focus on a drawn object and behind it, made from photographs.

What stands for the masks of labelled objects are drawn mattes. *Published* pairs blur one
photograph; a defocused foreground spreads over what lies behind it, so the two frames have
different mattes (GACN, Ma et al., 2022). *Lens* pairs have two layers and wider blur of an
aperture, in linear light. Random numbers depend on the views alone, so that a resumed run sees what
an unbroken one sees.
"""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.training.losses import gaussian_window
from hyperfocal.training.scenes import defocus, textures
from hyperfocal.training.scenes.textures import Plane, Rng

Kind = Literal["published", "lens", "both"]

_SIGMA, _WIDEST = 2.0, 7  # px, of the published blur, which is cut off at 1 to 7 px
_SPREAD, _CUT_OFF = 8.0, 45  # px, of a matte that is out of focus
_SHARES = 0.1, 0.9  # of the picture that a matte covers
_TRIES = 20  # mattes drawn until one covers that much
_SHIFT = 2  # px that a frame may lie off
_NOISE = 0.05  # weight of noise, whose deviation is up to 0.1, beside the frame's
_RADII = 1.0, 12.0  # px, of a lens's blur


class Pairs:
    """First frames, second frames and masks, (N, 1, H, W); masks are 1 where the first is sharp."""

    def __init__(self, first: Tensor, second: Tensor, mask: Tensor):
        self.first, self.second, self.mask = first, second, mask


def matted_pairs(views: Tensor, kind: Kind, *, disturbed: bool) -> Pairs:
    """Pairs of views (N, 1, H, W); `disturbed` as in training: shifted, noisy, in any order."""
    rng = np.random.default_rng(zlib.crc32(views.float().cpu().contiguous().numpy().tobytes()))
    side = min(views.shape[2:])
    views = views[..., :side, :side]
    if disturbed:
        views = torch.cat([_turned(rng, view[None]) for view in views])
    mattes = torch.from_numpy(np.stack([_matte(rng, side) for _ in views])[:, None]).to(views)
    is_lens = rng.random() < 0.5 if kind == "both" else kind == "lens"
    if is_lens:
        near, far = _layered(rng, views, mattes)
    else:
        near, far = _blurred(rng, views, (mattes >= 0.5).to(views))
    mask = (mattes >= 0.5).to(views)
    if disturbed:
        near, far = _disturbed(rng, near, far)
        is_swapped = torch.from_numpy(rng.random((len(views), 1, 1, 1)) < 0.5).to(views.device)
        near, far = torch.where(is_swapped, far, near), torch.where(is_swapped, near, far)
        mask = torch.where(is_swapped, 1 - mask, mask)
    return Pairs(near, far, mask)


def _blurred(rng: Rng, views: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """In focus on the mask, and around it."""
    soft = _gaussian(views, _SIGMA, int(rng.integers(1, _WIDEST + 1)))
    spread = _gaussian(mask, _SPREAD, min(_CUT_OFF, mask.shape[2] - 1))
    return torch.lerp(soft, views, mask), torch.lerp(views, soft, spread)


def _layered(rng: Rng, views: Tensor, mattes: Tensor) -> tuple[Tensor, Tensor]:
    """Each view under its matte before the next view, with the focus on the one and the other."""
    low, high = np.log(_RADII)
    kernel = defocus.aperture(rng)(float(np.exp(rng.uniform(low, high))))
    light = views.clamp(0, 1) ** 2.2
    behind = light.roll(1, 0)
    near = mattes * light + (1 - mattes) * _convolved(behind, kernel)
    covered = _convolved(mattes, kernel).clamp(0, 1)
    far = _convolved(light * mattes, kernel) + (1 - covered) * behind
    return near.clamp(0, 1) ** (1 / 2.2), far.clamp(0, 1) ** (1 / 2.2)


def _convolved(maps: Tensor, kernel: Plane) -> Tensor:
    reach, side = kernel.shape[0] // 2, maps.shape[2]
    padded = functional.pad(maps, (reach,) * 4, mode="reflect")
    wide = padded.shape[2]
    spectrum = torch.fft.rfft2(padded) * defocus.transfer(kernel, wide).to(padded.device)
    made = torch.fft.irfft2(spectrum, s=(wide, wide))
    return made[..., reach : reach + side, reach : reach + side].clamp(min=0)


def _gaussian(maps: Tensor, sigma: float, reach: int) -> Tensor:
    """Cut off at `reach`, borders mirrored."""
    window = gaussian_window(2 * reach + 1, sigma).to(maps)
    padded = functional.pad(maps, (reach,) * 4, mode="reflect")
    down = functional.conv2d(padded, window.view(1, 1, -1, 1))
    return functional.conv2d(down, window.view(1, 1, 1, -1))


def _matte(rng: Rng, side: int) -> Plane:
    """One that covers neither too little nor too much; in or out by chance."""
    for _ in range(_TRIES):
        matte = textures.matte(rng, side)
        if _SHARES[0] <= (matte >= 0.5).mean() <= _SHARES[1]:
            break
    return matte if rng.random() < 0.7 else 1 - matte


def _turned(rng: Rng, view: Tensor) -> Tensor:
    """By a multiple of 30°, to the nearest pixel; corners mirrored."""
    angle = np.pi / 6 * int(rng.integers(12))
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    turn = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]]).to(view)
    places = functional.affine_grid(turn, list(view.shape), align_corners=False)
    return functional.grid_sample(
        view, places, mode="nearest", padding_mode="reflection", align_corners=False
    )


def _disturbed(rng: Rng, near: Tensor, far: Tensor) -> tuple[Tensor, Tensor]:
    """One of the two shifted by chance, and the same noise in both."""
    frames = [near.clone(), far.clone()]
    for number in range(len(near)):
        down, right = rng.integers(-_SHIFT, _SHIFT + 1, 2)
        if rng.random() < 0.5:
            moved = frames[int(rng.integers(2))]
            moved[number] = _shifted(moved[number], int(down), int(right))
    deviations = rng.uniform(0, 0.1, (len(near), 1, 1, 1))
    noise = torch.from_numpy((rng.normal(size=tuple(near.shape)) * deviations).astype(np.float32))
    first, second = ((1 - _NOISE) * frame + _NOISE * noise.to(near) for frame in frames)
    return first, second


def _shifted(frame: Tensor, down: int, right: int) -> Tensor:
    """(1, H, W), with the border repeated."""
    height, width = frame.shape[1:]
    padded = functional.pad(frame[None], (_SHIFT,) * 4, mode="replicate")[0]
    top, left = _SHIFT - down, _SHIFT - right
    return padded[:, top : top + height, left : left + width]
