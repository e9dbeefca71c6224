"""How work that takes long tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Called with the stage, how many of its steps are done, and how many there are. Raising `Cancelled`
# in it stops the work cleanly.
OnStep: TypeAlias = Callable[[str, int, int], None]


def silent(stage: str, index: int, count: int) -> None:
    """Tells nobody."""
