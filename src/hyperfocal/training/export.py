"""Trained networks as files: safetensors for torch, ONNX for inference without it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from hyperfocal.networks._files import metadata_of, save_network
from hyperfocal.networks._sesf_parts import Gates, Gradient
from hyperfocal.networks.sesf import Sesf


def export_sesf(network: Sesf, folder: Path) -> list[Path]:
    """`sesf-cse.safetensors`, `sesf-cse.onnx` and, unless it is sSE, `sesf-cse.gates.onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    network = network.cpu().eval()
    stem = f"sesf-{network.config.attention}"
    weights = folder / f"{stem}.safetensors"
    save_network(network, weights)
    gates = torch.rand(1, network.config.channels, 1, 1)
    tile = torch.rand(1, 1, 64, 64)
    paths = [weights, folder / f"{stem}.onnx"]
    sides = {2: "height", 3: "width"}
    _export(
        Gradient(network),
        (tile, gates),
        paths[1],
        inputs={"tile": sides, "gates": {}},
        output="energy",
        metadata=metadata_of(network),
    )
    if network.config.attention != "sse":
        paths.append(folder / f"{stem}.gates.onnx")
        _export(
            Gates(network),
            (tile.repeat(2, 1, 1, 1),),
            paths[2],
            inputs={"windows": {0: "count"}},
            output="gates",
            metadata=metadata_of(network),
        )
    return paths


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
