"""Trained networks as files: safetensors for torch, ONNX for inference without it."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hyperfocal.baselines._encoder_decoder_graphs import Decoder, Encoder
from hyperfocal.inference.checkpoints import metadata_of, name_of, save_network

_OUTPUTS = {".gates": "gates", ".scores": "scores", ".encoder": "features", ".decoder": "picture"}


def export_encoder_decoder(network: Any, folder: Path) -> list[Path]:
    """`dense_fuse.safetensors`, `dense_fuse.encoder.onnx`, `dense_fuse.decoder.onnx`; any name."""
    parts = {
        ".encoder": Encoder(network),
        ".decoder": Decoder(network),
    }
    channels = network.config.channels
    return export_parts(network, folder / name_of(network), parts, channels=channels)


def export_parts(
    network: Any, stem: Path, parts: Mapping[str, nn.Module], *, channels: int = 1
) -> list[Path]:
    """The network's weights, and a graph for each of its parts, named by its suffix."""
    weights = saved(network, stem)
    return [weights, *(_export_part(network, stem, *part, channels) for part in parts.items())]


def saved(network: Any, stem: Path) -> Path:
    """The weights file of the network, which is then ready to be traced."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    path = stem.with_name(f"{stem.name}.safetensors")
    save_network(network.cpu().eval(), path)
    return path


def _export_part(network: Any, stem: Path, part: str, module: nn.Module, channels: int) -> Path:
    sides = {2: "height", 3: "width"}
    picture = torch.rand(1, 1, 128, 128)
    known = {
        "tile": (picture, sides),
        "frame": (picture, sides),
        "gates": (torch.rand(1, channels, 1, 1), {}),
        "maps": (torch.rand(1, 1 if part == ".encoder" else channels, 128, 128), sides),
        "windows": (picture.repeat(2, 1, 1, 1), {0: "count", **sides}),
        "inside": (torch.ones_like(picture), sides),
    }
    inputs = {name: known[name] for name in inspect.signature(module.forward).parameters}
    path = stem.with_name(f"{stem.name}{part}.onnx")
    export_graph(
        module,
        tuple(example for example, _ in inputs.values()),
        path,
        inputs={name: axes for name, (_, axes) in inputs.items()},
        output=_OUTPUTS.get(part, "energy"),
        metadata=metadata_of(network),
    )
    return path


def export_graph(
    module: nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    *,
    inputs: Mapping[str, dict[int, str]],
    output: str,
    metadata: Mapping[str, str],
) -> None:
    """A module as an ONNX file that says what it is, traced with an example."""
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
