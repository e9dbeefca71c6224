"""Trained networks as files: safetensors for torch, ONNX for inference without it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hyperfocal.networks import _sesf_parts, _ums_parts
from hyperfocal.networks._files import metadata_of, save_network
from hyperfocal.networks.sesf import Sesf
from hyperfocal.networks.ums import Ums


def export_sesf(network: Sesf, folder: Path) -> list[Path]:
    """`sesf-cse.safetensors`, `sesf-cse.onnx` and, unless it is sSE, `sesf-cse.gates.onnx`."""
    attention = network.config.attention
    parts = _sesf_parts.Gradient(network), _sesf_parts.Gates(network)
    return _export_parts(
        network,
        folder / f"sesf-{attention}",
        parts[: 1 if attention == "sse" else 2],
        gate_count=network.config.channels,
    )


def export_ums(network: Ums, folder: Path) -> list[Path]:
    """`ums.safetensors`, `ums.onnx` and `ums.gates.onnx`."""
    parts = _ums_parts.Gradient(network), _ums_parts.Gates(network)
    return _export_parts(network, folder / "ums", parts, gate_count=network.config.gate_count)


def _export_parts(
    network: Any, stem: Path, parts: Sequence[nn.Module], *, gate_count: int
) -> list[Path]:
    """The network's weights, the graph for tiles and, if there are two parts, that for gates."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    network.cpu().eval()
    metadata = metadata_of(network)
    paths = [stem.with_name(stem.name + end) for end in (".safetensors", ".onnx", ".gates.onnx")]
    save_network(network, paths[0])
    tile = torch.rand(1, 1, 128, 128)
    sides = {2: "height", 3: "width"}
    _export(
        parts[0],
        (tile, torch.rand(1, gate_count, 1, 1)),
        paths[1],
        inputs={"tile": sides, "gates": {}},
        output="energy",
        metadata=metadata,
    )
    for gates in parts[1:]:
        _export(
            gates,
            (tile.repeat(2, 1, 1, 1),),
            paths[2],
            inputs={"windows": {0: "count", **sides}},
            output="gates",
            metadata=metadata,
        )
    return paths[: 1 + len(parts)]


def _export(
    module: nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    *,
    inputs: Mapping[str, dict[int, str]],
    output: str,
    metadata: Mapping[str, str],
) -> None:
    import onnx

    beside = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        # The tracing exporter needs no further package; it warns that it is the older one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            str(beside),
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={name: axes for name, axes in inputs.items() if axes},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(beside)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, beside)
    os.replace(beside, path)
