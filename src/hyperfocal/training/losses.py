"""Losses for training without labels; they take (N, 1, H, W) and give a scalar."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_window(size: int, sigma: float) -> Tensor:
    """(size,) normalised Gaussian."""
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def ssim(
    first: Tensor, second: Tensor, *, window: int = 5, sigma: float = 1.5, peak: float = 1.0
) -> Tensor:
    """Mean structural similarity; 1 for equal pictures. Borders are padded with zeros.

    Wang, Bovik, Sheikh, Simoncelli, 2004; C1 = (0.01 peak)², C2 = (0.03 peak)².
    """
    kernel = gaussian_window(window, sigma).to(first)
    rows, columns = kernel.view(1, 1, -1, 1), kernel.view(1, 1, 1, -1)
    pad = window // 2

    def blurred(maps: Tensor) -> Tensor:
        maps = functional.conv2d(maps, rows, padding=(pad, 0))
        return functional.conv2d(maps, columns, padding=(0, pad))

    stacked = torch.cat([first, second, first * first, second * second, first * second])
    mean_1, mean_2, square_1, square_2, product = blurred(stacked).chunk(5)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    covariance = product - mean_1 * mean_2
    variances = square_1 - mean_1**2 + square_2 - mean_2**2
    likeness = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return (likeness / ((mean_1**2 + mean_2**2 + c1) * (variances + c2))).mean()


def gradient_loss(made: Tensor, target: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    """Mean squared difference of the Sobel magnitudes; borders are left out."""
    return functional.mse_loss(_sobel(made, epsilon), _sobel(target, epsilon))


def _sobel(pictures: Tensor, epsilon: float) -> Tensor:
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(pictures)
    slopes = functional.conv2d(pictures, torch.stack([across, across.T])[:, None])
    # Without epsilon the root has no slope where the picture is flat.
    return torch.sqrt(slopes.square().sum(1, keepdim=True) + epsilon)


def spatial_frequency_loss(made: Tensor, target: Tensor, *, epsilon: float = 1e-5) -> Tensor:
    """Mean squared difference of √(RF² + CF²), RF and CF being a pixel's first differences."""
    return functional.mse_loss(_frequency(made, epsilon), _frequency(target, epsilon))


def _frequency(pictures: Tensor, epsilon: float) -> Tensor:
    rows = pictures[..., 1:, 1:] - pictures[..., 1:, :-1]
    columns = pictures[..., 1:, 1:] - pictures[..., :-1, 1:]
    return torch.sqrt(rows.square() + columns.square() + epsilon)


_MEF_WINDOW = 11  # px
_STEEPEST = 10.0  # an exponent from which weighting amounts to taking the maximum


def mef_ssim(made: Tensor, frames: Tensor) -> Tensor:
    """MEF-SSIM of pictures (N, 1, H, W) to their frames (N, K, H, W), all 0…1; 1 is best.

    The same as `metrics.mef_ssim`, see there, but differentiable in `made`. K. Ma et al., 2015.
    """
    made, frames = 255 * made, 255 * frames
    with torch.no_grad():
        factors = _wished_factors(frames)
        count = frames.shape[1]
        wished = torch.zeros_like(factors[:, :1])
        for one in range(count):
            for other in range(count):
                likeness = _covariance(frames[:, [one]], frames[:, [other]], _gaussian)
                wished += factors[:, [one]] * factors[:, [other]] * likeness
    together = (factors * _covariance(frames, made, _gaussian)).sum(1, keepdim=True)
    stabilizer = (0.03 * 255) ** 2
    contrasts = wished.clamp(min=0) + _covariance(made, made, _gaussian).clamp(min=0)
    return ((2 * together + stabilizer) / (contrasts + stabilizer)).mean()


def _wished_factors(frames: Tensor) -> Tensor:
    """(N, K, h, w): the factor of each frame's patch in the wished-for patch."""
    contrasts = _MEF_WINDOW * _covariance(frames, frames, _box).clamp(min=0).sqrt()
    total = frames.sum(1, keepdim=True)
    length_of_sum = _MEF_WINDOW * _covariance(total, total, _box).clamp(min=0).sqrt()
    epsilon = torch.finfo(frames.dtype).eps
    consistency = (length_of_sum + epsilon) / (contrasts.sum(1, keepdim=True) + epsilon)
    steepness = torch.tan(torch.pi / 2 * consistency.clamp(max=1 - epsilon)).clamp(0, _STEEPEST)
    contrasts = contrasts + 0.001  # grey levels, keeps flat windows defined
    weights = (contrasts / _MEF_WINDOW) ** steepness + epsilon
    directions = weights / weights.sum(1, keepdim=True) / contrasts
    length = torch.zeros_like(length_of_sum)
    for one in range(frames.shape[1]):
        for other in range(frames.shape[1]):
            likeness = _covariance(frames[:, [one]], frames[:, [other]], _box)
            length += directions[:, [one]] * directions[:, [other]] * likeness
    length = _MEF_WINDOW * length.clamp(min=0).sqrt()
    longest = contrasts.amax(1, keepdim=True)
    return directions * torch.where(length > 0, longest / length.clamp(min=1e-30), 0)


def brightness_loss(made: Tensor, frames: Tensor) -> Tensor:
    """Mean squared difference between the window means of a picture and of its frames' mean."""
    return functional.mse_loss(_box(made), _box(frames.mean(1, keepdim=True)))


def _covariance(first: Tensor, second: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
    # Around the middle of the range, float32 loses less in the difference of two means.
    first, second = first - 127.5, second - 127.5
    return mean(first * second) - mean(first) * mean(second)


def _box(maps: Tensor) -> Tensor:
    return functional.avg_pool2d(maps, _MEF_WINDOW, stride=1)


def _gaussian(maps: Tensor) -> Tensor:
    count, channels, height, width = maps.shape
    kernel = gaussian_window(_MEF_WINDOW, 1.5).to(maps)
    maps = maps.reshape(count * channels, 1, height, width)
    maps = functional.conv2d(maps, kernel.view(1, 1, -1, 1))
    maps = functional.conv2d(maps, kernel.view(1, 1, 1, -1))
    return maps.reshape(count, channels, *maps.shape[2:])


def dice_loss(made: Tensor, mask: Tensor) -> Tensor:
    """1 − the Dice coefficient of maps in 0…1, over the whole batch."""
    overlap = 2 * (made * mask).sum() + 1
    return 1 - overlap / (made.square().sum() + mask.square().sum() + 1)


_SWITCH = 1e5  # steepness of what stands for a minimum
_NOTHING = 1e-6  # what is divided by instead of 0


def gradient_transfer_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """1 − Qg, which says how much of the frames' gradients arrives in the fused picture.

    The metric `qg` (Xydeas and Petrović, 2000) with a soft switch instead of its minimum, and
    borders repeated. The gradient comes back in `fused`.
    """
    slope, angle = _gradient(fused, offset=_NOTHING)
    gained, total = torch.zeros_like(slope), torch.zeros_like(slope)
    for frame in (first, second):
        wanted, wanted_angle = _gradient(frame)
        above = torch.sigmoid(_SWITCH * (slope - wanted))
        strength = above * wanted / _divisor(slope) + (1 - above) * slope / _divisor(wanted)
        turn = ((wanted_angle - angle).abs() - torch.pi / 2).abs() * (2 / torch.pi)
        kept = torch.sigmoid(10 * (strength - 0.5)) * torch.sigmoid(20 * (turn - 0.75))
        gained = gained + kept * wanted
        total = total + wanted
    return 1 - (gained / _divisor(total)).mean()


def _gradient(pictures: Tensor, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    """Sobel's magnitude and orientation; the offset gives the root a slope where all is flat."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(pictures)
    padded = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    slopes = functional.conv2d(padded, torch.stack([across, across.T])[:, None])
    right, down = slopes[:, :1] + offset, slopes[:, 1:]
    squares = right.square() + down.square()
    return torch.sqrt(squares + _NOTHING**3), torch.atan(down / _divisor(right))


def _divisor(values: Tensor) -> Tensor:
    return torch.where(values == 0, torch.full_like(values, _NOTHING), values)
