"""UMS-Fusion: deep spatial frequency over five levels, one decision matrix over the whole stack.

Every frame is measured once, the arg-max over frames is optimised by a majority filter, and each
pixel is taken unchanged from its frame. Xie et al., UMS-Fusion (also UMIS-Fusion).
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperfocal.decision.majority import Majority
from hyperfocal.decision.verification import Decision
from hyperfocal.measures import ums
from hyperfocal.options import taken


@dataclass(frozen=True)
class Ums(Majority, ums.UmsOptions):
    """Options of the network's focus measure, then those of the decision matrix."""

    @property
    def measure(self) -> ums.UmsMeasure:
        return taken(ums.UmsMeasure, self)

    @property
    def decision(self) -> Decision:
        return taken(Majority, self)
