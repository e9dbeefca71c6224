"""CNN-Fuse's network as it runs at inference: one branch, one score for every patch of a frame.

The last layers are linear, so that the logit of "the first patch is the sharper one" is a number
of the first patch plus a number of the second. Averaged over both orders of the two patches it is
the difference of one score, s(first) − s(second). A stack of N frames needs N runs, not N − 1
comparisons with two branches.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from hyperfocal.baselines.cnn_fuse.config import CELLS, STRIDE
from hyperfocal.baselines.cnn_fuse.network import CnnFuseNetwork
from hyperfocal.inference.graph import Graph, Input


class Scores(Graph):
    """Grey tile (1, 1, H, W) -> scores of its patches (1, 1, H/2 − 7, W/2 − 7).

    Entry (i, j) is that of the 16×16 patch that begins in pixel (2i, 2j).
    """

    output = "scores"

    def __init__(self, network: CnnFuseNetwork):
        super().__init__()
        self.network = network
        first, second = network.kernels()
        self.register_buffer("kernel", ((first - second) / 2).detach()[None].clone())

    def inputs(self) -> dict[str, Input]:
        return {"tile": Input.of_size(1, 1, 128, 128)}

    def forward(self, tile: Tensor) -> Tensor:
        return functional.conv2d(self.network.features(tile), self.kernel)


GRAPHS = {"scores": Scores}


def focus_map(first: Tensor, second: Tensor) -> Tensor:
    """Scores of two frames -> (N, 1, H, W): mean over a pixel's patches of P(first is sharp)."""
    chances = torch.sigmoid(first - second)
    ones = torch.ones(1, 1, CELLS, CELLS).to(chances)
    spread = functional.conv_transpose2d(torch.cat([chances, torch.ones_like(chances)]), ones)
    totals, counts = spread.chunk(2)
    return functional.interpolate(totals / counts, scale_factor=float(STRIDE), mode="nearest")
