"""Networks of torch as safetensors files that say themselves what they are.

Name, configuration, licence and version stand in the file; nothing is guessed from shapes.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from hyperfocal import registry
from hyperfocal.errors import FormatError
from hyperfocal.inference import weights
from hyperfocal.inference.graph import Graph

LICENCE = "MIT"


def metadata_of(network: Any) -> dict[str, str]:
    """What is written into a weights file and its graphs, as texts."""
    return {
        "network": name_of(network),
        "config": json.dumps(dataclasses.asdict(network.config)),
        "licence": LICENCE,
        "format_version": str(weights.FORMAT_VERSION),
    }


def name_of(network: Any) -> str:
    """The network's name in its room, which is that of its folder: "cnn_fuse"."""
    return type(network).__module__.split(".")[-2]


def graphs_of(network: Any) -> dict[str, type[Graph]]:
    """What of the network runs at inference, by the names of its graphs."""
    table: dict[str, type[Graph]] = registry.network(name_of(network), "graphs").GRAPHS
    return {name: graph for name, graph in table.items() if graph.is_needed(network.config)}


def save_network(network: nn.Module, path: Path, *, graphs: Iterable[str] = ()) -> None:
    """All weights and what `metadata_of` tells, written beside and renamed.

    `graphs` are the names of those that will stand beside the file.
    """
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    told = {"graphs": json.dumps(list(graphs))} if graphs else {}
    save_file(state, beside, metadata_of(network) | told)
    os.replace(beside, path)


def load_network(path: Path) -> nn.Module:
    """The network of a file that `save_network` wrote, ready for inference.

    Raises FormatError where it is not one of ours.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    told = weights.read(path)
    place = registry.network(told.network)
    network_class: Any = getattr(place, f"{registry.class_name(told.network)}Network")
    network: nn.Module = network_class(told.config(network_class.config_class))
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        # A configuration that is not that of the numbers, or numbers that are not there.
        why = " ".join(str(error).split())[:200]
        raise FormatError(f"{path} is no weights file ({why}); train or copy it again") from error
    return network.eval()
