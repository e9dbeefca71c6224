"""Gives a method the options of consistency verification."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfocal.decision.decision import Decision, Verified
from hyperfocal.options import taken


@dataclass(frozen=True)
class VerificationOptions(Verified):
    """The published values of SESF-Fuse as defaults."""

    @property
    def decision(self) -> Decision:
        return taken(Verified, self)
