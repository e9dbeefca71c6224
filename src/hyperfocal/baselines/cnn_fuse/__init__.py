"""CNN-Fuse: a network compares patches, small regions are removed, a guided filter smooths.

The network's last layers are linear, so that its comparison of two patches, averaged over both
orders, is the difference of one score for each (`graphs.py`): every frame is seen
once. For two frames this is the published method: chances are averaged over the patches that cover
a pixel and cut at one half. A third frame meets, patch by patch, the best score so far, and so on:
a running contest that holds two arrays, however many frames there are.
Liu, Chen, Peng, Wang: Multi-focus image fusion with a deep convolutional neural network,
Information Fusion, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.baselines.cnn_fuse.config import CELLS, PATCH, STRIDE, CnnFuseConfig
from hyperfocal.compute import parallel
from hyperfocal.decision.verification import ConsistencyVerification, Decision
from hyperfocal.frame import FocusMap, Grey, Weight
from hyperfocal.inference.blocks import Blocks
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.options import option, taken

_CONTEXT = 4  # px that the convolutions look beyond a patch
_CUT = _CONTEXT // STRIDE  # scores of a block that are wrong where the tile goes on
# A block's scores end a patch before it does; half of that counts as border on either side.
_BLOCKS = Blocks(side=192, border=_CONTEXT + PATCH // 2, grid=STRIDE)

Scores = NDArray[np.float32]  # (patches down, patches across)


@dataclass(frozen=True)
class CnnFuseNetworkOptions(NetworkOptions):
    """Options of the inference."""

    network: ClassVar[str] = "cnn_fuse"

    @property
    def config(self) -> CnnFuseConfig:
        return self.used_weights.config(CnnFuseConfig)


@dataclass(frozen=True)
class PatchScores(CnnFuseNetworkOptions):
    """How sharp the patches of a frame are, as the network has it."""

    @property
    def halo(self) -> int:
        return PATCH + _CONTEXT

    @property
    def grid(self) -> int:
        return STRIDE

    def survey(self, frame: Grey) -> None:
        return None

    def __call__(self, tile: Grey, surveyed: None = None) -> Scores:
        """(height, width) -> scores of the 16×16 patches that begin in every second pixel.

        Odd sides, and sides below 16, are continued by their last pixel.
        """
        down, across = (max(PATCH, side + side % STRIDE) - side for side in tile.shape)
        tile = np.pad(tile, ((0, down), (0, across)), mode="edge")
        scores = np.empty([side // STRIDE - CELLS + 1 for side in tile.shape], np.float32)
        side = tuple(_BLOCKS.fitting(length) for length in tile.shape)
        network = self.opened("scores", {"tile": (1, 1, *side)})

        def fill(top: int, left: int) -> None:
            block = tile[None, None, top : top + side[0], left : left + side[1]]
            made = network({"tile": np.ascontiguousarray(block)})[0, 0]
            here, kept = zip(
                *(
                    _kept(start, length, whole, count)
                    for start, length, whole, count in zip(
                        (top, left), side, tile.shape, made.shape, strict=True
                    )
                ),
                strict=True,
            )
            scores[here] = made[kept]

        parallel.for_each(lambda corner: fill(*corner), _BLOCKS.corners(tile.shape, side))
        return scores

    def arg_max(self, height: int, width: int) -> Duel:
        """What compares the scores of frame after frame."""
        return Duel(height, width)


def _kept(start: int, length: int, whole: int, count: int) -> tuple[slice, slice]:
    """Along one side: where the scores of a block go, and which of them are right."""
    first = _CUT * (start > 0)
    last = count - _CUT * (start + length < whole)
    offset = start // STRIDE
    return slice(offset + first, offset + last), slice(first, last)


class Duel:
    """Each frame against the best so far, in the published way; a later frame wins a tie."""

    def __init__(self, height: int, width: int):
        self._size = height, width
        self._scores: Scores | None = None
        self._lead = np.ones((height, width), np.float32)
        self.index = np.zeros((height, width), np.uint16)

    def add(self, frame: int, scores: Scores) -> None:
        if self._scores is None:
            self._scores = scores.copy()
            self.index[:] = frame
            return
        # 2·P − 1 of the published chance P that the new frame is the sharper one; written as a
        # hyperbolic tangent, because the exponential of a large score overflows.
        lead = spread(np.tanh((scores - self._scores) * np.float32(0.5)), *self._size)
        wins = lead >= 0
        np.copyto(self.index, np.uint16(frame), where=wins)
        self._lead = np.where(wins, lead, np.minimum(self._lead, -lead))
        np.maximum(self._scores, scores, out=self._scores)

    @property
    def best(self) -> FocusMap:
        """Mean over a pixel's patches of the best score, as a chance, 0…1."""
        assert self._scores is not None
        return 0.5 + 0.5 * spread(np.tanh(self._scores * np.float32(0.5)), *self._size)

    def confidence(self) -> Weight:
        """How far the chance was from one half in the closest comparison since the last win."""
        return self._lead


def spread(values: Scores, height: int, width: int) -> Grey:
    """(height, width): for each pixel the mean over the patches that cover it."""
    reach = CELLS - 1
    sums = []
    for plane in (values, np.ones_like(values)):
        padded = np.pad(plane, ((0, reach), (0, reach)))
        # The window ends in its pixel: patches that begin up to 7 cells before.
        sums.append(
            cv2.boxFilter(
                padded,
                cv2.CV_32F,
                (CELLS, CELLS),
                anchor=(reach, reach),
                normalize=False,
                borderType=cv2.BORDER_CONSTANT,
            )
        )
    cells = sums[0] / sums[1]
    return cells.repeat(STRIDE, 0).repeat(STRIDE, 1)[:height, :width]


@dataclass(frozen=True)
class CnnFuse(ConsistencyVerification, CnnFuseNetworkOptions):
    """The published values as defaults: no opening, guided filter of 8 px, ε 0.1 on 0…1."""

    opening_radius: int = option(
        0, "disk that must fit into a region for it to be kept", unit="px", low=0, high=99
    )
    guide_radius: int = option(8, "window of the guided filter", unit="px", low=1, high=99)
    epsilon: float = option(
        0.1 * 255**2,
        "variance below which the guided filter smooths",
        unit="levels² of 255",
        low=1e-9,
    )

    @property
    def measure(self) -> PatchScores:
        return taken(PatchScores, self)

    @property
    def decision(self) -> Decision:
        return taken(ConsistencyVerification, self)
