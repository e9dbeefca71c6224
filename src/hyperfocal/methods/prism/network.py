"""Prism: scores every frame of a stack at every pixel; a softmax of the scores over frames fuses.

One small network, the same on all levels but the finest, walks down a Laplacian pyramid. It sees
the frame's band and local energy, what the whole stack has there (its largest and mean energy, a
provisional composite by the classical rule) and its own features of the coarser level. It works on
the level pixel-unshuffled by 2 (space to depth). Frames are averaged with the softmax of its
scores in two ways: as they are, with one score a pixel, which keeps what is simply sharp in one of
them; and band by band, with a score for each band, which takes the detail of one frame over the
brightness of another. A second such network walks down the pyramids of both averages and makes one
luma of them; it runs once, whatever the frames' number.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperfocal.methods.prism.config import FEATURES, RULE, PrismConfig

RULE_POWER = 2.0  # of the energy in the provisional composite
_RULE_SCORE = slice(RULE, RULE + 1)


class Step(nn.Module):
    """One level of a pyramid, pixel-unshuffled by 2, with features of the coarser one."""

    def __init__(self, seen: int, channels: int, depth: int, made: int):
        super().__init__()
        widths = [4 * seen + channels] + depth * [channels]
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(widths)
        )
        self.head = nn.Conv2d(channels, made, 1)
        nn.init.zeros_(self.head.weight)  # before training, nothing is added to the classical rule
        nn.init.zeros_(self.head.bias)

    def forward(self, seen: Tensor, coarser: Tensor) -> Tensor:
        """(N, seen, h, w) and features (N, C, h/4, w/4) -> features (N, C, h/2, w/2)."""
        known = functional.interpolate(coarser, scale_factor=2.0)
        maps = torch.cat([functional.pixel_unshuffle(seen, 2), known], 1)
        for layer in self.layers:
            maps = functional.relu(layer(maps))
        return maps


class PrismNetwork(nn.Module):
    """Fuses stacks (B, K, H, W) of grey frames, 0…1."""

    config_class = PrismConfig

    def __init__(self, config: PrismConfig | None = None):
        super().__init__()
        self.config = config = config or PrismConfig()
        self.coarse = Step(FEATURES, config.channels, config.depth, 5)
        self.fine = Step(FEATURES, config.channels, config.depth, 8)
        self.refine = Step(FEATURES, config.refine_channels, config.depth, 4)

    def scores(self, stack: PyramidStack) -> FrameScores:
        """How much of each frame is to go into the averages."""
        batch, count = stack.frames.shape[:2]
        *_, height, width = stack.bands[-1].shape
        maps = stack.frames.new_zeros(batch * count, self.config.channels, height // 4, width // 4)
        made: list[Tensor] = []
        for level in reversed(range(1, len(stack.bands))):
            scores, maps = self.coarse_scores(stack.maps(level).flatten(0, 1), maps)
            if not made:
                made.append(scores[:, 4:])
            made.append(functional.pixel_shuffle(scores[:, :4], 2))
        scores = self.fine_scores(stack.maps(0).flatten(0, 1), maps)
        made.append(scores[:, 1:])
        levels = [part.unflatten(0, (batch, count))[:, :, 0] for part in reversed(made)]
        return FrameScores(scores[:, 0].unflatten(0, (batch, count)), levels)

    def coarse_scores(self, maps: Tensor, coarser: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (N, 8, h, w) of a level and features of the coarser -> scores (N, 5, h/2, w/2): of
        four pixels, and of the base if this is the coarsest level; features."""
        seen = score_features(maps, self.config.power)
        features = self.coarse(seen, coarser)
        learned = self.coarse.head(features).float()
        rule = functional.pixel_unshuffle(seen[:, _RULE_SCORE], 2).float()
        return torch.cat([learned[:, :4] + rule, learned[:, 4:]], 1), features

    def fine_scores(self, maps: Tensor, coarser: Tensor) -> Tensor:
        """Maps (N, 8, H, W) of the finest level -> scores (N, 2, H, W) of pixels and band."""
        seen = score_features(maps, self.config.power)
        learned = self.fine.head(self.fine(seen, coarser)).float()
        return functional.pixel_shuffle(learned, 2) + seen[:, _RULE_SCORE].float()

    def refined(
        self, stack: PyramidStack, first: Tensor, blended: list[Tensor], max_weight: Tensor
    ) -> Tensor:
        """One picture (B, 1, H, W) of the average of frames and those of their bands.

        `max_weight` is the largest weight of a frame in the first.
        """
        levels = len(stack.bands)
        bands, lows = pyramid(first, levels)
        other_lows, low = low_passes(blended[:-1], blended[-1]), lows[-1]
        *_, height, width = bands[-1].shape
        maps = low.new_zeros(len(low), self.config.refine_channels, height // 4, width // 4)
        pools = [max_weight]
        for _ in bands[1:]:
            pools.append(functional.avg_pool2d(pools[-1], 2))
        for level in reversed(range(levels)):
            raised, largest = expanded(low), stack.largest[level]
            given = [bands[level], blended[level], lows[level], largest, other_lows[level]]
            given += [stack.sharers[level], pools[level], raised]
            maps = self.refine(refine_features(torch.cat(given, 1)), maps)
            change = functional.pixel_shuffle(self.refine.head(maps).float(), 2)
            low = raised + bands[level] + change * torch.exp(0.5 * largest)
        return low

    def composites(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, K, H, W) -> the picture, the average of frames and that of bands, (B, 1, H, W).

        Sides are multiples of 2^(levels + 1).
        """
        stack = PyramidStack(frames, self.config.levels, self.config.epsilon)
        scores = self.scores(stack)
        weights = torch.softmax(scores.pixels, 1)
        first = (weights * frames).sum(1, keepdim=True)
        blended = averaged(scores.levels, [*stack.bands, stack.lows[-1]])
        made = self.refined(stack, first, blended, weights.amax(1, keepdim=True))
        return made, first, low_passes(blended[:-1], blended[-1])[0]

    def forward(self, frames: Tensor) -> Tensor:
        """(B, K, H, W) -> composites (B, 1, H, W)."""
        return self.composites(frames)[0]


@dataclass(frozen=True)
class FrameScores:
    """Of pixels (B, K, H, W), and of every level (B, K, h, w) from fine to the base."""

    pixels: Tensor
    levels: list[Tensor]


def averaged(scores: list[Tensor], parts: list[Tensor]) -> list[Tensor]:
    """Each part (B, K, h, w) averaged over K with the softmax of its scores."""
    return [
        (torch.softmax(score, 1) * part).sum(1, keepdim=True)
        for score, part in zip(scores, parts, strict=True)
    ]


class PyramidStack:
    """The Laplacian pyramids of frames (B, K, H, W), and what all frames together have."""

    def __init__(self, frames: Tensor, levels: int, epsilon: float = PrismConfig.epsilon):
        self.frames = frames
        self.bands, self.lows = pyramid(frames, levels)
        self.energies = [torch.log(softened(band.square()) + epsilon) for band in self.bands]
        self.largest = [energy.amax(1, keepdim=True) for energy in self.energies]
        self.mean = [energy.mean(1, keepdim=True) for energy in self.energies]
        self.sharers: list[Tensor] = []
        self.composite_bands: list[Tensor] = []
        for band, energy, largest in zip(self.bands, self.energies, self.largest, strict=True):
            weights = torch.exp(RULE_POWER * (energy - largest))
            total = weights.sum(1, keepdim=True)
            self.sharers.append(torch.log(total))
            self.composite_bands.append((weights * band).sum(1, keepdim=True) / total)
        base = self.lows[-1].mean(1, keepdim=True)
        self.composite_lows = low_passes(self.composite_bands, base)

    def maps(self, level: int) -> Tensor:
        """(B, K, 8, h, w): what `score_features` takes of a level."""
        shape = self.bands[level].shape
        shared = [self.largest, self.mean, self.sharers, self.composite_bands, self.composite_lows]
        own = [self.bands[level], self.energies[level], self.lows[level]]
        return torch.stack(own + [part[level].expand(shape) for part in shared], 2)


def score_features(maps: Tensor, power: float) -> Tensor:
    """(N, 8, h, w): band, log energy and low pass of a frame; largest and mean log energy, log of
    how many frames share the largest, band and low pass of the composite -> (N, 7, h, w), of the
    order of 1. The second is the score by the rule."""
    band, energy, low, largest, mean, sharers, composite, composite_low = maps.split(1, 1)
    scale = torch.exp(-0.5 * largest)
    return torch.cat(
        [
            band * scale,
            power * (energy - largest),
            squashed((low - composite_low) * scale),
            composite * scale,
            (largest - mean) / 2,
            (largest + 9) / 3,
            sharers,
        ],
        1,
    )


def refine_features(maps: Tensor) -> Tensor:
    """(N, 8, h, w): bands of both averages, low pass of the first, largest log energy, low pass of
    the second, log of how many share the largest, the largest weight, what is refined so far ->
    (N, 7, h, w), all of the order of 1."""
    band, other, low, largest, other_low, sharers, max_weight, raised = maps.split(1, 1)
    scale = torch.exp(-0.5 * largest)
    return torch.cat(
        [
            band * scale,
            (other - band) * scale,
            squashed((low - other_low) * scale),
            (raised + band - low) * scale,
            max_weight,
            (largest + 9) / 3,
            sharers,
        ],
        1,
    )


def squashed(values: Tensor) -> Tensor:
    """Within −4…4, as they are around 0."""
    return values / (1 + values.abs() / 4)


def pyramid(pictures: Tensor, levels: int) -> tuple[list[Tensor], list[Tensor]]:
    """Bands of a Laplacian pyramid, and what each was taken from, then the base."""
    bands, lows = [], [pictures]
    for _ in range(levels):
        smaller = reduced(pictures)
        bands.append(pictures - expanded(smaller))
        lows.append(smaller)
        pictures = smaller
    return bands, lows


def low_passes(bands: list[Tensor], base: Tensor) -> list[Tensor]:
    """The inverse of `pyramid`: what each band was taken from, then the base; first the picture."""
    lows = [base]
    for band in reversed(bands):
        lows.insert(0, band + expanded(lows[0]))
    return lows


def reduced(pictures: Tensor) -> Tensor:
    """The next level of a Gaussian pyramid, (…, H, W) -> (…, H/2, W/2), as OpenCV's pyrDown."""
    for axis in (-1, -2):
        pictures = pictures.transpose(axis, -1)
        padded = _padded(pictures, 2, 2)
        ends = padded[..., 0:-4:2] + padded[..., 4::2]
        inner = padded[..., 1:-3:2] + padded[..., 3:-1:2]
        pictures = (ends + 4 * inner + 6 * padded[..., 2:-2:2]) / 16
        pictures = pictures.transpose(axis, -1)
    return pictures


def expanded(pictures: Tensor) -> Tensor:
    """(…, H, W) -> (…, 2H, 2W), as OpenCV's pyrUp."""
    for axis in (-1, -2):
        pictures = pictures.transpose(axis, -1)
        padded = torch.cat([pictures[..., 1:2], pictures, pictures[..., -1:]], -1)
        before, here, after = padded[..., :-2], padded[..., 1:-1], padded[..., 2:]
        pairs = torch.stack([(before + 6 * here + after) / 8, (here + after) / 2], -1)
        pictures = pairs.flatten(-2).transpose(axis, -1)
    return pictures


def softened(pictures: Tensor) -> Tensor:
    """Mean with weights 1, 2, 1 in both directions, as OpenCV's GaussianBlur of 3×3."""
    for axis in (-1, -2):
        pictures = pictures.transpose(axis, -1)
        padded = _padded(pictures, 1, 1)
        pictures = (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]) / 4
        pictures = pictures.transpose(axis, -1)
    return pictures


def _padded(pictures: Tensor, before: int, after: int) -> Tensor:
    """Mirrored about the outermost pixels along the last axis."""
    left = pictures[..., 1 : before + 1].flip(-1)
    right = pictures[..., -1 - after : -1].flip(-1)
    return torch.cat([left, pictures, right], -1)
