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
from typing import Any, TypeAlias, overload

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
_SETTLED = 0.06  # px; a smaller change is the last, because the next is smaller by far
_RICHER = 0.3  # px and
_RICHER_ERRORS = 8  # standard errors by which a richer model must place the border elsewhere
_SIMPLER = 0.05  # px or
_SIMPLER_ERRORS = 2  # standard errors by which a simpler model may place it elsewhere
_NEAR = 0.1  # px; the same on the way down
_STRIP = 200_000  # px that are compared at once
_FEWEST_BLOCKS = 20  # that tell whether two pictures show the same
_KNOWN = 0.99  # from which there are data
_UNTOLD = 0.003  # of trust; a block below has no say
_SAME = 1e-3  # px; rounds of weighting that change less have come to their end
_LOOKS = 8  # at most, at the finest levels
_LARGE = 4e5  # px; the finest level of a larger picture takes part only if
_CLEARLY = 0.05  # of a motion; a smaller standard error leaves no doubt that there is one
_CLOSE = 0.3  # px, within which it is seen which model is needed
_ITERATIONS = (12, 8, 6)  # at the coarsest level, the next, and all others

_Array: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Level:
    """A picture at one size, with a contrast of about 1 wherever there is any detail."""

    grey: Grey
    known: Grey | None  # 1 where there are data, less elsewhere; None: everywhere

    @functools.cached_property
    def slopes(self) -> tuple[Grey, Grey]:
        """Half of the derivatives along x and y."""
        return _half_slopes(self.grey)


class Pyramid(Sequence[Level]):
    """A picture at all sizes, from fine to coarse; each is made ready when it is first needed."""

    def __init__(self, preview: Grey, known: Grey | None):
        self._pictures, noise = [(preview, known, _NOISE)], _NOISE
        while min(preview.shape) >= 2 * _SMALLEST:
            size = (preview.shape[1] // 2, preview.shape[0] // 2)
            preview = cv2.resize(
                cv2.GaussianBlur(preview, (0, 0), 0.7), size, interpolation=cv2.INTER_AREA
            )
            if known is not None:
                known = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
            noise /= 1.5  # the mean of four pixels is less noisy, of neighbours not by half
            self._pictures.append((preview, known, noise))
        self._levels: dict[int, Level] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    @overload
    def __getitem__(self, place: int) -> Level: ...
    @overload
    def __getitem__(self, place: slice) -> list[Level]: ...
    def __getitem__(self, place: int | slice) -> Level | list[Level]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        if place not in self._levels:
            preview, known, noise = self._pictures[place]
            self._levels[place] = Level(contrast_normalised(preview, noise), known)
        return self._levels[place]

    def shape(self, place: int) -> tuple[int, int]:
        """Height and width of a level."""
        height, width = self._pictures[place][0].shape
        return height, width


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


def pyramid(preview: Grey, known: Grey | None = None) -> Pyramid:
    """A preview on 0…1 at all sizes, from fine to coarse, ready to be matched."""
    return Pyramid(preview, known)


def contrast_normalised(grey: Grey, noise: float = _NOISE) -> Grey:
    """Equal contrast everywhere: the deviation from the local mean over its local spread."""
    detail = cv2.GaussianBlur(grey, (0, 0), 0.8)
    mean = _mean(detail)
    cv2.subtract(detail, mean, dst=detail)
    spread = _mean(cv2.multiply(detail, detail, dst=mean))
    cv2.sqrt(cv2.add(spread, noise * noise, dst=spread), dst=spread)
    normalised: Grey = cv2.divide(detail, spread, dst=detail)
    return normalised


def _mean(grey: Grey) -> Grey:
    # Two boxes weigh about as a Gaussian does.
    box = np.ones(_WINDOW, np.float32) / _WINDOW
    twice = np.convolve(box, box)
    return cv2.sepFilter2D(grey, -1, twice, twice)


def is_flat(levels: Pyramid) -> bool:
    """Whether a picture shows too little to be matched."""
    # From the coarsest on, because most pictures show something there.
    return all(float(np.mean(level.grey * level.grey)) < 0.05 for level in reversed(levels))


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
    references: Sequence[Pyramid],
    frame: Pyramid,
    start: Matrix,
    *,
    from_coarse: bool = True,
    enough: float = 0.0,
) -> Motion:
    """The motion from pictures of the reference's geometry to a frame, searched around `start`.

    The simplest model is taken that explains what the blocks say. The finest level of a large
    picture is left out where the standard error without it is `enough` (px), or where the motion
    is so large that nothing hangs on it.
    """
    shape = references[0].shape(0)
    if from_coarse:
        matrix = _descended(references[0], frame, start)
    else:
        # What neighbours needed to fit need not be needed here.
        matrix = transforms.simplified(start, shape[0], shape[1], _RICHER)[1]
    finest = 1 if _is_large(references[0]) else 0
    matrix, model, fit = _settled(references, frame, matrix, "similarity", finest)
    error = _error(fit, model, shape)
    if finest and error > min(enough, _CLEARLY * transforms.largest_shift(matrix, *shape)):
        matrix, model, fit = _settled(references, frame, matrix, model, 0)
        error = _error(fit, model, shape)
    model, matrix = transforms.simplified(
        matrix, shape[0], shape[1], max(_SIMPLER, _SIMPLER_ERRORS * error)
    )
    return Motion(matrix, model, fit.residual, error, confidence(references[0], frame, matrix))


def confidence(reference: Pyramid, frame: Pyramid, matrix: Matrix) -> float:
    """Correlation of what both pictures show, at a size where defocus does not matter much."""
    level = min(_COMBINED, len(reference)) - 1
    # A few blocks are alike by chance.
    while level and _Grid(reference.shape(level)).count < _FEWEST_BLOCKS:
        level -= 1
    blocks = _compare_level([reference], frame, level, matrix)[0]
    detail = blocks.detail.sum()
    return max(0.0, float(blocks.detail @ blocks.correlation / detail)) if detail > 0 else 0.0


def fitted(blocks: BlockMatches, model: Model, shape: tuple[int, ...], rounds: int = 6) -> Fit:
    """The transform of this kind that explains the displacements best, by robust weights."""
    centre, size = _frame_of(shape)
    trust = np.clip(blocks.correlation, 0, 1) ** 2
    told = np.flatnonzero(trust > _UNTOLD)  # others have next to no say
    if not len(told):
        told = np.arange(len(trust))
    trust, moved, information = trust[told], blocks.moved[told], blocks.information[told]
    design = transforms.basis((blocks.centres[told] - centre) / size, model)
    # Whitened, each displacement is two equations whose errors are alike.
    root = _root(information)
    equations = np.concatenate(
        [root[0] * design[:, 0] + root[1] * design[:, 1], root[2] * design[:, 1]]
    )
    wanted = np.concatenate(
        [root[0, :, 0] * moved[:, 0] + root[1, :, 0] * moved[:, 1], root[2, :, 0] * moved[:, 1]]
    )
    weights, scale, parameters = trust, 1.0, np.full(design.shape[2], np.inf)
    for _ in range(rounds):
        weighted = equations * np.concatenate([weights, weights])[:, None]
        normal, right = equations.T @ weighted, wanted @ weighted
        normal += (1e-6 * np.trace(normal) + 1e-9) * np.eye(len(right))
        before, parameters = parameters, np.linalg.solve(normal, right)
        x, y = (wanted - equations @ parameters).reshape(2, -1)
        distance = np.sqrt(x * x + y * y)
        seen = distance[weights > 0.01]
        # The median of a Rayleigh distribution is 1.18 times its parameter.
        scale = float(np.median(seen)) / 1.18 + 1e-6 if len(seen) else 1.0
        # Geman and McClure: blocks that disagree with the rest lose nearly all say.
        weights = trust / (1 + (distance / (2.5 * scale)) ** 2) ** 2
        if np.abs(parameters - before).max(initial=0) < _SAME:
            break
    mass = weights * (information[:, 0, 0] + information[:, 1, 1])
    left = moved - design @ parameters
    to_pixels = np.array([[size, 0, centre[0]], [0, size, centre[1]], [0, 0, 1]])
    small = transforms.from_parameters(parameters / size, model)
    change = transforms.normal(to_pixels @ small @ np.linalg.inv(to_pixels))
    residual = weighted_median(np.hypot(*left.T), mass)
    return Fit(change, np.linalg.inv(normal) * scale**2, residual)


def _root(information: _Array) -> _Array:
    """(3, count, 1): the upper triangle whose square is each block's information (Cholesky)."""
    first = np.sqrt(np.maximum(information[:, 0, 0], 0))
    second = information[:, 0, 1] / np.maximum(first, 1e-30)
    third = np.sqrt(np.maximum(information[:, 1, 1] - second**2, 0))
    return np.stack([first, second, third])[:, :, None]


def weighted_median(values: _Array, weights: _Array) -> float:
    """The value with half of the weight on either side; 0 where there is no weight."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    if not len(total) or not total[-1] > 0:
        return 0.0
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _descended(reference: Pyramid, frame: Pyramid, matrix: Matrix) -> Matrix:
    """A similarity found from the coarsest level down to the last but finest."""
    finest = min(2 if _is_large(reference) else 1, len(reference) - 1)
    for place, level in enumerate(reversed(range(finest, len(reference)))):
        here, there = reference[level], frame[level]
        x, y = _factors(reference, level)
        local = transforms.rescaled(matrix, x, y)
        steps = _ITERATIONS[min(place, len(_ITERATIONS) - 1)]
        for step in range(steps):
            kind: Model = "translation" if place == 0 and step < steps // 2 else "similarity"
            change = fitted(compare(here, there, local), kind, here.grey.shape).change
            local = _composed(local, change)
            if transforms.largest_shift(change, *here.grey.shape) < _NEAR:
                break
        matrix = transforms.rescaled(local, 1 / x, 1 / y)
    return matrix


def _settled(
    references: Sequence[Pyramid],
    frame: Pyramid,
    matrix: Matrix,
    model: Model,
    finest: int,
) -> tuple[Matrix, Model, Fit]:
    """The transform on which levels from the finest on and all references agree.

    Of this model, or of a richer one that is needed; its last, small change comes back too.
    """
    shape = references[0].shape(0)
    is_chosen = False
    for _ in range(_LOOKS):
        blocks = _blocks(references, frame, matrix, finest)
        fit = fitted(blocks, model, shape)
        # Far from its place a frame seems to be bent.
        if not is_chosen and transforms.largest_shift(fit.change, *shape) < _CLOSE:
            is_chosen = True
            needed = _needed(blocks, shape)
            if transforms.MODELS.index(needed) > transforms.MODELS.index(model):
                model, fit = needed, fitted(blocks, needed, shape)
        matrix = _composed(matrix, fit.change)
        if is_chosen and transforms.largest_shift(fit.change, *shape) < _SETTLED:
            break
    return matrix, model, fit


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


def _is_large(levels: Pyramid) -> bool:
    """Whether its finest level costs much."""
    height, width = levels.shape(0)
    return len(levels) > 2 and height * width > _LARGE


def _factors(levels: Pyramid, level: int) -> tuple[float, float]:
    """How much smaller a level is than the finest, in x and y."""
    (height, width), (full_height, full_width) = levels.shape(level), levels.shape(0)
    return width / full_width, height / full_height


def _blocks(
    references: Sequence[Pyramid], frame: Pyramid, matrix: Matrix, finest: int
) -> BlockMatches:
    """Blocks of a few levels of all references, in pixels of the finest of all."""
    levels = range(finest, min(finest + _COMBINED, len(frame)))
    parts = [part for level in levels for part in _compare_level(references, frame, level, matrix)]
    return BlockMatches(
        np.concatenate([part.centres for part in parts]),
        np.concatenate([part.moved for part in parts]),
        np.concatenate([part.information for part in parts]),
        np.concatenate([part.correlation for part in parts]),
        np.concatenate([part.detail for part in parts]),
    )


def _compare_level(
    references: Sequence[Pyramid], frame: Pyramid, level: int, matrix: Matrix
) -> list[BlockMatches]:
    """Blocks of one level of each reference, in pixels of the finest."""
    x, y = _factors(references[0], level)
    factor = (x + y) / 2
    local = transforms.rescaled(matrix, x, y)
    found = []
    for blocks in _compared([reference[level] for reference in references], frame[level], local):
        centres = (blocks.centres + 0.5) / [x, y] - 0.5
        moved, information = blocks.moved / factor, blocks.information * factor**2
        found.append(BlockMatches(centres, moved, information, blocks.correlation, blocks.detail))
    return found


def compare(reference: Level, frame: Level, matrix: Matrix) -> BlockMatches:
    """Displacements left between a reference and a frame that is warped by the matrix."""
    return _compared([reference], frame, matrix)[0]


def _compared(references: Sequence[Level], frame: Level, matrix: Matrix) -> list[BlockMatches]:
    """The same for pictures of one geometry, for which the frame is warped once."""
    grid = _Grid(references[0].grey.shape)
    sums = [np.empty((9, grid.rows, grid.columns)) for _ in references]
    # A strip of everything that is compared stays in the processor's cache.
    for top in range(0, grid.rows, grid.rows_of_strip):
        strip = _Strip(frame, matrix, grid, range(top, min(grid.rows, top + grid.rows_of_strip)))
        for found, reference in zip(sums, references, strict=True):
            found[:, top : top + grid.rows_of_strip] = strip.sums(reference)
    return [_matches(found.reshape(9, -1), grid.centres) for found in sums]


def _matches(sums: _Array, centres: Points) -> BlockMatches:
    """What blocks say, from sums of products of what both pictures show in them."""
    a, b, d, x, y, squares, seen, here, count = sums
    # Keeps a block that shows edges of one direction from running along them.
    damping = 0.003 * (a + d) + 1e-6
    first, last = a + damping, d + damping
    moved = np.stack([last * x - b * y, first * y - b * x]) / (first * last - b * b)
    unexplained = np.maximum(squares - (moved[0] * x + moved[1] * y), 1e-3 * squares) + 1e-6
    information = np.array([[a, b], [b, d]]) * (count / unexplained)
    moved *= np.minimum(1, _LONGEST / np.maximum(np.hypot(*moved), 1e-9))
    # Of products of both, from the square of their difference.
    correlation = (seen + here - squares) / 2 / np.sqrt(seen * here + 1e-6)
    detail = np.minimum(seen, here) / (_BLOCK * _BLOCK)
    return BlockMatches(centres, moved.T, information.transpose(2, 0, 1), correlation, detail)


class _Grid:
    """Blocks side by side in the middle of a picture."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.rows, self.columns = shape[0] // _BLOCK, shape[1] // _BLOCK
        self.top = (shape[0] - self.rows * _BLOCK) // 2
        self.left = (shape[1] - self.columns * _BLOCK) // 2
        self.rows_of_strip = max(1, _STRIP // (self.columns * _BLOCK * _BLOCK))

    @property
    def count(self) -> int:
        return self.rows * self.columns

    @functools.cached_property
    def centres(self) -> Points:
        """(count, 2): x and y of the middle of each block."""
        y = self.top + (np.arange(self.rows) + 0.5) * _BLOCK - 0.5
        x = self.left + (np.arange(self.columns) + 0.5) * _BLOCK - 0.5
        return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


class _Strip:
    """A few rows of blocks of a frame as a matrix shows them."""

    def __init__(self, frame: Level, matrix: Matrix, grid: _Grid, blocks: range):
        top, bottom = (grid.top + row * _BLOCK for row in (blocks.start, blocks.stop))
        # Slopes look at the rows above and below.
        above, below = min(1, top), min(1, grid.shape[0] - bottom)
        shape = bottom - top + above + below, grid.shape[1]
        down = matrix @ np.array([[1, 0, 0], [0, 1, top - above], [0, 0, 1.0]])
        grey = warped(frame.grey, down, shape)
        inner = slice(above, shape[0] - below)
        columns = slice(grid.left, grid.left + grid.columns * _BLOCK)
        self._blocks = len(blocks), _BLOCK, grid.columns, _BLOCK
        self._window = slice(top, bottom), columns
        self._grey = grey[inner, columns]
        self._slopes = [slope[inner, columns] for slope in _half_slopes(grey)]
        known = coverage(frame.grey.shape, down, shape)
        if frame.known is not None:
            known *= warped(frame.known, down, shape, cubic=False) > _KNOWN
        self._known = known[inner, columns]

    def sums(self, reference: Level) -> _Array:
        """(9, rows, columns): sums of products over each block of what both show."""
        both = self._known
        if reference.known is not None:
            both = both * (reference.known[self._window] > _KNOWN)
        seen, here = self._grey * both, reference.grey[self._window] * both
        # Slopes of the mean of both.
        across, down = (
            cv2.multiply(cv2.add(one, other[self._window]), both)
            for one, other in zip(self._slopes, reference.slopes, strict=True)
        )
        change = here - seen
        products = [
            (across, across),
            (across, down),
            (down, down),
            (across, change),
            (down, change),
            (change, change),
            (seen, seen),
            (here, here),
            (both, both),
        ]
        return np.stack([self._total(*product) for product in products])

    def _total(self, first: Grey, second: Grey) -> _Array:
        one, other = first.reshape(self._blocks), second.reshape(self._blocks)
        return np.einsum("rycx,rycx->rc", one, other)


def _half_slopes(grey: Grey) -> tuple[Grey, Grey]:
    """Half of the derivatives along x and y."""
    return (
        cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 64),
        cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 64),
    )
