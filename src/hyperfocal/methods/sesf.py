"""SESF-Fuse: the spatial frequency of deep features decides, consistency verification cleans.

For two frames this is the published method, with right borders, guided filter and rounding
(docs/algorithms/sesf.md); for more it decides once over the whole stack.
Ma, Zhu, Yin, Ban, Huang, Mukeshimana: SESF-Fuse, Neural Computing and Applications, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperfocal.engines import Precision
from hyperfocal.measures.sesf import Sesf as SesfMeasure
from hyperfocal.methods._verification import VerificationOptions
from hyperfocal.options import option


@dataclass(frozen=True)
class Sesf(VerificationOptions):
    """Options of the method; those of the network first."""

    attention: Literal["cse", "sse", "scse"] = option(
        "cse", "squeeze-and-excitation of the encoder"
    )
    radius: int = option(5, "window in which gradient energy is summed", unit="px", low=0, high=99)
    engine: Literal["auto", "openvino", "onnxruntime", "torch"] = option(
        "auto", "what runs the network; auto takes the fastest that is installed"
    )
    precision: Precision = option("fp32", "arithmetic of the network")

    @property
    def measure(self) -> SesfMeasure:
        return SesfMeasure(self.attention, self.radius, self.engine, self.precision)
