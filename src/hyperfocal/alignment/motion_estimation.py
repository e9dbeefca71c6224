"""Motion between previews of one scene that are sharp at different distances.

Both are brought to equal local contrast, then small blocks are matched from coarse to fine and a
transform of the plane is fitted to their displacements by robust weights. A block knows how well
it is measured in each direction, from its gradients and from what it leaves unexplained, so flat,
differently blurred or moving parts count little. Lucas and Kanade, 1981; Baker and Matthews, 2004
(composition of warps); Black and Anandan, 1996 (robust weights).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.alignment import transforms
from hyperfocal.alignment.transforms import Matrix, Model, Points
from hyperfocal.frame import Grey

_BLOCK = 24  # px, at every level
_WINDOW = 15  # px, over twice which contrast is made equal
_NOISE = 0.004  # contrast, on 0…1, below which nothing counts as detail
_SMALLEST = 40  # px, shorter side of the coarsest level
_COMBINED = 3  # finest levels that the last fit looks at together
_LONGEST = 2.0  # px; beyond it the linear model of a block tells the direction only
_SETTLED = 0.02  # px; a smaller change is the last
_RICHER = 0.3  # px and
_RICHER_ERRORS = 8  # standard errors by which a richer model must place the border elsewhere
_SIMPLER = 0.05  # px or
_SIMPLER_ERRORS = 2  # standard errors by which a simpler model may place it elsewhere
_KNOWN = 0.99  # from which there are data
_ITERATIONS = (12, 8, 6)  # at the coarsest level, the next, and all others

_Array: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Level:
    """A picture at one size, with a contrast of about 1 wherever there is any detail."""

    grey: Grey
    known: Grey | None  # 1 where there are data, less elsewhere; None: everywhere


@dataclass(frozen=True)
class BlockMatches:
    """What the blocks of two pictures say of the displacement that is left between them."""

    centres: Points  # (count, 2), px
    moved: _Array  # (count, 2), px, the displacement that explains a block best
    information: _Array  # (count, 2, 2), inverse covariance of `moved`, up to a common factor
    correlation: _Array  # (count,), correlation −1…1
    detail: _Array  # (count,), mean square of what both show, 0…1


@dataclass(frozen=True)
class Fit:
    """A transform fitted to displacements."""

    change: Matrix
    spread: _Array  # covariance of the parameters, for points of size 1
    residual: float  # px, weighted median of what is left


@dataclass(frozen=True)
class Motion:
    """How one picture lies on another."""

    matrix: Matrix  # from the reference to the frame
    model: Model
    residual: float  # px, weighted median over the blocks
    uncertainty: float  # px, standard error at the corner that is known least
    confidence: float  # 0…1, correlation of what both show


def pyramid(preview: Grey, known: Grey | None = None) -> list[Level]:
    """A preview on 0…1 at all sizes, from fine to coarse, ready to be matched."""
    levels, noise = [], _NOISE
    while True:
        levels.append(Level(contrast_normalised(preview, noise), known))
        height, width = preview.shape
        if min(height, width) < 2 * _SMALLEST:
            return levels
        size = (width // 2, height // 2)
        preview = cv2.resize(
            cv2.GaussianBlur(preview, (0, 0), 0.7), size, interpolation=cv2.INTER_AREA
        )
        if known is not None:
            known = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        noise /= 1.5  # the mean of four pixels is less noisy, of neighbours not by half


def contrast_normalised(grey: Grey, noise: float = _NOISE) -> Grey:
    """Equal contrast everywhere: the deviation from the local mean over its local spread."""
    detail = cv2.GaussianBlur(grey, (0, 0), 0.8)
    detail -= _mean(detail)
    spread = _mean(detail * detail)
    spread += np.float32(noise * noise)
    return np.divide(detail, cv2.sqrt(spread), out=detail)


def _mean(grey: Grey) -> Grey:
    # Two boxes weigh about as a Gaussian does and cost the same at any size.
    size = (_WINDOW, _WINDOW)
    return cv2.blur(cv2.blur(grey, size), size)


def is_flat(levels: Sequence[Level]) -> bool:
    """Whether a picture shows too little to be matched."""
    return all(float(np.mean(level.grey * level.grey)) < 0.05 for level in levels)


def warped(grey: Grey, matrix: Matrix, shape: tuple[int, ...], *, cubic: bool = True) -> Grey:
    """`grey` as seen from a picture whose points `matrix` takes into it; 0 outside."""
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(grey, matrix, (shape[1], shape[0]), flags=flags)


def coverage(frame_shape: tuple[int, ...], matrix: Matrix, shape: tuple[int, ...]) -> Grey:
    """1 where a frame has data for a picture whose points `matrix` takes into it, else 0."""
    covered = np.zeros(shape, np.float32)
    height, width = frame_shape[:2]
    right, bottom = width - 2.0, height - 2.0
    corners = np.array([[1, 1], [right, 1], [right, bottom], [1, bottom]])
    outline = transforms.mapped(transforms.inverse(matrix), corners)
    # Far outside is as good as anywhere outside, and fits OpenCV's integers.
    outline = np.clip(np.nan_to_num(outline), -20_000, 20_000)
    cv2.fillConvexPoly(covered, np.rint(outline * 16).astype(np.int32), 1.0, shift=4)
    return covered


def match(
    references: Sequence[Sequence[Level]],
    frame: Sequence[Level],
    start: Matrix,
    *,
    from_coarse: bool = True,
) -> Motion:
    """The motion from pictures of the reference's geometry to a frame, searched around `start`.

    The simplest model is taken that explains what the blocks say.
    """
    shape = references[0][0].grey.shape
    if from_coarse:
        matrix = _descended(references[0], frame, start)
    else:
        # What neighbours needed to fit need not be needed here.
        matrix = transforms.simplified(start, shape[0], shape[1], _RICHER)[1]
    matrix, fit, blocks = _settled(references, frame, matrix, "similarity")
    model = _needed(blocks, shape)
    if model != "similarity":
        matrix, fit, _ = _settled(references, frame, matrix, model)
    error = _error(fit, model, shape)
    enough = max(_SIMPLER, _SIMPLER_ERRORS * error)
    model, matrix = transforms.simplified(matrix, shape[0], shape[1], enough)
    return Motion(matrix, model, fit.residual, error, confidence(references[0], frame, matrix))


def confidence(reference: Sequence[Level], frame: Sequence[Level], matrix: Matrix) -> float:
    """Correlation of what both pictures show, at a size where defocus does not matter much."""
    level = min(_COMBINED, len(reference)) - 1
    blocks = _compare_level(reference, frame, level, matrix)
    detail = blocks.detail.sum()
    return max(0.0, float(blocks.detail @ blocks.correlation / detail)) if detail > 0 else 0.0


def fitted(blocks: BlockMatches, model: Model, shape: tuple[int, ...], rounds: int = 6) -> Fit:
    """The transform of this kind that explains the displacements best, by robust weights."""
    centre, size = _frame_of(shape)
    design = transforms.basis((blocks.centres - centre) / size, model)
    informed = np.swapaxes(design, 1, 2) @ blocks.information
    squares, slopes = informed @ design, (informed @ blocks.moved[:, :, None])[:, :, 0]
    trust = np.clip(blocks.correlation, 0, 1) ** 2
    weights, scale = trust, 1.0
    for _ in range(rounds):
        normal, right = np.tensordot(weights, squares, 1), weights @ slopes
        normal += (1e-6 * np.trace(normal) + 1e-9) * np.eye(len(right))
        parameters = np.linalg.solve(normal, right)
        left = blocks.moved - design @ parameters
        squared = (left[:, None] @ blocks.information @ left[:, :, None]).ravel()
        distance = np.sqrt(np.maximum(squared, 0))
        seen = distance[weights > 0.01]
        # The median of a Rayleigh distribution is 1.18 times its parameter.
        scale = float(np.median(seen)) / 1.18 + 1e-6 if len(seen) else 1.0
        # Geman and McClure: blocks that disagree with the rest lose nearly all say.
        weights = trust / (1 + (distance / (2.5 * scale)) ** 2) ** 2
    mass = weights * np.trace(blocks.information, axis1=1, axis2=2)
    to_pixels = np.array([[size, 0, centre[0]], [0, size, centre[1]], [0, 0, 1]])
    small = transforms.from_parameters(parameters / size, model)
    change = transforms.normal(to_pixels @ small @ np.linalg.inv(to_pixels))
    residual = weighted_median(np.hypot(*left.T), mass)
    return Fit(change, np.linalg.inv(normal) * scale**2, residual)


def weighted_median(values: _Array, weights: _Array) -> float:
    """The value with half of the weight on either side; 0 where there is no weight."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    if not len(total) or not total[-1] > 0:
        return 0.0
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _descended(reference: Sequence[Level], frame: Sequence[Level], matrix: Matrix) -> Matrix:
    """A similarity found from the coarsest level down to the last but finest."""
    for place, level in enumerate(reversed(range(min(1, len(reference) - 1), len(reference)))):
        here, there = reference[level], frame[level]
        x, y = _factors(reference, level)
        local = transforms.rescaled(matrix, x, y)
        steps = _ITERATIONS[min(place, len(_ITERATIONS) - 1)]
        for step in range(steps):
            kind: Model = "translation" if place == 0 and step < steps // 2 else "similarity"
            change = fitted(compare(here, there, local), kind, here.grey.shape).change
            local = _composed(local, change)
            if transforms.largest_shift(change, *here.grey.shape) < 0.02:
                break
        matrix = transforms.rescaled(local, 1 / x, 1 / y)
    return matrix


def _settled(
    references: Sequence[Sequence[Level]], frame: Sequence[Level], matrix: Matrix, model: Model
) -> tuple[Matrix, Fit, BlockMatches]:
    """The transform of this kind on which the finest levels and all references agree.

    Its last, small change, and the blocks that asked for it, come back too.
    """
    shape = references[0][0].grey.shape
    for _ in range(8):
        blocks = _blocks(references, frame, matrix)
        fit = fitted(blocks, model, shape)
        matrix = _composed(matrix, fit.change)
        if transforms.largest_shift(fit.change, *shape) < _SETTLED:
            break
    return matrix, fit, blocks


def _composed(matrix: Matrix, change: Matrix) -> Matrix:
    product = matrix @ change
    # A fit to next to nothing can run away; what is not near the identity is no motion we know.
    is_sane = np.isfinite(product).all() and 0.25 < abs(np.linalg.det(product[:2, :2])) < 4
    return transforms.normal(product) if is_sane else matrix


def _needed(blocks: BlockMatches, shape: tuple[int, ...]) -> Model:
    """The simplest model that places the border where richer ones do, as far as those know."""
    similar, affine, free = (
        fitted(blocks, model, shape) for model in ("similarity", "affine", "homography")
    )
    if not _agree(affine, free, "homography", shape):
        return "homography"
    is_enough = _agree(similar, free, "homography", shape) and _agree(
        similar, affine, "affine", shape
    )
    return "similarity" if is_enough else "affine"


def _agree(fit: Fit, trial: Fit, richer: Model, shape: tuple[int, ...]) -> bool:
    moved = transforms.largest_shift(np.linalg.inv(fit.change) @ trial.change, *shape)
    return moved <= max(_RICHER, _RICHER_ERRORS * _error(trial, richer, shape))


def _error(fit: Fit, model: Model, shape: tuple[int, ...]) -> float:
    """Standard error of a fitted position, at the point of the border where it is largest."""
    centre, size = _frame_of(shape)
    model = "similarity" if model in ("identity", "translation") else model
    design = transforms.basis((transforms.border(*shape[:2]) - centre) / size, model)
    variance = np.einsum("kip,pq,kiq->k", design, fit.spread, design)
    return float(np.sqrt(max(0.0, variance.max())))


def _frame_of(shape: tuple[int, ...]) -> tuple[_Array, float]:
    """Centre of a picture and distance of its corners from there."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    return centre, max(1.0, float(np.hypot(*centre)))


def _factors(levels: Sequence[Level], level: int) -> tuple[float, float]:
    """How much smaller a level is than the finest, in x and y."""
    (height, width), (full_height, full_width) = levels[level].grey.shape, levels[0].grey.shape
    return width / full_width, height / full_height


def _blocks(
    references: Sequence[Sequence[Level]], frame: Sequence[Level], matrix: Matrix
) -> BlockMatches:
    """Blocks of the finest levels of all references, in pixels of the finest."""
    levels = range(min(_COMBINED, len(frame)))
    parts = [
        _compare_level(reference, frame, level, matrix)
        for reference in references
        for level in levels
    ]
    return BlockMatches(
        np.concatenate([part.centres for part in parts]),
        np.concatenate([part.moved for part in parts]),
        np.concatenate([part.information for part in parts]),
        np.concatenate([part.correlation for part in parts]),
        np.concatenate([part.detail for part in parts]),
    )


def _compare_level(
    reference: Sequence[Level], frame: Sequence[Level], level: int, matrix: Matrix
) -> BlockMatches:
    x, y = _factors(reference, level)
    blocks = compare(reference[level], frame[level], transforms.rescaled(matrix, x, y))
    factor = (x + y) / 2
    centres = (blocks.centres + 0.5) / [x, y] - 0.5
    return BlockMatches(
        centres,
        blocks.moved / factor,
        blocks.information * factor**2,
        blocks.correlation,
        blocks.detail,
    )


def compare(reference: Level, frame: Level, matrix: Matrix) -> BlockMatches:
    """Displacements left between a reference and a frame that is warped by the matrix."""
    shape = reference.grey.shape
    seen = warped(frame.grey, matrix, shape)
    both = coverage(frame.grey.shape, matrix, shape)
    if reference.known is not None:
        both *= reference.known > _KNOWN
    if frame.known is not None:
        both *= warped(frame.known, matrix, shape, cubic=False) > _KNOWN
    mean = (seen + reference.grey) * np.float32(0.5)
    across = cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32) * both
    down = cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32) * both
    seen *= both
    here = reference.grey * both
    change = here - seen
    rows, columns, window = _grid(shape)
    area = _BLOCK * _BLOCK

    def total(first: Grey, second: Grey) -> _Array:
        product = cv2.multiply(first[window], second[window])
        means = cv2.resize(product, (columns, rows), interpolation=cv2.INTER_AREA)
        return means.astype(np.float64).ravel() * area

    structure = np.empty((rows * columns, 2, 2))
    structure[:, 0, 0], structure[:, 1, 1] = total(across, across), total(down, down)
    structure[:, 0, 1] = structure[:, 1, 0] = total(across, down)
    slope = np.stack([total(across, change), total(down, change)], axis=1)
    # Keeps a block that shows edges of one direction from running along them.
    damping = 0.003 * np.trace(structure, axis1=1, axis2=2) + 1e-6
    moved = np.linalg.solve(structure + damping[:, None, None] * np.eye(2), slope[:, :, None])
    moved = moved[:, :, 0]
    squares = total(change, change)
    unexplained = np.maximum(squares - (moved * slope).sum(1), 1e-3 * squares) + 1e-6
    information = structure * (total(both, both) / unexplained)[:, None, None]
    moved *= np.minimum(1, _LONGEST / np.maximum(np.hypot(*moved.T), 1e-9))[:, None]
    energy = total(seen, seen), total(here, here)
    correlation = total(seen, here) / np.sqrt(energy[0] * energy[1] + 1e-6)
    return BlockMatches(
        _centres(shape), moved, information, correlation, np.minimum(*energy) / area
    )


def _grid(shape: tuple[int, ...]) -> tuple[int, int, tuple[slice, slice]]:
    """Rows and columns of blocks, and the middle of the picture that they cover."""
    rows, columns = shape[0] // _BLOCK, shape[1] // _BLOCK
    top, left = (shape[0] - rows * _BLOCK) // 2, (shape[1] - columns * _BLOCK) // 2
    return (
        rows,
        columns,
        (
            slice(top, top + rows * _BLOCK),
            slice(left, left + columns * _BLOCK),
        ),
    )


@functools.lru_cache(64)
def _centres(shape: tuple[int, int]) -> Points:
    rows, columns, (vertical, horizontal) = _grid(shape)
    y = vertical.start + (np.arange(rows) + 0.5) * _BLOCK - 0.5
    x = horizontal.start + (np.arange(columns) + 0.5) * _BLOCK - 0.5
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
