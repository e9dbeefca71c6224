"""OpenVINO: the fastest on x86 processors, with bfloat16 where the processor has it."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import machine
from hyperfocal.inference.weights import Weights

INSTALL = "pip install 'hyperfocal[deep]'"
FASTEST = "bf16"
_HINT = {"fp32": "f32", "bf16": "bf16"}


def is_installed() -> bool:
    return importlib.util.find_spec("openvino") is not None


def open_network(
    weights: Weights,
    graph: str,
    *,
    precision: str,
    shapes: Mapping[str, tuple[int, ...]],
    alone: bool = False,
) -> Any:
    return _Compiled(weights.require_graph(graph), precision, shapes, alone)


# The binding sets itself up at its first inference, holding a lock of its own while it waits for
# Python's; a second thread that comes with Python's lock and waits for the binding's would never
# wake up. So the first inference of a process has it for itself.
_first = threading.Lock()
_is_set_up = threading.Event()


class _Compiled:
    """One stream a processor core, so that tiles run side by side and stay in its cache."""

    def __init__(
        self, path: Path, precision: str, shapes: Mapping[str, tuple[int, ...]], alone: bool = False
    ):
        # OpenVINO reports its use to an analytics service, unless that part of it is absent.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        self._needed = [given.get_any_name() for given in model.inputs]
        model.reshape({name: list(shapes[name]) for name in self._needed})
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": _HINT[precision]}
        settings["INFERENCE_NUM_THREADS"] = machine.processor_count()
        settings["NUM_STREAMS"] = 1 if alone else settings["INFERENCE_NUM_THREADS"]
        self._model = core.compile_model(model, "CPU", settings)
        self._threads = threading.local()

    def __call__(self, arrays: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        given = {name: arrays[name] for name in self._needed}
        if not _is_set_up.is_set():
            with _first:
                result = self._inferred(given)
                _is_set_up.set()
                return result
        return self._inferred(given)

    def _inferred(self, given: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        if not hasattr(self._threads, "request"):
            self._threads.request = self._model.create_infer_request()
        outputs = self._threads.request.infer(given, share_inputs=True, share_outputs=True)
        result: NDArray[np.float32] = outputs[0]
        return result
