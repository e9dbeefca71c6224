"""Encoder and decoder as they run at inference, a graph each: fusion goes in between."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hyperfocal.inference.graph import Graph, Input


class Encoder(Graph):
    """Grey tile (1, 1, H, W) -> features (1, C, H, W)."""

    output = "features"

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        return {"maps": Input.of_size(1, 1, 128, 128)}

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.features(maps)


class Decoder(Graph):
    """Features (1, C, H, W) -> grey (1, 1, H, W)."""

    output = "picture"

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def inputs(self) -> dict[str, Input]:
        return {"maps": Input.of_size(1, self.network.config.channels, 128, 128)}

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.decode(maps)


GRAPHS = {"encoder": Encoder, "decoder": Decoder}
