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

from hyperfocal.networks import _cnn_fuse_parts, _halves, _prism_parts, _sesf_parts, _ums_parts
from hyperfocal.networks._files import metadata_of, name_of, save_network
from hyperfocal.networks.cnn_fuse import CnnFuse, merged
from hyperfocal.networks.prism import Prism
from hyperfocal.networks.sesf import Sesf
from hyperfocal.networks.ums import Ums

_OUTPUTS = {".gates": "gates", ".scores": "scores", ".encoder": "features", ".decoder": "picture"}


def export_sesf(network: Sesf, folder: Path) -> list[Path]:
    """`sesf-cse.safetensors`, `.onnx`, and unless it is sSE `.gates.onnx` and `.whole.onnx`."""
    parts = {"": _sesf_parts.Gradient(network)}
    if network.config.attention != "sse":
        parts |= {".gates": _sesf_parts.Gates(network), ".whole": _sesf_parts.Whole(network)}
    stem = folder / f"sesf-{network.config.attention}"
    return _export_parts(network, stem, parts, channels=network.config.channels)


def export_ums(network: Ums, folder: Path) -> list[Path]:
    """`ums.safetensors`, `ums.onnx`, `ums.gates.onnx` and `ums.whole.onnx`."""
    parts = {
        "": _ums_parts.Gradient(network),
        ".gates": _ums_parts.Gates(network),
        ".whole": _ums_parts.Whole(network),
    }
    return _export_parts(network, folder / "ums", parts, channels=network.config.gate_count)


def export_cnn_fuse(network: CnnFuse, folder: Path) -> list[Path]:
    """`cnn_fuse.safetensors`, its last two layers merged, and `cnn_fuse.scores.onnx`."""
    slim = merged(network.cpu())
    return _export_parts(slim, folder / "cnn_fuse", {".scores": _cnn_fuse_parts.Scores(slim)})


def export_halves(network: Any, folder: Path) -> list[Path]:
    """`dense_fuse.safetensors`, `dense_fuse.encoder.onnx`, `dense_fuse.decoder.onnx`; any name."""
    parts = {".encoder": _halves.Encoder(network), ".decoder": _halves.Decoder(network)}
    channels = network.config.channels
    return _export_parts(network, folder / name_of(network), parts, channels=channels)


def export_prism(network: Prism, folder: Path) -> list[Path]:
    """`prism.safetensors`, `prism.coarse.onnx`, `prism.fine.onnx` and `prism.mend.onnx`."""
    stem = folder / "prism"
    paths = [_saved(network, stem)]
    parts = {
        "coarse": _prism_parts.Inference(network.coarse, is_last=False),
        "fine": _prism_parts.Inference(network.fine, is_last=True),
        "mend": _prism_parts.Inference(network.mend, is_last=False),
    }
    sides = {"squares": {2: "height", 3: "width"}, "coarser": {2: "rows", 3: "columns"}}
    for name, module in parts.items():
        path = stem.with_name(f"prism.{name}.onnx")
        _export(
            module,
            _prism_parts.example(module),
            path,
            inputs=sides,
            output="made",
            metadata=metadata_of(network),
        )
        paths.append(path)
    return paths


def _export_parts(
    network: Any, stem: Path, parts: Mapping[str, nn.Module], *, channels: int = 1
) -> list[Path]:
    """The network's weights, and a graph for each of its parts."""
    weights = _saved(network, stem)
    return [weights, *(_export_part(network, stem, *part, channels) for part in parts.items())]


def _saved(network: Any, stem: Path) -> Path:
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
    _export(
        module,
        tuple(example for example, _ in inputs.values()),
        path,
        inputs={name: axes for name, (_, axes) in inputs.items()},
        output=_OUTPUTS.get(part, "energy"),
        metadata=metadata_of(network),
    )
    return path


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
