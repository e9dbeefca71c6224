"""Where frames are placed on each other before they are measured.

So far the only choice is `none`: frames are taken as registered. Estimating and applying
transforms belongs here, between the stack and its first reader.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from hyperfocal.stack import Stack

Alignment: TypeAlias = Literal["none"]


def align(stack: Stack, how: Alignment = "none") -> Stack:
    """The stack with its frames in the geometry of one of them; `none` gives it back as it is."""
    return stack
