"""First guesses at a large motion, for frames that do not match where they lie.

Phase correlation finds a shift of any size; features find a rotation and a scale too. Kuglin and
Hines, 1975; Lowe, 2004 (SIFT); Fischler and Bolles, 1981 (RANSAC).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from hyperfocal.alignment.motion_estimation import Pyramid
from hyperfocal.alignment.transforms import Matrix, normal, rescaled
from hyperfocal.frame import Grey

_FEATURES = 1500
_FEWEST = 8  # matches that must agree


def candidates(reference: Pyramid, frame: Pyramid) -> Iterator[Matrix]:
    """Guesses in pixels of the finest level, the cheapest first."""
    level = min(1, len(reference) - 1)
    first, second = reference[level].grey, frame[level].grey
    y, x = (full / small for full, small in zip(reference[0].grey.shape, first.shape, strict=True))
    for guess in (_shift(first, second), _similarity(first, second)):
        if guess is not None:
            yield rescaled(guess, x, y)


def _shift(first: Grey, second: Grey) -> Matrix:
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(first, second, window)
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def _similarity(first: Grey, second: Grey) -> Matrix | None:
    sift = cv2.SIFT.create(_FEATURES)
    found = [sift.detectAndCompute(_as_bytes(grey), None) for grey in (first, second)]
    if any(descriptors is None for _, descriptors in found):
        return None
    (here, described_here), (there, described_there) = found
    pairs = cv2.BFMatcher(crossCheck=True).match(described_here, described_there)
    if len(pairs) < _FEWEST:
        return None
    start = np.array([here[pair.queryIdx].pt for pair in pairs])
    end = np.array([there[pair.trainIdx].pt for pair in pairs])
    matrix, agree = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=2.0)
    if matrix is None or agree.sum() < _FEWEST:
        return None
    return normal(np.vstack([matrix, [0, 0, 1]]))


def _as_bytes(grey: Grey) -> cv2.typing.MatLike:
    return np.clip(grey * 40 + 128, 0, 255).astype(np.uint8)
