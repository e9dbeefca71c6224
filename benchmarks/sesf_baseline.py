"""SESF-Fuse written down plainly in PyTorch: the baseline that `sesf_speed.py` measures against.

Whole frames through the network, 64-channel window sums, scikit-image morphology, as the paper
describes them. Row and column 0 get no false gradient, as in hyperfocal, so that decisions can
be compared everywhere; `published_borders=True` pads with zeros as the published program does.
"""

from __future__ import annotations

import numpy as np
import torch
from skimage.morphology import closing, disk, opening, remove_small_objects
from torch.nn import functional

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def grey(picture: np.ndarray) -> np.ndarray:
    pixels = picture.astype(np.float32) / 255
    return pixels @ LUMA if pixels.ndim == 3 else pixels


@torch.no_grad()
def activity(network, picture, *, radius=5, published_borders=False):
    """(H, W) spatial frequency of the 64 features of a grey picture in 0…1."""
    features = network.features(torch.from_numpy(picture)[None, None])
    pad = functional.pad if published_borders else _replicated
    across = (features - pad(features, (1, 0, 0, 0))[..., :-1]) ** 2
    down = (features - pad(features, (0, 0, 1, 0))[..., :-1, :]) ** 2
    channels, size = features.shape[1], 2 * radius + 1
    window = torch.ones(channels, 1, size, size)
    sums = [
        functional.conv2d(part, window, padding=radius, groups=channels) for part in (across, down)
    ]
    return (sums[0] + sums[1]).sum(1)[0].numpy()


def _replicated(features, padding):
    return functional.pad(features, padding, mode="replicate")


def verified(first: np.ndarray, *, radius=5, share=0.01) -> np.ndarray:
    def without_small(mask):
        largest_lost = int(np.ceil(share * mask.size)) - 1
        mask = remove_small_objects(mask, max_size=largest_lost, connectivity=1)
        return ~remove_small_objects(~mask, max_size=largest_lost, connectivity=1)

    mask = without_small(opening(first, disk(radius)))
    return without_small(closing(mask, disk(radius)))


def guided(guide, weight, *, radius=4, epsilon=0.1):
    def mean(values):
        ones = np.ones_like(values)
        return _box(values, radius) / _box(ones, radius)

    covariance = mean(guide * weight) - mean(guide) * mean(weight)
    slope = covariance / (mean(guide * guide) - mean(guide) ** 2 + epsilon)
    offset = mean(weight) - slope * mean(guide)
    return np.clip(mean(slope) * guide + mean(offset), 0, 1)


def _box(values, radius):
    size = 2 * radius + 1
    picture = torch.from_numpy(values.astype(np.float64))[None, None]
    return functional.conv2d(
        picture, torch.ones(1, 1, size, size, dtype=torch.float64), padding=radius
    )[0, 0].numpy()


def fuse(network, first, second):
    """The whole method on two pictures of type uint8: fused picture, raw and verified decision."""
    raw = activity(network, grey(first)) > activity(network, grey(second))
    decision = verified(raw)
    chosen = np.where(decision if first.ndim == 2 else decision[..., None], first, second)
    weight = guided(grey(chosen).astype(np.float64) * 255, decision.astype(np.float64))
    if first.ndim == 3:
        weight = weight[..., None]
    fused = weight * first + (1 - weight) * second
    return np.clip(np.rint(fused), 0, 255).astype(np.uint8), raw, decision
