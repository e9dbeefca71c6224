"""Inference engines, one a file: each opens a graph of a network and runs it on arrays.

An engine is a module with `INSTALL` (how to get it), `FASTEST` (the precision it is fastest in),
`is_installed()` and `open_network(weights, graph, precision=…, shapes=…, alone=…)`, which gives a
`Network`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hyperfocal import registry
from hyperfocal.errors import MissingExtra
from hyperfocal.inference.weights import Weights

Precision = Literal["fp32", "bf16"]
AnyPrecision = Literal["auto", "fp32", "bf16"]
Shapes = Mapping[str, tuple[int, ...]]  # of inputs by name
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
    weights: Weights,
    graph: str,
    *,
    engine: str = "auto",
    precision: AnyPrecision = "fp32",
    shapes: Shapes,
    alone: bool = False,
) -> Network:
    """A graph of a network with these weights, for inputs of these shapes; −1: any length.

    Calls are expected side by side, one a core; `alone` gives all cores to one call at a time.
    Precision `auto` is that in which the engine is fastest. Raises MissingExtra where the engine
    or the graph is absent.
    """
    module = registry.module("engines", first_installed() if engine == "auto" else engine)
    if not module.is_installed():
        raise MissingExtra(f"engine {engine} is not installed; {module.INSTALL}")
    network: Network = module.open_network(
        weights,
        graph,
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
