"""Trained networks as files: safetensors for torch, ONNX for inference without it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hyperfocal.inference.checkpoints import graphs_of, metadata_of, save_network
from hyperfocal.inference.graph import Graph
from hyperfocal.inference.weights import DIGEST, digest_of, read


def export(network: Any, path: Path) -> list[Path]:
    """The network's weights file, and beside it the graphs that its folder says it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_network(network.cpu().eval(), path, graphs=graphs_of(network))
    return [path, *export_graphs(network, path)]


def export_graphs(network: Any, path: Path) -> list[Path]:
    """The graphs of a network whose weights are in this file."""
    weights, made = read(path), []
    metadata = metadata_of(network) | {DIGEST: digest_of(path)}
    for name, kind in graphs_of(network).items():
        made.append(weights.graph(name))
        _write(kind(network), made[-1], metadata)
    return made


def _write(graph: Graph, path: Path, metadata: Mapping[str, str]) -> None:
    """A graph as an ONNX file that says what it is, traced with an example."""
    import onnx

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
        )
    model = onnx.load(beside)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, beside)
    os.replace(beside, path)
