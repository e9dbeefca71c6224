"""Which frames of a stack count, and in what order, as the frames themselves tell.

Every frame is boiled down to a small map of its detail. Maps of frames that were focused at
neighbouring distances are alike, so the order is the shortest path through all frames, and a frame
without detail wherever others have it is blurred. One that has it wherever any other has it is a
finished picture. Which end of the path is near, it does not tell.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import Grey, Samples, to_grey, to_pixels
from hyperfocal.progress import OnStep, silent
from hyperfocal.stack.stack import Stack

Details = NDArray[np.float32]  # (frames, cells), energy of the gradient, ≥ 0
Distances = NDArray[np.float32]  # (frames, frames), symmetric

_CELLS = 48  # along the longer side
_LONGEST = 1600  # px; defocus that matters is seen at this size, and noise is less
_SHARED = 0.3  # of the richest frame's length; measured, see docs/batch.md
_STRONG = 0.1  # of the detail that the best 2 % of cells have
_TELLING = 4.0  # how far the sharpest frame of a cell must be above the most blurred
_APART = 0.3  # of a cell's best detail; frames below it are not in focus there
_GROUP = 0.05  # of the telling cells
_AS_SHARP = (0.8, 3.0)  # of the best detail of the others; programs sharpen what they put together
_ALL = 0.95  # of the cells of each group; frames of measured stacks have 0.85 and less
_CANDIDATES = 32  # frames that are sharp nearly everywhere; where more are, none is the result
_LIKELY = 0.8  # of all cells with detail
_BLURRED = 0.3  # of a cell's best detail; frames of six measured stacks have 0.36 and more


def detail_maps(stack: Stack, *, on_step: OnStep = silent) -> Details:
    """A map of detail for every frame, in one pass; frames are let go of one by one."""
    maps = []
    for index in range(len(stack)):
        stack.load(index, then=index + 1)
        maps.append(detail(stack.grey(index)))
        on_step("order", index + 1, len(stack))
    return np.stack(maps)  # a few kilobytes a frame


def detail_of(samples: Samples) -> NDArray[np.float32]:
    """As `detail`, of a frame as it is in its file; made small before it is made grey."""
    scale = min(1.0, _LONGEST / max(samples.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in reversed(samples.shape[:2])]
        small = cv2.resize(samples, size, interpolation=cv2.INTER_AREA)
        samples = small.reshape(*small.shape[:2], -1)
    return detail(to_grey(to_pixels(samples)))


def detail(grey: Grey) -> NDArray[np.float32]:
    """Mean energy of the gradient in the cells of a frame, relative to its brightness; flat."""
    scale = min(1.0, _LONGEST / max(grey.shape))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in reversed(grey.shape)]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    # Frames of a flickering lamp have the same detail.
    grey = grey / max(float(grey.mean()), 1e-6)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    side = max(1.0, max(grey.shape) / _CELLS)
    cells = [max(1, round(length / side)) for length in reversed(grey.shape)]
    return cv2.resize(across * across + down * down, cells, interpolation=cv2.INTER_AREA).ravel()


def distances(details: Details) -> Distances:
    """How unlike the detail of two frames is, 0…1: √(1 − cosine) of what each has above the least.

    Frames at both ends of a noisy stack differ from all others by little energy; by the cosine they
    are as far from each other as any frames that share no sharp place.
    """
    # What is weaker than the flattest cells is noise.
    floor = np.percentile(details, 5) / 2 + 1e-9
    logs = np.log(details + np.float32(floor)).astype(np.float32)
    logs -= logs.min(0)
    lengths = np.linalg.norm(logs, axis=1, keepdims=True)
    # Frames with next to nothing above the least are alike, whatever the noise in it looks like.
    shared = np.full((len(logs), 1), _SHARED * float(lengths.max()) + 1e-9, np.float32)
    logs = np.concatenate([logs, shared], axis=1)
    logs /= np.linalg.norm(logs, axis=1, keepdims=True)
    return np.sqrt(np.clip(1 - logs @ logs.T, 0, 1)).astype(np.float32)


def path_length(between: Distances, order: Sequence[int]) -> float:
    """The sum of distances along an order."""
    return float(between[order[:-1], order[1:]].sum())


def shortest_path(between: Distances) -> list[int]:
    """An order of all frames in which neighbours are alike: found spectrally, then mended.

    Turned so that it agrees with the given order where it can. The second eigenvector of the graph
    Laplacian sorts frames along their path (Atkins, Boman, Hendrickson, 1998); moving and turning
    pieces (2-opt, Croes, 1958; or-opt, Or, 1976) shortens what is left.
    """
    if len(between) < 3:
        return list(range(len(between)))
    order = _mended(between, _spectral(between))
    agreement = sum(np.sign(after - before) for before, after in _pairs(order))
    return order if agreement >= 0 else order[::-1]


def blurred(details: Details) -> list[int]:
    """The frames that have no detail wherever the others have it; at least two are not named.

    Looked at are the cells in which frames differ and one is really sharp; a frame counts as
    blurred when not even in 2 % of them it has 30 % of the energy of the sharpest frame there.
    """
    energies = np.maximum(details - np.percentile(details, 2, axis=1, keepdims=True), 0)
    best = energies.max(0)
    telling = best >= _STRONG * np.percentile(best, 98)
    telling &= best > _TELLING * energies.min(0)
    count = int(telling.sum())
    if not count:
        return []
    shares = np.sort(energies[:, telling] / best[telling], axis=1)
    scores = shares[:, -max(1, round(0.02 * count))]
    most = max(0, len(details) - 2)
    worst = [int(index) for index in np.argsort(scores, kind="stable")[:most]]
    return sorted(index for index in worst if scores[index] < _BLURRED)


def finished(details: Details) -> int | None:
    """The one frame that is as sharp everywhere as the sharpest of the others, if there is one.

    No lens gives such a frame where three others are in focus at places where the other two are
    not, so that only stacks as deep as that are looked at.
    """
    if len(details) < 4:
        return None
    energies = np.maximum(details - np.percentile(details, 2, axis=1).min(), 0)
    second, best = np.partition(energies, -2, axis=0)[-2:]
    strong = best >= _STRONG * np.percentile(best, 98)
    # Few frames are worth a closer look.
    others = np.where(energies == best, second, best)[:, strong]
    shares = (energies[:, strong] >= _AS_SHARP[0] * others).mean(1)
    found = [int(index) for index in np.flatnonzero(shares >= _LIKELY)]
    if len(found) > _CANDIDATES:
        return None
    found = [index for index in found if _is_finished(energies, index)]
    return found[0] if len(found) == 1 else None


def _is_finished(energies: Details, index: int) -> bool:
    others = np.delete(energies, index, axis=0)
    best = others.max(0)
    telling = best >= _STRONG * np.percentile(best, 98)
    telling &= best > _TELLING * others.min(0)
    ratios = energies[index] / np.maximum(best, np.float32(1e-12))
    # Noise is everywhere, detail is not.
    is_quiet = best <= np.percentile(best, 20)
    low, high = _AS_SHARP
    if not telling.any() or float(np.median(ratios[is_quiet])) > high:
        return False
    shares, winners = others[:, telling] / best[telling], others[:, telling].argmax(0)
    as_sharp = (ratios[telling] >= low) & (ratios[telling] <= high)
    groups = [frame for frame in range(len(others)) if (winners == frame).mean() >= _GROUP]
    if any(as_sharp[winners == frame].mean() < _ALL for frame in groups):
        return False
    medians = np.array([[np.median(shares[b, winners == a]) for b in groups] for a in groups])
    is_apart = (medians < _APART) & (medians.T < _APART)
    return any(
        is_apart[first, second] and is_apart[second, third] and is_apart[first, third]
        for first, second, third in itertools.combinations(range(len(groups)), 3)
    )


def _pairs(order: Sequence[int]) -> list[tuple[int, int]]:
    return [(before, after) for place, before in enumerate(order) for after in order[place + 1 :]]


def _spectral(between: Distances) -> list[int]:
    scale = float(np.median(between)) or 1.0
    alike = np.exp(-np.square(between.astype(np.float64) / scale))
    np.fill_diagonal(alike, 0)
    laplacian = np.diag(alike.sum(1)) - alike
    return [int(index) for index in np.argsort(np.linalg.eigh(laplacian)[1][:, 1], kind="stable")]


def _mended(between: Distances, order: list[int]) -> list[int]:
    """Turn pieces around and move short ones elsewhere while that shortens the path."""
    # Each round costs the square of the frames, and a spectral order needs few.
    for _ in range(20):
        before = path_length(between, order)
        order = _cut(between, _moved(between, _turned(between, order)))
        if path_length(between, order) > before - 1e-6:
            break
    return order


def _turned(between: Distances, order: list[int]) -> list[int]:
    count = len(order)
    for first in range(count - 1):
        for last in range(first + 1, count):
            gain = 0.0
            if first > 0:
                left = between[order[first - 1]]
                gain += left[order[first]] - left[order[last]]
            if last < count - 1:
                right = between[order[last + 1]]
                gain += right[order[last]] - right[order[first]]
            if gain > 1e-6:
                order = [*order[:first], *reversed(order[first : last + 1]), *order[last + 1 :]]
    return order


def _cut(between: Distances, order: list[int]) -> list[int]:
    """Close the path to a circle and cut it where it is widest."""
    steps = between[order, np.roll(order, -1)]
    place = int(steps.argmax()) + 1
    return [*order[place:], *order[:place]] if steps[place - 1] > steps[-1] + 1e-6 else order


def _moved(between: Distances, order: list[int]) -> list[int]:
    for frame in list(order):
        rest = [other for other in order if other != frame]
        steps = between[rest[:-1], rest[1:]]
        near = between[frame][rest]
        # What the path grows by at each place: both ends, and between any two neighbours.
        costs = np.concatenate([near[:1], near[:-1] + near[1:] - steps, near[-1:]])
        place = int(costs.argmin())
        candidate = [*rest[:place], frame, *rest[place:]]
        if path_length(between, candidate) < path_length(between, order) - 1e-6:
            order = candidate
    return order
