"""Trained networks as files: safetensors for torch, ONNX for inference without it."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hyperfocal.inference.checkpoints import graphs_of, metadata_of, save_network
from hyperfocal.inference.graph import Graph
from hyperfocal.inference.weights import DIGEST, SHARED, digest_of, read

_WORTH_SHARING = 1024  # bytes


def export(network: Any, path: Path) -> list[Path]:
    """The network's weights file, and beside it the graphs that its folder says it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_network(network.cpu().eval(), path, graphs=graphs_of(network))
    return [path, *export_graphs(network, path)]


def export_graphs(network: Any, path: Path, *, is_shared: bool = False) -> list[Path]:
    """The graphs of a network whose weights are in this file.

    Graphs that are shared hold no numbers that the weights file has, but say where they stand in
    it: a fraction of the size, for files that stay together under their names.
    """
    weights, made = read(path), []
    metadata = metadata_of(network) | {DIGEST: digest_of(path)}
    if is_shared:
        metadata[SHARED] = path.name
    for name, kind in graphs_of(network).items():
        made.append(weights.graph(name))
        _write(kind(network), made[-1], metadata, shared_with=path if is_shared else None)
    return made


def _write(
    graph: Graph, path: Path, metadata: Mapping[str, str], *, shared_with: Path | None
) -> None:
    """A graph as an ONNX file that says what it is, traced with an example."""
    import onnx

    # Normalizations are folded into convolutions unless numbers are to stay those of the file.
    keep, fold = torch.onnx.TrainingMode.PRESERVE, torch.onnx.TrainingMode.EVAL
    beside = path.with_name(path.name + ".part")
    inputs = graph.inputs()
    with warnings.catch_warnings():
        # The tracing exporter needs no further package; it warns that it is the older one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            tuple(torch.rand(given.shape) for given in inputs.values()),
            str(beside),
            input_names=list(inputs),
            output_names=[graph.output],
            dynamic_axes={name: dict(given.free) for name, given in inputs.items() if given.free},
            opset_version=17,
            dynamo=False,
            training=fold if shared_with is None else keep,
        )
    model = onnx.load(beside)
    if shared_with is not None:
        _share(model, shared_with)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, beside)
    os.replace(beside, path)


def _share(model: Any, weights: Path) -> None:
    """Let the numbers of a graph be those of the weights file, where that has them."""
    import onnx

    places = _places(weights.read_bytes())
    for tensor in model.graph.initializer:
        content = onnx.numpy_helper.to_array(tensor).tobytes()
        if len(content) < _WORTH_SHARING or content not in places:
            continue
        onnx.external_data_helper.set_external_data(
            tensor, weights.name, offset=places[content], length=len(content)
        )
        tensor.ClearField("raw_data")


def _places(content: bytes) -> dict[bytes, int]:
    """Where the numbers of a safetensors file stand in it."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for told in header.values():
        start, end = (8 + length + offset for offset in told["data_offsets"])
        found[content[start:end]] = start
    return found
