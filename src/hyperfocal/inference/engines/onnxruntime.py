"""ONNX Runtime: runs everywhere, always installed with hyperfocal."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import machine
from hyperfocal.errors import OptionError
from hyperfocal.inference.weights import Weights

INSTALL = "pip install onnxruntime"
FASTEST = "fp32"


def is_installed() -> bool:
    return importlib.util.find_spec("onnxruntime") is not None


def open_network(
    weights: Weights,
    graph: str,
    *,
    precision: str,
    shapes: Mapping[str, tuple[int, ...]],
    alone: bool = False,
) -> Any:
    if precision != "fp32":
        raise OptionError("ONNX Runtime computes in fp32 on processors; install openvino for bf16")
    return _Session(weights.require_graph(graph), threads=machine.processor_count() if alone else 1)


def _silenced() -> Any:
    """The library, which would report its use to Microsoft and keep a number of this machine.

    From 1.29 on it asks the environment before all else, and once; the call is for those before it
    and for programs that have loaded it already.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


class _Session:
    def __init__(self, path: Path, *, threads: int):
        onnxruntime = _silenced()
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(
            str(path.absolute()), settings, providers=providers
        )
        self._needed = [given.name for given in self._session.get_inputs()]

    def __call__(self, arrays: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        given = {name: arrays[name] for name in self._needed}
        result: NDArray[np.float32] = self._session.run(None, given)[0]
        return result
