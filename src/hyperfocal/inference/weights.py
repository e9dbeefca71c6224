"""Weights of a network: which files they are and what they say of themselves, read without torch.

A weights file is safetensors: the length of a header, the header as JSON, then the numbers. Its
metadata name the network, its configuration, and the graphs that were exported with it. These are
ONNX files beside it: `prism.safetensors` has `prism.coarse.onnx`, `prism.fine.onnx` and so on.
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import hashlib
import importlib.resources
import importlib.util
import json
import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from hyperfocal import registry
from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.inference.onnx_metadata import metadata_of

T = TypeVar("T")

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
SHARED = "weights_file"  # in the metadata of a graph: the file that holds its numbers
DIGEST = "weights_sha256"  # in the metadata of a graph: which weights it was exported from
_LARGEST_HEADER = 16 << 20  # bytes
_LARGEST_NUMBER = 65536  # in a configuration; channels, sides, counts
_PICKLES = (b"PK\x03\x04", b"\x80")  # of torch, as an archive and by itself
_TRAINED = "give the .safetensors file that hyperfocal train wrote"


@dataclass(frozen=True)
class Stamp:
    """A file as it was when it was looked at."""

    path: Path
    size: int
    time_ns: int  # of its last change

    @classmethod
    def of(cls, path: Path) -> Stamp:
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Weights:
    """A weights file with its graphs; equal for equal files."""

    path: Path
    network: str
    settings: str  # the configuration, as JSON
    graphs: tuple[str, ...]  # that were exported with it, by name; none where it does not say
    stamps: tuple[Stamp, ...]  # of the weights file and of the graphs beside it

    def graph(self, name: str) -> Path:
        """The file of a graph: `prism.fine.onnx` for "fine", `ums.onnx` for ""."""
        return self.path.with_name(".".join(filter(None, (self.path.stem, name, "onnx"))))

    def require_graph(self, name: str) -> Path:
        """The file of a graph; raises MissingExtra where it is missing."""
        path = self.graph(name)
        if not path.is_file():
            raise MissingExtra(
                f"weights file {path.name} is missing from {path.parent}; install or copy it again"
            )
        return path

    def config(self, kind: type[T]) -> T:
        """The configuration as the network's class for it.

        A field that the file does not have gets its default, so that a field that is added later
        must default to what was before. Raises FormatError for what the class cannot hold.
        """
        hints = get_type_hints(kind)
        values = json.loads(self.settings)
        for name, value in values.items():
            if name not in hints or not _fits(value, hints[name]):
                raise FormatError(
                    f"{self.path} says {name} = {json.dumps(value)} of its network, which this "
                    "version of hyperfocal does not know; update hyperfocal or train again"
                )
        return kind(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )

    def require_graphs(self) -> None:
        """Raise FormatError where graphs are missing, or are those of other weights."""
        present = [stamp.path for stamp in self.stamps[1:]]
        missing = [path for name in self.graphs if (path := self.graph(name)) not in present]
        if missing or not present:
            names = " and ".join(path.name for path in missing) or f"{self.path.stem}.*.onnx"
            raise FormatError(
                f"{names} not found beside {self.path}; "
                f"{self._remedy('copy the .onnx files that hyperfocal train wrote with it')}"
            )
        for stamp in self.stamps[1:]:
            if not _is_of(stamp, self):
                raise FormatError(
                    f"{stamp.path} was made from other weights than {self.path}; "
                    f"{self._remedy('copy both from one run of hyperfocal train')}"
                )

        for stamp in self.stamps[1:]:
            held = metadata_of(stamp.path).get(SHARED, self.path.name)
            if held != self.path.name:
                raise FormatError(
                    f"{stamp.path} takes its numbers from a file called {held}; "
                    f"{self._remedy(f'call the weights {held}, and the graphs after it')}"
                )

    def require_unchanged(self) -> None:
        """Raise FormatError where a file is no longer what it was."""
        for stamp in self.stamps:
            if not stamp.path.is_file() or Stamp.of(stamp.path) != stamp:
                raise FormatError(f"{stamp.path} has changed since it was opened; open it again")

    def _remedy(self, otherwise: str) -> str:
        if all(importlib.util.find_spec(name) for name in ("torch", "safetensors", "onnx")):
            return f"make the graphs by: hyperfocal export {shlex.quote(str(self.path))}"
        return otherwise


def read(path: Path, network: str | None = None) -> Weights:
    """The weights of a file, which must be those of this network if one is named.

    Only the header is read, and nothing is executed. Raises FormatError for any other file.
    """
    try:
        stamp = Stamp.of(path)
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "no file"
            raise FormatError(f"{path} is {kind}; {_TRAINED}")
        metadata = _header(path, stamp.size)
    except FileNotFoundError as error:
        raise FormatError(f"{path} is not there; {_TRAINED}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise FormatError(f"{path} cannot be read ({why}); {_TRAINED}") from error
    held = metadata.get("network", "")
    if not held:
        raise FormatError(f"{path} does not say what network it holds; {_TRAINED}")
    if network is not None and held != network:
        raise FormatError(f"{path} holds {held}, not {network}; give weights of {network}")
    version = metadata.get("format_version", "")
    if version not in map(str, range(1, FORMAT_VERSION + 1)):
        raise FormatError(
            f"{path} is of format version {version or 'unknown'}, this hyperfocal reads up to "
            f"{FORMAT_VERSION}; update hyperfocal"
        )
    settings = metadata.get("config", "{}")
    if not isinstance(_json(settings), dict):
        raise FormatError(f"{path} does not say how its network is configured; {_TRAINED}")
    names = _graph_names(metadata.get("graphs", "[]"))
    weights = Weights(path, held, settings, names, (stamp,))
    graphs = [weights.graph(name) for name in names] or _graphs_beside(path)
    stamps = [stamp, *(Stamp.of(graph) for graph in graphs if graph.is_file())]
    return dataclasses.replace(weights, stamps=tuple(stamps))


def shipped(network: str, stem: str = "") -> Weights:
    """The weights that come with a network; raises MissingExtra where they are missing."""
    folder = Path(str(importlib.resources.files(registry.network(network, "")))) / "weights"
    path = folder / f"{stem or network}{SUFFIX}"
    if not path.is_file():
        raise MissingExtra(
            f"weights file {path.name} is missing from {folder}; reinstall hyperfocal"
        )
    return read(path, network)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(path: Path, size: int) -> dict[str, str]:
    """The texts that a safetensors file says of itself; raises FormatError for any other file."""
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        text = file.read(min(length, _LARGEST_HEADER))
    is_ours = text.startswith(b"{") and length <= _LARGEST_HEADER
    if (is_ours and len(text) < length) or (size < 10 and path.suffix == SUFFIX):
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    header: Any = _json(text) if is_ours else None
    end = _end(header)
    if end is None:
        raise FormatError(f"{path} is {_other_kind(path, start)}; {_TRAINED}")
    if size < 8 + length + end:
        raise FormatError(f"{path} is cut off before its end; copy it again from its source")
    metadata: dict[str, str] = header.get("__metadata__", {})
    return metadata


def _end(header: Any) -> int | None:
    """Where the numbers end that a header tells of; None where it is not that of safetensors."""
    if not isinstance(header, dict):
        return None
    metadata = header.get("__metadata__", {})
    tensors = [each for name, each in header.items() if name != "__metadata__"]
    try:
        ends = [int(each["data_offsets"][1]) for each in tensors]
        is_sound = all(isinstance(text, str) for text in metadata.values())
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return max(ends, default=0) if is_sound else None


def _other_kind(path: Path, start: bytes) -> str:
    if path.suffix.lower() == ".onnx":
        return "a graph and no weights file"
    if start.startswith(_PICKLES):
        return "a pickle, which is not opened because it could run any program"
    return "no weights file"


def _json(text: str | bytes) -> Any:
    """None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _graph_names(text: str) -> tuple[str, ...]:
    """Names of graphs; they become parts of file names."""
    names = _json(text)
    if not isinstance(names, list):
        return ()
    return tuple(
        name for name in names if isinstance(name, str) and re.fullmatch("[a-z0-9_]*", name)
    )


def _graphs_beside(path: Path) -> list[Path]:
    stem = glob.escape(path.stem)
    return sorted([*path.parent.glob(f"{stem}.onnx"), *path.parent.glob(f"{stem}.*.onnx")])


@functools.lru_cache(maxsize=64)
def _is_of(graph: Stamp, weights: Weights) -> bool:
    """Whether a graph was exported from the weights, as far as it says so."""
    told = metadata_of(graph.path)
    if DIGEST in told:
        return told[DIGEST] == _digest(weights.stamps[0])
    return (told.get("network"), told.get("config")) == (weights.network, weights.settings)


@functools.lru_cache(maxsize=64)
def _digest(stamp: Stamp) -> str:
    return digest_of(stamp.path)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of JSON is one of this type, and a number not out of all bounds."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        is_any = kinds[-1] is Ellipsis
        return (
            isinstance(value, list)
            and 0 < len(value) <= 16
            and (is_any or len(value) == len(kinds))
            and all(_fits(each, kinds[0]) for each in value)
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    is_whole = hint is not int or isinstance(value, int)
    return is_whole and math.isfinite(value) and abs(value) <= _LARGEST_NUMBER and value >= 0
