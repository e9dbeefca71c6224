"""Ratio of spatial frequency error Q_SF: is the fused picture as rich in detail as its sources.

Y. Zheng, Essock, Hansen, Haun: A new metric based on extended spatial frequency and its
application to DWT based fusion algorithms, Information Fusion, 2007. Follows the evaluation
toolbox behind the published tables (Liu et al., IEEE TPAMI, 2012). Does not depend on the value
range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.errors import StackError
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 0.0
HIGHER_IS_BETTER = True  # up to 0: detail beyond that of the sources is an artefact

_DIAGONAL_WEIGHT = 2**-0.5  # the neighbour lies √2 px away


def qsf(fused: Grey, sources: Sequence[Grey]) -> float:
    """(SF - SF_reference) / SF_reference; above -1, nearer to 0 is better.

    SF² sums the mean squared differences to the neighbours in a row, a column and both
    diagonals, these at weight 1/√2. The reference takes the source that differs most, pixel by
    pixel and direction by direction. Below 0 detail is lost, above it noise or artefacts were
    added. Any number of sources.
    """
    plane, planes = checked(fused, sources)
    reference = _frequency(planes)
    if reference == 0:
        raise StackError("Q_SF is not defined for sources without any detail; leave flat ones out")
    return _frequency([plane]) / reference - 1


def _frequency(pictures: Sequence[Plane]) -> float:
    """Square root of the summed energies; of several pictures the largest difference counts."""
    energies = np.zeros(4)
    for direction, differences in enumerate(zip(*map(_differences, pictures), strict=True)):
        energies[direction] = np.sum(np.max(np.square(differences), axis=0))
    energies[2:] *= _DIAGONAL_WEIGHT
    return float(np.sqrt(energies.sum() / pictures[0].size))


def _differences(picture: Plane) -> tuple[Plane, ...]:
    return (
        picture[:, 1:] - picture[:, :-1],
        picture[1:] - picture[:-1],
        picture[1:, 1:] - picture[:-1, :-1],
        picture[1:, :-1] - picture[:-1, 1:],
    )
