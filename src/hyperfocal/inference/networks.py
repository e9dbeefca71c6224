"""What choices share that run a network: its options, its weights, its graphs when opened."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from hyperfocal.errors import FormatError, HyperfocalError
from hyperfocal.inference import engines, weights
from hyperfocal.inference.engines import AnyPrecision, Network, Precision, Shapes
from hyperfocal.inference.weights import Weights
from hyperfocal.options import option


@dataclass(frozen=True)
class NetworkOptions:
    """What can be chosen of a network; weights of one's own are looked at at once."""

    engine: Literal["auto", "openvino", "onnxruntime", "torch"] = option(
        "auto", "what runs the network; auto takes the fastest that is installed"
    )
    precision: Precision = option("fp32", "arithmetic of the network")
    weights: str | None = option(
        None, "weights that hyperfocal train wrote, a .safetensors file; default: the shipped ones"
    )

    network: ClassVar[str]  # the name of its folder

    def __post_init__(self) -> None:
        if self.weights is None:
            return
        assert self.config is not None  # read, or refused
        if self.engine != "torch":
            self.used_weights.require_graphs()

    @property
    def stem(self) -> str:
        """Name of the shipped weights, of which a network may have several."""
        return self.network

    @property
    def config(self) -> Any:
        """The configuration of the network in use, `used_weights.config(…)`."""
        raise NotImplementedError

    @cached_property
    def used_weights(self) -> Weights:
        """The weights as they were when they were first asked for."""
        if self.weights is None:
            return weights.shipped(self.network, self.stem)
        return weights.read(Path(self.weights).expanduser(), self.network)

    def opened(
        self,
        graph: str,
        shapes: Shapes,
        *,
        alone: bool = False,
        precision: AnyPrecision | None = None,
    ) -> Network:
        """A graph of the network, ready for these shapes; kept for the next frame.

        In the arithmetic of the options, if no other is named.
        """
        return _opened(
            self.used_weights,
            graph,
            self.engine,
            precision or self.precision,
            tuple(sorted(shapes.items())),
            alone=alone,
        )


@functools.lru_cache(maxsize=24)
def _opened(
    used: Weights,
    graph: str,
    engine: str,
    precision: AnyPrecision,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    *,
    alone: bool,
) -> Network:
    used.require_unchanged()
    try:
        return engines.open_network(
            used, graph, engine=engine, precision=precision, shapes=dict(shapes), alone=alone
        )
    except HyperfocalError:
        raise
    except Exception as error:
        # Each engine has errors of its own for a graph that is damaged.
        told = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{used.graph(graph)} cannot be opened ({told}); export or copy it again"
        ) from error
