"""SESF-Fuse: the spatial frequency of deep features decides, consistency verification cleans.

For two frames this is the published method, with right borders, guided filter and rounding
(docs/algorithms/sesf.md); for more it decides once over the whole stack.
Ma, Zhu, Yin, Ban, Huang, Mukeshimana: SESF-Fuse, Neural Computing and Applications, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

from hyperfocal.decision.verification import VerificationOptions
from hyperfocal.measures import sesf
from hyperfocal.options import taken


@dataclass(frozen=True)
class Sesf(VerificationOptions, sesf.SesfOptions):
    """Options of the network's focus measure, then those of consistency verification."""

    @property
    def measure(self) -> sesf.SesfMeasure:
        return taken(sesf.SesfMeasure, self)
