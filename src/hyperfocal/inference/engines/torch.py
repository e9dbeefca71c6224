"""torch: for CUDA; on a processor the other engines are faster.

It makes the graph from the weights file itself, and needs no ONNX file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.inference.weights import Weights

INSTALL = "pip install 'hyperfocal[train]'"
FASTEST = "fp32"


def is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torch", "safetensors"))


def open_network(
    weights: Weights,
    graph: str,
    *,
    precision: str,
    shapes: Mapping[str, tuple[int, ...]],
    alone: bool = False,
) -> Any:
    from hyperfocal.inference.checkpoints import graphs_of, load_network

    network = load_network(weights.path)
    return _Module(graphs_of(network)[graph](network), precision)


class _Module:
    def __init__(self, module: Any, precision: str):
        import torch

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._module = module.to(self._device).eval()
        self._bf16 = precision == "bf16"

    def __call__(self, arrays: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        torch = self._torch
        given = {name: torch.from_numpy(each).to(self._device) for name, each in arrays.items()}
        with torch.no_grad(), torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            result: NDArray[np.float32] = self._module(**given).float().cpu().numpy()
        return result
