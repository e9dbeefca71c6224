"""torch: for CUDA; on a processor the other engines are faster.

It runs the network of the safetensors file beside the ONNX file, with the same inputs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTALL = "pip install 'hyperfocal[train]'"
FASTEST = "fp32"


def is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("torch", "safetensors"))


def open_network(
    path: Path, *, precision: str, shapes: Mapping[str, tuple[int, ...]], alone: bool = False
) -> Any:
    from hyperfocal import registry
    from hyperfocal.inference.checkpoints import load_network, name_of

    stem, _, part = path.stem.partition(".")
    network = load_network(path.with_name(f"{stem}.safetensors"))
    parts = registry.network(name_of(network), "graphs")
    return _Module(getattr(parts, (part or "gradient").capitalize())(network), precision)


class _Module:
    def __init__(self, module: Any, precision: str):
        import torch

        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._module = module.to(self._device).eval()
        self._bf16 = precision == "bf16"

    def __call__(self, arrays: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        torch = self._torch
        given = [torch.from_numpy(array).to(self._device) for array in arrays.values()]
        with torch.no_grad(), torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
            result: NDArray[np.float32] = self._module(*given).float().cpu().numpy()
        return result
