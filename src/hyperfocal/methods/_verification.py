"""Gives a method the options of consistency verification."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hyperfocal.decision import Decision, Verified


@dataclass(frozen=True)
class VerificationOptions(Verified):
    """The published values of SESF-Fuse as defaults."""

    @property
    def decision(self) -> Decision:
        return Verified(*(getattr(self, field.name) for field in fields(Verified)))
