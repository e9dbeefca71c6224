"""Focus measures, one a file: how sharp is a frame at each of its pixels.

A measure looks at one frame at a time. What the tiles of a frame must share (a pooled gate,
say) is found once by `survey` and handed to every tile.
"""

from __future__ import annotations

from typing import Any, Protocol

from hyperfocal.frame import FocusMap, Grey


class Measure(Protocol):
    """What a focus measure offers; a frozen dataclass whose fields are its options.

    One whose values are not to be compared pixel by pixel has a method `arg_max(height, width)`,
    which gives what is used instead of `decision.argmax.ArgMax` to find the best frame of a tile.
    """

    @property
    def halo(self) -> int:
        """How many pixels around a pixel its value depends on."""
        ...

    @property
    def grid(self) -> int:
        """Tile tops must be multiples of this; so is `halo`."""
        ...

    def survey(self, frame: Grey) -> Any:
        """What all tiles of this frame share; small, for it is kept for every frame."""
        ...

    def __call__(self, tile: Grey, surveyed: Any = None) -> FocusMap:
        """(height, width) grey in 0…1 -> (height, width) focus map.

        `surveyed` is what `survey` gave for the tile's frame; None says that the tile is the frame.
        """
        ...
