"""Networks as safetensors files that say themselves what they are.

Name, configuration, licence and version stand in the file; nothing is guessed from shapes.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from torch import nn

from hyperfocal import registry
from hyperfocal.errors import FormatError, MissingExtra

LICENCE = "MIT"
FORMAT_VERSION = "1"


def metadata_of(network: Any) -> dict[str, str]:
    """What is written into a weights file, as texts."""
    return {
        "network": name_of(network),
        "config": json.dumps(dataclasses.asdict(network.config)),
        "licence": LICENCE,
        "format_version": FORMAT_VERSION,
    }


def name_of(network: Any) -> str:
    """The network's name in its room, which is that of its folder: "cnn_fuse"."""
    return type(network).__module__.split(".")[-2]


def save_network(network: nn.Module, path: Path) -> None:
    """All weights and what `metadata_of` tells, written beside and renamed."""
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, beside, metadata_of(network))
    os.replace(beside, path)


def load_network(path: Path) -> nn.Module:
    """The network of a file that `save_network` wrote, ready for inference.

    Raises MissingExtra where the file is missing, FormatError where it is not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise MissingExtra(f"weights file {path} is missing; train it with: hyperfocal train")
    try:
        with safe_open(path, "pt") as opened:
            metadata = opened.metadata() or {}
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise FormatError(f"{path} is no weights file ({error}); train or copy it again") from error
    if "network" not in metadata:
        raise FormatError(f"{path} does not say what network it holds; train it with hyperfocal")
    name = metadata["network"]
    network_class: Any = getattr(registry.network(name), f"{registry.class_name(name)}Network")
    network: nn.Module = network_class(network_class.config_class(**json.loads(metadata["config"])))
    network.load_state_dict(state)
    return network.eval()
