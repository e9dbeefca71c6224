"""Prism's networks, run level by level over blocks that fit a core's cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import parallel
from hyperfocal.compute.buffers import Buffers
from hyperfocal.frame import Grey, Weight
from hyperfocal.methods.prism.config import FEATURES
from hyperfocal.methods.prism.statistics import BlockFeatures, StackStatistics, pyramid

if TYPE_CHECKING:
    from hyperfocal.methods.prism import Prism

Maps = NDArray[np.float32]  # (maps, height, width)


class LevelNetworks:
    """The networks, run level by level over blocks that fit a core's cache."""

    def __init__(self, options: Prism):
        self._options, self._config = options, options.config
        self._buffers = Buffers()

    def clear(self) -> None:
        """Give back the memory of the last frame."""
        self._buffers.clear()

    def scores(
        self, statistics: StackStatistics, bands: list[Grey], lows: list[Grey]
    ) -> tuple[Grey, list[Grey]]:
        """Of a frame's pixels, and of its bands, fine to coarse, and base.

        The next frame's overwrite them.
        """
        scores: list[Grey] = []
        channels = self._config.channels
        features = _nothing_coarser(channels, lows[-1])
        for at in reversed(range(1, len(bands))):
            shown = partial(BlockFeatures.show, band=bands[at], low=lows[at])
            score = self._buffers("band", *bands[at].shape)
            height, width = lows[at + 1].shape
            made = self._buffers("base and features", 1 + channels, height, width)

            def take(
                part: BlockFeatures, found: Maps, score: Grey = score, made: Maps = made
            ) -> None:
                part.put_scores(found[:4], score)
                part.block.put(made, found[4:])

            self._step("coarse", statistics.levels[at], features, shown, take)
            if not scores:
                scores.append(made[0])
            scores.append(score)
            features = made[1:]
        pixels, band = (self._buffers(name, *bands[0].shape) for name in ("pixels", "band"))

        def take_both(part: BlockFeatures, found: Maps) -> None:
            part.put_scores(found[:4], pixels)
            part.put_scores(found[4:], band)

        shown = partial(BlockFeatures.show, band=bands[0], low=lows[0])
        self._step("fine", statistics.levels[0], features, shown, take_both)
        return pixels, [band, *reversed(scores)]

    def refined(
        self, statistics: StackStatistics, luma: Grey, blended: list[Grey], max_weight: Weight
    ) -> Grey:
        """One luma of that of the averaged frames and of the averaged base and bands.

        Overwrites what is known of single frames.
        """
        bands, lows = pyramid(luma, len(statistics.levels))
        pools = [max_weight]
        for _ in bands[1:]:
            pools.append(cv2.resize(pools[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        low, other_low = lows.pop(), blended[0]
        features = _nothing_coarser(self._config.refine_channels, low)
        for level, other in zip(reversed(statistics.levels), blended[1:], strict=True):
            band, raised = bands.pop(), cv2.pyrUp(low)
            other_low = cv2.pyrUp(other_low)
            other_low += other
            compared = partial(
                BlockFeatures.compare, band=band, other=other, low=lows.pop(), other_low=other_low,
                raised=raised, max_weight=pools.pop(),
            )  # fmt: skip
            kept = self._config.refine_channels if bands else 0  # features, for the next level
            made = np.empty((kept, *low.shape), np.float32)
            change = np.empty_like(band)

            def take(
                part: BlockFeatures, found: Maps, change: Grey = change, made: Maps = made
            ) -> None:
                part.put_change(found[:4], change)
                part.block.put(made, found[4 : 4 + len(made)])

            self._step("refine", level, features, compared, take)
            features = made
            low = change
            low += raised
            low += band
        return low

    def _step(
        self,
        name: str,
        level: list[BlockFeatures],
        features: Maps,
        show: Callable[[BlockFeatures], None],
        take: Callable[[BlockFeatures, Maps], None],
    ) -> None:
        """A step of a network over a level, with features of the coarser one, (C, h/2, w/2)."""
        shapes = {
            "unshuffled": (1, 4 * FEATURES, -1, -1),
            "coarser": (1, len(features), -1, -1),
        }
        network = self._options.opened(name, shapes)

        def work(part: BlockFeatures) -> None:
            show(part)
            given = {"unshuffled": part.features, "coarser": part.block.cut(features, 2)}
            take(part, network(given)[0])

        parallel.for_each(work, level)


def _nothing_coarser(channels: int, base: Grey) -> Maps:
    """Features of the level that would follow the coarsest one."""
    height, width = base.shape
    return np.zeros((channels, height // 2, width // 2), np.float32)
