"""Frames without what belongs to the camera.

Hot pixels are mended from what lies beside them. What dust takes of the light is given back. What
is large (a round field, a label) is shown once, where the reference has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment.dust import Dust, dust
from hyperfocal.alignment.fixed_pattern import Own, distance_moved, placed
from hyperfocal.alignment.hot_pixels import HotPixels
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.registration import Placement
from hyperfocal.alignment.resampling import Filling, placed_mask
from hyperfocal.alignment.transforms import Matrix
from hyperfocal.frame import Pixels, Samples, Source, WrappedSource, in_both, to_pixels
from hyperfocal.io.coverage import SEAM, Mask

_LARGE = 0.08  # of the longer side; dust is smaller, and no one misses it
_TOGETHER = 0.02  # of the longer side, between parts of one label
_LANCZOS = 4  # px around, which resampling mixes with it
_MOVED = 5.0  # px of a frame, by which the scene must have moved behind a hot pixel


@dataclass(frozen=True)
class CleanSource(WrappedSource):
    """A frame as it came, but for dust and hot pixels."""

    hot_pixels: HotPixels | None
    dust: Dust | None

    def read(self) -> Samples | Pixels:
        samples = self.source.read()
        dtype = samples.dtype
        if self.hot_pixels is not None:
            samples = self.hot_pixels.mended(samples)
        if self.dust is not None:
            samples = self.dust.removed(to_pixels(samples).copy())
            if dtype.kind == "u":
                np.minimum(samples, 1, out=samples)
        return samples


@dataclass(frozen=True)
class OnceSource(WrappedSource):
    """A placed frame that shows the reference where it would show what belongs to the camera."""

    mask: Mask  # (height, width) of the frame as it came
    matrix: Matrix  # from the picture to the frame
    reference: Filling

    def read(self) -> Samples | Pixels:
        pixels = to_pixels(self.source.read())
        hidden = self._hidden(slice(None), _LANCZOS)
        pixels[hidden] = to_pixels(self.reference.samples[hidden])
        return pixels

    def covered(self, rows: slice) -> NDArray[np.bool_] | None:
        return in_both(self.source.covered(rows), ~self._hidden(rows, SEAM))

    def _hidden(self, rows: slice, margin: int) -> Mask:
        """Where that is in these rows of the picture, so many px wider."""
        info = self.info
        first, last, _ = rows.indices(info.height)
        top, bottom = max(0, first - margin), min(info.height, last + margin)
        down = np.array([[1, 0, 0], [0, 1, top], [0, 0, 1.0]])
        hidden = placed_mask(self.mask, self.matrix @ down, (bottom - top, info.width))
        kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
        wide = cv2.dilate(hidden.view(np.uint8), kernel)
        return wide[first - top : last - top].view(bool)


@dataclass(frozen=True)
class Removal:
    """What of a stack's frames is not the scene's."""

    hot_pixels: HotPixels | None
    dust: Dust | None
    once: Mask | None  # (height, width) of previews: what is shown as the reference has it
    factor: int  # px of a frame in one of a preview
    size: tuple[int, int]  # of a frame

    def cleaned(self, source: Source) -> Source:
        """A frame as it came, without dust and hot pixels."""
        if self.hot_pixels is None and self.dust is None:
            return source
        return CleanSource(source, self.hot_pixels, self.dust)

    def shown_once(
        self, placed: Mapping[int, Source], matrices: Mapping[int, Matrix], reference: int
    ) -> dict[int, Source]:
        """Placed frames that show what stays where it is only as the reference does.

        The matrices lead from the picture into the frames.
        """
        if self.once is None or reference not in placed:
            return dict(placed)
        mask = self._whole(self.once)
        filling = Filling(placed[reference], None)
        return {
            index: source
            if index == reference
            else OnceSource(source, mask, matrices[index], filling)
            for index, source in placed.items()
        }

    def told(self, reference: str) -> list[str]:
        """A line for each kind."""
        lines = []
        if self.once is not None:
            share = max(0.1, 100 * float(self.once.mean()))
            lines.append(
                f"{share:.1f} % of each frame stays where it is while the scene moves: it had no "
                f"say in the alignment, and is shown once, as in {reference}"
            )
        if self.dust is not None:
            lines.append(
                f"dust or the like {_counted(self.dust.spots, 'place')} of the sensor was removed"
            )
        if self.hot_pixels is not None:
            count = len(np.unique(self.hot_pixels.middles, axis=0))
            lines.append(f"hot or dead pixels {_counted(count, 'place')} of the sensor were mended")
        return lines

    def _whole(self, mask: Mask) -> Mask:
        large = mask.repeat(self.factor, 0).repeat(self.factor, 1)
        beyond = [(0, side - known) for side, known in zip(self.size, large.shape, strict=True)]
        return np.pad(large, beyond, mode="edge")


def _counted(count: int, what: str) -> str:
    return f"at {count} {what}{'s' * (count != 1)}"


def removal(previews: Previews, placements: Sequence[Placement], own: Own | None) -> Removal | None:
    """What is to be removed, of what is the camera's and of the sensor's hot pixels.

    `placements` are in px of previews. None where there is nothing.
    """
    hot = _hot_pixels(previews, placements)
    size = previews.stack.info.height, previews.stack.info.width
    if own is None:
        return None if hot is None else Removal(hot, None, None, previews.factor, size)
    large = _large(own.narrow)
    _, pieces = cv2.connectedComponents(own.wide.astype(np.uint8))
    small = own.wide & ~np.isin(pieces, pieces[large])
    found = dust(previews, placed(placements), small) if small.any() else None
    return Removal(hot, found, large if large.any() else None, previews.factor, size)


def _hot_pixels(previews: Previews, placements: Sequence[Placement]) -> HotPixels | None:
    """Those behind which the scene has moved."""
    hot, info = previews.hot_pixels(), previews.stack.info
    if hot is None:
        return None
    moved = distance_moved(placed(placements).values(), previews.shape) * previews.factor
    wide = cv2.resize(moved, (info.width, info.height), interpolation=cv2.INTER_NEAREST)
    hot = hot.where(wide > _MOVED)
    return hot if len(hot) else None


def _large(mask: Mask) -> Mask:
    """The parts of a mask that are too large for dust, taken together where they are close."""
    longest = max(mask.shape)
    reach = max(1, round(_TOGETHER * longest))
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wide)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    is_large = sides - reach > _LARGE * longest
    is_large[0] = False
    return mask & is_large[labels]
