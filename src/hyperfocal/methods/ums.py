"""UMS-Fusion: deep spatial frequency over five levels, one decision matrix over the whole stack.

Every frame is measured once, the arg-max over frames is optimised by a majority filter, and each
pixel is taken unchanged from its frame. Xie et al., UMS-Fusion (also UMIS-Fusion).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from hyperfocal.decision import Decision
from hyperfocal.engines import Precision
from hyperfocal.majority import Majority
from hyperfocal.measures.ums import Ums as UmsMeasure
from hyperfocal.options import option


@dataclass(frozen=True)
class Ums(Majority):
    """Options of the method; those of the decision matrix first."""

    radius: int = option(15, "window in which the gradient is summed", unit="px", low=0, high=99)
    median: bool = option(False, "remove noise by a 5×5 median before measuring")
    engine: Literal["auto", "openvino", "onnxruntime", "torch"] = option(
        "auto", "what runs the network; auto takes the fastest that is installed"
    )
    precision: Precision = option("fp32", "arithmetic of the network")

    @property
    def measure(self) -> UmsMeasure:
        return UmsMeasure(self.radius, self.median, self.engine, self.precision)

    @property
    def decision(self) -> Decision:
        return Majority(*(getattr(self, field.name) for field in fields(Majority)))
