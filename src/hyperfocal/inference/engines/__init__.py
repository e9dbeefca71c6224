"""Inference engines, one a file: each opens an ONNX file and runs it on arrays.

An engine is a module with `INSTALL` (how to get it), `FASTEST` (the precision it is fastest in),
`is_installed()` and `open_network(path, precision=…, shapes=…, alone=…)`, which gives a `Network`.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.errors import MissingExtra

Precision = Literal["fp32", "bf16"]
AnyPrecision = Literal["auto", "fp32", "bf16"]
Arrays = Mapping[str, NDArray[np.float32]]

# The first that is installed is used. OpenVINO is half again as fast as ONNX Runtime on x86
# processors; torch is here for CUDA and is asked for by name.
PREFERENCE = ("openvino", "onnxruntime")


class Network(Protocol):
    """A network that is ready to run; safe to call from several threads at once."""

    def __call__(self, arrays: Arrays) -> NDArray[np.float32]:
        """The network's only output for inputs by name.

        The next call of the same thread may overwrite it.
        """
        ...


def open_network(
    name: str,
    *,
    engine: str = "auto",
    precision: AnyPrecision = "fp32",
    shapes: Mapping[str, tuple[int, ...]],
    alone: bool = False,
) -> Network:
    """The shipped network `name` for inputs of these shapes; −1 stands for any length.

    Calls are expected side by side, one a core; `alone` gives all cores to one call at a time.
    Precision `auto` is that in which the engine is fastest. Raises MissingExtra where the weights
    or the engine are absent.
    """
    module = registry.module("engines", first_installed() if engine == "auto" else engine)
    if not module.is_installed():
        raise MissingExtra(f"engine {engine} is not installed; {module.INSTALL}")
    network: Network = module.open_network(
        weights(f"{name}.onnx"),
        precision=module.FASTEST if precision == "auto" else precision,
        shapes=shapes,
        alone=alone,
    )
    return network


def first_installed() -> str:
    """The engine that `auto` stands for on this machine."""
    for name in PREFERENCE:
        if registry.module("engines", name).is_installed():
            return name
    raise MissingExtra("no inference engine is installed; pip install onnxruntime")


def weights(file_name: str) -> Path:
    """The path of a shipped weights file; raises MissingExtra where it is missing."""
    owner = registry.network(file_name.partition(".")[0].partition("-")[0], "")
    path = Path(str(importlib.resources.files(owner))) / "weights" / file_name
    if not path.is_file():
        raise MissingExtra(
            f"weights file {file_name} is missing from {path.parent}; reinstall hyperfocal"
        )
    return path
