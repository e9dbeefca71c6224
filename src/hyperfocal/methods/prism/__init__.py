"""Prism: a small network scores every frame at every pixel; a softmax over frames fuses them.

Trained without labels, on scenes composed of photographs (training/scenes.py), to make what one
pinhole would see. Two passes over the frames. The first notes what the stack has in each band of a
Laplacian pyramid: the largest and the mean energy, and a provisional composite. In the second the
network walks from the coarse band of each frame to the fine one and gives scores; frames, and the
bands of their luma, are averaged with the softmax of these. A last network makes one luma of both
averages and so takes away what no frame had right, such as halos where something near hides
something far; it runs once, however many frames there are, and its change goes to all channels.
All sums are folds: memory does not depend on the number of frames, nor the picture on their order.

Values never leave the range that the frames span within one pixel around, and are nowhere further
from the average of frames than the frames there are from each other: equal frames stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hyperfocal.compute.tiles import rounded_up
from hyperfocal.inference.engines import AnyPrecision
from hyperfocal.inference.networks import NetworkOptions
from hyperfocal.methods.prism.config import PrismConfig
from hyperfocal.methods.prism.fold import PrismFold
from hyperfocal.options import option

_LEVELS = 6  # see blur of 120 px, measured (tests/methods/test_prism_specks.py)
_SMALL = 256  # px; a pixel of the base is to be at most a quarter of the picture's shorter side


@dataclass(frozen=True)
class Prism(NetworkOptions):
    """Options of the method."""

    precision: AnyPrecision = option(  # type: ignore[assignment]
        "auto", "arithmetic of the network; auto: bf16 where the engine has it"
    )
    levels: int | None = option(
        None,
        f"bands of the pyramid: more see wider blur; none is {_LEVELS}, and {_LEVELS - 1} where "
        f"a side is below {_SMALL} px",
        low=3,
        high=8,
    )
    refine: bool = option(True, "refine the average of frames by that of their bands")

    network: ClassVar[str] = "prism"
    has_depth: ClassVar[bool] = True

    @property
    def config(self) -> PrismConfig:
        return self.used_weights.config(PrismConfig)

    @property
    def bytes_per_pixel(self) -> int:
        # Half a byte for a channel: features of two levels, at a quarter of their size.
        return 179 + self.config.channels // 2

    @property
    def halo(self) -> int:
        # Steps and reductions of all levels, each twice as far as on the finer one; then depth.
        reach = 2 * self.config.depth + 4
        return rounded_up(reach * (2**self._most_levels - 1) + 6, self.grid)

    @property
    def grid(self) -> int:
        return 2 ** (self._most_levels + 1)

    @property
    def _most_levels(self) -> int:
        return self.levels or _LEVELS

    def levels_of(self, height: int, width: int) -> int:
        """Bands for a picture of this size, and for each of its tiles.

        A tile has at least `halo` rows, more than a small picture, or all rows of the picture.
        """
        return self.levels or (_LEVELS - 1 if min(height, width) < _SMALL else _LEVELS)

    def fold(self, height: int, width: int, channels: int) -> PrismFold:
        return PrismFold(self, (height, width, channels))
