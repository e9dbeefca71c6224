"""Weights files made by hand, without torch."""

import json
import shutil
from pathlib import Path

from hyperfocal.inference.weights import shipped

METADATA = {"network": "prism", "config": "{}", "format_version": "1"}


def header_of(metadata=None, *, end=16, **more):
    told = METADATA if metadata is None else metadata
    tensor = {"dtype": "F32", "shape": [4], "data_offsets": [0, end]}
    return {"__metadata__": told, "weight": tensor, **more}


def written(path: Path, header, *, numbers=bytes(16)) -> Path:
    """A safetensors file with this header, an object or bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)
    return path


def copy_of(network: str, folder: Path, stem: str = "", name: str = "") -> Path:
    """The shipped weights of a network with their graphs, under another name."""
    weights = shipped(network, stem)
    folder.mkdir(exist_ok=True)
    for stamp in weights.stamps:
        own = stamp.path.name.replace(weights.path.stem, name or weights.path.stem, 1)
        shutil.copy(stamp.path, folder / own)
    return folder / f"{name or weights.path.stem}.safetensors"
