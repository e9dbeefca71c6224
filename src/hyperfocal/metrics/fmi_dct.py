"""Feature mutual information FMI of cosine transforms.

Haghighat, Razian: Fast-FMI: non-reference image fusion metric, AICT, 2014. The windows slide over
the transform of the whole picture. Does not depend on the value range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperfocal.metrics._feature_information import information
from hyperfocal.metrics._grey import Grey, Plane, checked

BEST: float | None = 1.0
HIGHER_IS_BETTER = True


def fmi_dct(fused: Grey, sources: Sequence[Grey]) -> float:
    """Mean over windows and sources of 2 I / (H + Hᵢ); 0…1, higher is better.

    Any number of sources.
    """
    plane, planes = checked(fused, sources, smallest=3)
    features = _cosine_transform(plane)
    return float(np.mean([information(_cosine_transform(source), features) for source in planes]))


def _cosine_transform(picture: Plane) -> Plane:
    return _along_columns(_along_columns(picture).T).T


def _along_columns(picture: Plane) -> Plane:
    """Orthonormal DCT-II of each column: the FFT of its even rows and, reversed, its odd ones."""
    size = len(picture)
    spectrum = np.fft.fft(np.concatenate([picture[::2], picture[1::2][::-1]]), axis=0)
    turn = np.exp(-0.5j * np.pi * np.arange(size) / size) * np.sqrt(2 / size)
    turn[0] = np.sqrt(1 / size)
    transform: Plane = (spectrum * turn[:, None]).real
    return transform
