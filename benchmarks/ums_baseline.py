"""UMS-Fusion written down plainly in PyTorch: the baseline that `ums_speed.py` measures against.

Whole frames through the network as it was trained (gates pooled over every pixel, upsampling with
aligned corners), the gradient of every feature map summed over its own window, arg-max over the
frames as they come. Row and column 0 get no gradient, as in hyperfocal.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def grey(picture: np.ndarray) -> np.ndarray:
    pixels = picture.astype(np.float32) / np.iinfo(picture.dtype).max
    return pixels @ LUMA if pixels.ndim == 3 else pixels


@torch.no_grad()
def activity(network, picture, *, radius=15):
    """(H, W) deep spatial-frequency gradient of a grey picture in 0…1."""
    features = network.features(torch.from_numpy(picture)[None, None])
    across = features - functional.pad(features, (1, 0, 0, 0), mode="replicate")[..., :-1]
    down = features - functional.pad(features, (0, 0, 1, 0), mode="replicate")[..., :-1, :]
    gradient = torch.sqrt(across**2 + down**2)
    gradient[..., 0] = gradient[..., 0, :] = 0
    channels, size = features.shape[1], 2 * radius + 1
    window = torch.ones(channels, 1, size, size)
    return functional.conv2d(gradient, window, padding=radius, groups=channels).sum(1)[0].numpy()


def decide(network, frames):
    """(H, W) frame with the largest activity at each pixel; the later one wins a tie."""
    best = index = None
    for number, frame in enumerate(frames):
        found = activity(network, grey(frame))
        if best is None:
            best, index = found, np.zeros(found.shape, np.uint16)
        wins = found >= best
        best, index = np.where(wins, found, best), np.where(wins, number, index)
    return index.astype(np.uint16)
