"""Choose pixels by any focus measure, with or without consistency verification."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfocal.decision.verification import Decision, NoVerification, VerificationOptions
from hyperfocal.measures import Measure
from hyperfocal.options import option


@dataclass(frozen=True)
class Select(VerificationOptions):
    """`select:measure=tenengrad`; in Python a measure of your own goes in as an object."""

    measure: str | Measure = option("tenengrad", "focus measure")
    consistency: bool = option(True, "clean the decision by consistency verification")

    @property
    def decision(self) -> Decision:
        return super().decision if self.consistency else NoVerification()
