"""Encoder and decoder as they run at inference, one ONNX file each: fusion goes in between."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Encoder(nn.Module):
    """Grey tile (1, 1, H, W) -> features (1, C, H, W)."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.features(maps)


class Decoder(nn.Module):
    """Features (1, C, H, W) -> grey (1, 1, H, W)."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor) -> Tensor:
        return self.network.decode(maps)
