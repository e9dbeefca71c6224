"""Placing the frames of a stack on one of them.

Neighbours are matched first, because they are blurred alike; frames that hang together make the
group, and the middle of the largest group is the reference. Neighbours are those in the order that
was given, unless what is sharp in the frames tells another. If the chain shows motion, each frame
is placed again, from the reference outward, on the reference, on the composite of the frames
between, and on its neighbour, so that errors do not add up. Between frames live a few previews,
however many frames there are; of the others matrices are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import initial_guess, motion_estimation, neighbours, transforms
from hyperfocal.alignment.motion_estimation import Motion, Pyramid
from hyperfocal.alignment.previews import Previews
from hyperfocal.alignment.transforms import IDENTITY, Matrix
from hyperfocal.frame import Grey
from hyperfocal.stack import ordering

Status: TypeAlias = Literal["reference", "placed", "flat", "misaligned"]
ReferenceChoice: TypeAlias = Literal["middle", "first"]
Tell: TypeAlias = Callable[[int, int], None]
Look: TypeAlias = Callable[[Pyramid], None]

_CONFIDENT = 0.4  # frames of one stack reach 0.6 and more, other scenes stay below 0.2
_UNUSUAL = 0.7  # logarithm of light over the median; such a frame is no good reference
_TOO_SMALL = 64  # px of the shorter side, below which nothing is estimated
_MOVED = 0.25  # px of a frame, below which a stack counts as registered
_ERRORS = 6  # standard errors that a motion must exceed to count
_AROUND = 11  # px around a pixel in which detail is compared
_BIAS = 0.1  # px of a preview by which defocus alone is seen to move a frame


@dataclass(frozen=True)
class Placement:
    """Where a frame lies: its matrix takes points of the reference into it, in px of previews."""

    matrix: Matrix
    status: Status
    motion: Motion | None = None  # None where nothing could be measured


@dataclass
class _Chain:
    """Frames that hang together, each with the matrix from the first of them."""

    matrices: dict[int, Matrix]
    motions: dict[int, Motion] = field(default_factory=dict)  # to the frame before


def register(
    previews: Previews, tell: Tell, *, look: Look = lambda levels: None
) -> tuple[list[Placement], int]:
    """The placement of each frame, and the reference; all identities where none has moved.

    `look` is shown each frame that shows anything.
    """
    registration, count = Registration(previews, look), len(previews.stack)
    for index in range(count):
        registration.add(index)
        tell(index + 1, 2 * count)
    return registration.finish(tell=lambda index: tell(count + index, 2 * count))


class Registration:
    """Frames placed on one of them as they come, each of them added once and in turn.

    Holds the previous frame's preview, and a matrix for each frame.
    """

    def __init__(self, previews: Previews, look: Look = lambda levels: None):
        self._previews = previews
        self._look = look
        self._chains: list[_Chain] = []
        self._flat: set[int] = set()
        self._details: dict[int, NDArray[np.float32]] = {}  # of frames that show anything
        self._last: tuple[int, Pyramid] | None = None  # that showed anything
        self._count = 0

    def add(self, index: int) -> Matrix | None:
        """Link a frame to those before it; None where it shows nothing.

        What comes back takes points of the first frame of its chain into it, in px of previews:
        good enough to look at, while `finish` measures again. A frame that fits none begins a
        chain, with the identity.
        """
        self._count = max(self._count, index + 1)
        if self._is_too_small:
            return IDENTITY
        preview = self._previews.grey(index)
        levels = motion_estimation.pyramid(preview, self._previews.known)
        if motion_estimation.is_flat(levels):
            self._flat.add(index)
            return None
        self._look(levels)
        self._details[index] = ordering.detail(preview)
        chain = _linked(self._chains, index, levels, self._last, self._previews)
        self._last = index, levels
        return chain.matrices[index]

    def finish(
        self,
        reference: ReferenceChoice = "middle",
        tell: Callable[[int], None] = lambda index: None,
    ) -> tuple[list[Placement], int]:
        """The placement of each frame that was added, and the reference; more may be added after.

        The reference is the middle or the first of the largest group of frames that hang together.
        """
        count, previews = self._count, self._previews
        if self._is_too_small:
            still = [
                Placement(IDENTITY, "flat" if index else "reference") for index in range(count)
            ]
            tell(count)
            return still, 0
        chain = max(self._chains_by_focus(), key=_length, default=_Chain({0: IDENTITY}))
        flat = self._flat - set(chain.matrices)
        members = list(chain.matrices)
        chosen = members[0] if reference == "first" else self._middle(members)
        found = _seen_from(chosen, chain)
        if len(members) + len(flat) < count or not is_still(previews, found):
            others = set(range(count)) - flat - set(members)
            if len(members) > 1 and self._wealth(members[0]) > self._wealth(members[-1]):
                found = dict(reversed(found.items()))  # the same from whichever end it was taken
            found = _placed_outward(previews, found, chosen, sorted(others), tell)
        placements = [found.get(index, Placement(IDENTITY, "misaligned")) for index in range(count)]
        placements[chosen] = Placement(IDENTITY, "reference", _perfect())
        if is_still(previews, found):
            placements = [replace(placement, matrix=IDENTITY) for placement in placements]
        tell(count)
        placements = [_in_frames(placement, previews.factor) for placement in placements]
        return _with_flat(placements, flat), chosen

    def _middle(self, members: list[int]) -> int:
        """The frame nearest to the middle whose light is usual; of two, that with more detail."""
        light = np.array([self._previews.light(index) for index in members])
        usual = np.abs(np.log((light + 1e-6) / (np.median(light) + 1e-6))) < _UNUSUAL
        aside = np.abs(np.arange(len(members)) - (len(members) - 1) / 2)
        aside[~usual] += len(members)
        nearest = [members[place] for place in np.flatnonzero(aside == aside.min())]
        # A pair has no middle.
        return nearest[-1] if len(members) == 2 else max(nearest, key=self._wealth)

    def _wealth(self, index: int) -> float:
        """How much detail a frame shows, in how many places."""
        details = self._details.get(index)
        return -np.inf if details is None else float(np.log(details + 1e-6).mean())

    def _chains_by_focus(self) -> list[_Chain]:
        """Chains of frames that are neighbours in focus, whatever the order in which they came."""
        frames = list(self._details)
        places = neighbours.order(
            list(self._details.values()), lambda place: self._previews.grey(frames[place])
        )
        order = [frames[place] for place in places]
        if order == frames:
            return self._chains
        chains: list[_Chain] = []
        last: tuple[int, Pyramid] | None = None
        for index in order:
            levels = _levels(self._previews, index)
            _linked(chains, index, levels, last, self._previews)
            last = index, levels
        return chains

    @property
    def _is_too_small(self) -> bool:
        return min(self._previews.shape) < _TOO_SMALL


def _seen_from(reference: int, chain: _Chain) -> dict[int, Placement]:
    """The frames of a chain, by matrices from one of them."""
    members = list(chain.matrices)
    back = np.linalg.inv(chain.matrices[reference])
    # Frames before the reference were matched by those after them.
    followers = dict(itertools.pairwise(members))
    return {
        index: Placement(
            transforms.normal(chain.matrices[index] @ back),
            "placed",
            chain.motions.get(followers[index] if place < members.index(reference) else index),
        )
        for place, index in enumerate(members)
    }


def _in_frames(placement: Placement, factor: int) -> Placement:
    """The placement with residual and uncertainty in px of frames."""
    found = placement.motion
    if found is None:
        return placement
    scaled = replace(
        found, residual=found.residual * factor, uncertainty=found.uncertainty * factor
    )
    return replace(placement, motion=scaled)


def is_still(previews: Previews, found: dict[int, Placement]) -> bool:
    """Whether what was measured is no more than defocus and noise feign in registered stacks."""
    # Frames that hardly match have no say in whether the stack has moved.
    believed = [
        placement
        for placement in found.values()
        if placement.motion is None or placement.motion.confidence >= _CONFIDENT
    ]
    excess = [_excess(previews, placement) for placement in believed]
    # One frame may seem to have moved by chance or by its blur; most must agree, or one move far.
    others = sorted(excess)[1:] or excess  # the reference itself has none
    return float(np.median(others)) < 1 and max(others) < 3


def _excess(previews: Previews, placement: Placement) -> float:
    """Motion over what is needed to believe it."""
    motion = placement.motion or _perfect()
    # Blocks that blur displaces agree with no motion: one below what it leaves is their chance.
    needed = max(_least(previews), _ERRORS * motion.uncertainty, motion.residual)
    return transforms.largest_shift(placement.matrix, *previews.shape) / needed


def _least(previews: Previews) -> float:
    """px of a preview, below which nothing counts as motion."""
    return max(_MOVED / previews.factor, _BIAS)


def _perfect() -> Motion:
    return Motion(IDENTITY, "identity", 0.0, 0.0, 1.0)


def _levels(previews: Previews, index: int) -> Pyramid:
    return motion_estimation.pyramid(previews.grey(index), previews.known)


def _length(chain: _Chain) -> int:
    return len(chain.matrices)


def _linked(
    chains: list[_Chain],
    index: int,
    levels: Pyramid,
    last: tuple[int, Pyramid] | None,
    previews: Previews,
) -> _Chain:
    """The chain that a frame hangs on: by the frame before, else by the end of the longest."""
    chain = None
    if last is not None:
        chain = _hung(chains, index, levels, *last, previews)
    if chain is None and chains:
        end = next(reversed(max(chains, key=_length).matrices))
        if end != (last or (-1,))[0]:
            before = _levels(previews, end)
            chain = _hung(chains, index, levels, end, before, previews)
    if chain is None:
        chain = _Chain({index: IDENTITY})
        chains.append(chain)
    return chain


def _hung(
    chains: list[_Chain],
    index: int,
    levels: Pyramid,
    end: int,
    before: Pyramid,
    previews: Previews,
) -> _Chain | None:
    """The chain of frame `end`, with a frame hung on that; None where they do not match."""
    found = matched([before], levels, IDENTITY, _least(previews) / _ERRORS)
    if found.confidence < _CONFIDENT:
        return None
    chain = next(chain for chain in chains if end in chain.matrices)
    chain.matrices[index] = transforms.normal(found.matrix @ chain.matrices[end])
    chain.motions[index] = found
    return chain


def matched(
    references: Sequence[Pyramid], frame: Pyramid, start: Matrix, enough: float = 0.0
) -> Motion:
    """The motion around `start`, or, where that shows nothing, from anywhere."""
    found = motion_estimation.match(references, frame, start, enough=enough)
    if found.confidence >= _CONFIDENT:
        return found
    tried = [found]
    for other in initial_guess.candidates(references[0], frame):
        tried.append(motion_estimation.match(references, frame, other, enough=enough))
        if tried[-1].confidence >= _CONFIDENT:
            break
    return max(tried, key=lambda one: one.confidence)


def _placed_outward(
    previews: Previews,
    found: dict[int, Placement],
    reference: int,
    strangers: list[int],
    tell: Callable[[int], None],
) -> dict[int, Placement]:
    """Each frame placed on the reference and on those nearer to it, strangers last."""
    better = {reference: Placement(IDENTITY, "reference", _perfect())}
    composite = _Composite(previews.grey(reference), previews.known)
    first = composite.levels()
    beside: dict[int, Pyramid] = {}  # the outermost placed frames
    for step, (index, before) in enumerate(_outward(list(found), reference)):
        preview, start = previews.grey(index), found[index].matrix
        references = [composite.levels(), first]
        if before in beside:
            references.append(beside.pop(before))
        levels = motion_estimation.pyramid(preview, previews.known)
        measured = motion_estimation.match(references, levels, start, from_coarse=False)
        if measured.confidence < _CONFIDENT:
            # Blurred too much for the composite: the chain from neighbour to neighbour stands.
            measured = replace(measured, matrix=start)
        better[index] = Placement(measured.matrix, "placed", measured)
        beside[index] = composite.add(preview, measured.matrix)
        tell(step + 1)
    for index in strangers:
        preview = previews.grey(index)
        levels = motion_estimation.pyramid(preview, previews.known)
        measured = matched([composite.levels()], levels, IDENTITY)
        is_placed = measured.confidence >= _CONFIDENT
        matrix = measured.matrix if is_placed else IDENTITY
        better[index] = Placement(matrix, "placed" if is_placed else "misaligned", measured)
        if is_placed:
            composite.add(preview, matrix)
    return better


def _outward(members: list[int], reference: int) -> Iterator[tuple[int, int]]:
    """Frames away from the reference on both sides in turn, each with the one before it."""
    place = members.index(reference)
    for step in range(1, len(members)):
        for side in (1, -1):
            if 0 <= place + side * step < len(members):
                yield members[place + side * step], members[place + side * (step - 1)]


class _Composite:
    """The sharpest of the frames so far, pixel by pixel, in the reference's geometry."""

    def __init__(self, preview: Grey, known: Grey | None):
        self._preview = preview.copy()
        self._energy = _energy(preview)
        self._own = known  # where each frame, as it lies, has data; None: everywhere
        self._known = known
        if known is not None:
            self._energy *= known

    def levels(self) -> Pyramid:
        return motion_estimation.pyramid(self._preview, self._known)

    def add(self, preview: Grey, matrix: Matrix) -> Pyramid:
        """Take in a frame; its own levels, placed, come back."""
        shape = self._preview.shape
        placed = motion_estimation.warped(preview, matrix, shape)
        known = motion_estimation.coverage(preview.shape, matrix, shape)
        if self._own is not None and self._known is not None:
            known *= motion_estimation.warped(self._own, matrix, shape, cubic=False)
            self._known = np.maximum(self._known, known)
        energy = _energy(placed) * known
        is_sharper = energy > self._energy
        np.copyto(self._preview, placed, where=is_sharper)
        np.maximum(self._energy, energy, out=self._energy)
        return motion_estimation.pyramid(placed, known)


def _energy(grey: Grey) -> Grey:
    """Detail around each pixel."""
    detail = cv2.GaussianBlur(grey, (0, 0), 0.8)
    # Boxes, because they cost a third of Gaussians as wide.
    cv2.subtract(detail, cv2.blur(detail, (_AROUND, _AROUND)), dst=detail)
    return cv2.sqrBoxFilter(detail, -1, (_AROUND, _AROUND))


def _with_flat(placements: list[Placement], flat: set[int]) -> list[Placement]:
    """Frames that show nothing lie where the nearest frame lies that shows something."""
    known = [i for i, one in enumerate(placements) if one.status in ("placed", "reference")]
    for index in flat:
        nearest = min(known, key=lambda other: abs(other - index))
        placements[index] = Placement(placements[nearest].matrix, "flat")
    return placements
