"""Nonlinear correlation information entropy Q_NCIE: what sources and fused picture have in common.

Q. Wang, Y. Shen, J. Jin: Performance evaluation of image fusion techniques, chapter 19 of Image
Fusion: Algorithms and Applications, 2008. Each picture is stretched to 256 whole levels first, so
that the value does not depend on the value range. All values crowd between about 0.8 and 0.9.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._grey import Grey, Plane, checked
from hyperfocal.metrics._histograms import entropies, entropy, joint
from hyperfocal.metrics._stretched import stretched

BEST: float | None = None
HIGHER_IS_BETTER = True

_BITS = 8  # the logarithms are to the base of 256 levels


def qncie(fused: Grey, sources: Sequence[Grey]) -> float:
    """1 + Σ (λ/K) log₂₅₆(λ/K); 0…1, higher is better. Any number of sources.

    λ are the eigenvalues of the K × K matrix of nonlinear correlations between the K - 1
    sources and the fused picture: (H₁ + H₂ - H_joint) / 8 bits, and 1 on the diagonal.
    """
    plane, planes = stretched(*checked(fused, sources))
    pictures = [*planes, plane]
    size = len(pictures)
    matrix = np.eye(size)
    for row in range(size):
        for column in range(row):
            matrix[row, column] = _correlation(pictures[row], pictures[column])
    # eigvalsh reads the lower triangle alone.
    parts = np.clip(np.linalg.eigvalsh(matrix), 0, None) / size
    return 1 - entropy(parts) / _BITS


def _correlation(one: Plane, other: Plane) -> float:
    of_one, of_other, of_both = entropies(joint(one, other))
    return (of_one + of_other - of_both) / _BITS
