"""Transforms of the plane: 3 × 3 matrices that take (x, y) of one picture to another.

Coordinates count from the centre of the top left pixel. A frame's matrix is `reference_to_frame`:
it says where in the frame a pixel of the reference lies, which is what resampling asks for.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]  # (3, 3)
Points: TypeAlias = NDArray[np.float64]  # (count, 2), x and y
Model: TypeAlias = Literal["identity", "translation", "similarity", "affine", "homography"]

IDENTITY: Matrix = np.eye(3)
MODELS: tuple[Model, ...] = ("translation", "similarity", "affine", "homography")
PARAMETER_COUNT: dict[Model, int] = {
    "identity": 0,
    "translation": 2,
    "similarity": 4,
    "affine": 6,
    "homography": 8,
}


def mapped(matrix: Matrix, points: Points) -> Points:
    """Where the points go; those at infinity become NaN."""
    x, y, w = matrix @ np.vstack([points.T, np.ones(len(points))])
    w = np.where(np.abs(w) < 1e-9, np.nan, w)
    return np.stack([x / w, y / w], axis=1)


def border(height: int, width: int, per_side: int = 3) -> Points:
    """Corners and points between them along the border of a picture, and its centre."""
    along = np.linspace(0, 1, per_side)
    grid = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    on_border = (grid == 0).any(1) | (grid == 1).any(1)
    points = np.vstack([grid[on_border], [[0.5, 0.5]]])
    return points * [width - 1, height - 1]


def largest_shift(matrix: Matrix, height: int, width: int) -> float:
    """How far the matrix moves a corner or the middle of a side at most, in pixels."""
    points = border(height, width)
    moved = mapped(matrix, points) - points
    return float(np.nan_to_num(np.hypot(*moved.T), nan=math.inf).max())


def rescaled(matrix: Matrix, x_factor: float, y_factor: float) -> Matrix:
    """The same motion for a picture that is enlarged by these factors."""
    enlarge = np.array(
        [
            [x_factor, 0, (x_factor - 1) / 2],
            [0, y_factor, (y_factor - 1) / 2],
            [0, 0, 1],
        ]
    )
    return normal(enlarge @ matrix @ np.linalg.inv(enlarge))


def normal(matrix: NDArray[np.floating[Any]]) -> Matrix:
    """The same transform with 1 in its last place."""
    scaled: Matrix = matrix / matrix[2, 2]
    return scaled


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    return normal(np.linalg.inv(matrix))


def shift_of(matrix: Matrix, height: int, width: int) -> tuple[float, float]:
    """How far the centre of the picture moves: x and y, in pixels."""
    centre = np.array([[(width - 1) / 2, (height - 1) / 2]])
    x, y = (mapped(matrix, centre) - centre)[0]
    return float(x), float(y)


def _linear(matrix: Matrix, height: int, width: int) -> NDArray[np.float64]:
    """The derivative at the centre of the picture, (2, 2)."""
    x, y, w = matrix @ [(width - 1) / 2, (height - 1) / 2, 1.0]
    return (matrix[:2, :2] - np.outer([x / w, y / w], matrix[2, :2])) / w


def rotation_of(matrix: Matrix, height: int, width: int) -> float:
    """Rotation at the centre of the picture in degrees, clockwise as rows count downwards."""
    (a, b), (c, d) = _linear(matrix, height, width)
    return math.degrees(math.atan2(c - b, a + d))


def scale_of(matrix: Matrix, height: int, width: int) -> float:
    """Enlargement at the centre of the picture; 0 for a transform that flattens or mirrors it."""
    determinant = float(np.linalg.det(_linear(matrix, height, width)))
    return math.sqrt(max(0.0, determinant))


def basis(points: Points, model: Model) -> NDArray[np.float64]:
    """Displacements (count, 2, parameters) that small parameters of a model give at points.

    `points` should lie around 0 with a size near 1, so that the parameters compare.
    """
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    columns = {
        "identity": [],
        "translation": [(one, zero), (zero, one)],
        "similarity": [(one, zero), (zero, one), (x, y), (-y, x)],
        "affine": [(one, zero), (zero, one), (x, zero), (zero, x), (y, zero), (zero, y)],
    }
    columns["homography"] = [*columns["affine"], (x * x, x * y), (x * y, y * y)]
    chosen = columns[model]
    if not chosen:
        return np.zeros((len(points), 2, 0))
    return np.stack([np.stack(column, axis=-1) for column in chosen], axis=-1)


def from_parameters(parameters: NDArray[np.floating[Any]], model: Model) -> Matrix:
    """The matrix whose displacements `basis` describes, exact for small parameters."""
    p = list(parameters)
    if model == "identity":
        return IDENTITY.copy()
    if model == "translation":
        p += [0.0] * 4
    elif model == "similarity":
        p = [p[0], p[1], p[2], p[3], -p[3], p[2]]
    p += [0.0] * (8 - len(p))
    return np.array([[1 + p[2], p[4], p[0]], [p[3], 1 + p[5], p[1]], [-p[6], -p[7], 1]])


def simplified(matrix: Matrix, height: int, width: int, tolerance: float) -> tuple[Model, Matrix]:
    """The simplest transform that moves the border as the matrix does, within so many pixels."""
    if largest_shift(matrix, height, width) < tolerance:
        return "identity", IDENTITY.copy()
    points = border(height, width)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    moved = mapped(matrix, points) - points
    if not np.isfinite(moved).all():
        return "homography", matrix
    to_centre = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])
    for model in MODELS[:-1]:
        design = basis(points - centre, model)
        solution = np.linalg.lstsq(design.reshape(-1, design.shape[2]), moved.ravel(), rcond=None)
        change = inverse(to_centre) @ from_parameters(solution[0], model) @ to_centre
        if np.hypot(*(mapped(change, points) - points - moved).T).max() < tolerance:
            return model, normal(change)
    return "homography", matrix
