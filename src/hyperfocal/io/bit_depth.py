"""Samples of odd depths, 10 or 12 bits, on the range of the type that holds them."""

from __future__ import annotations

import numpy as np

from hyperfocal.frame import Samples


def stretched(samples: Samples, bits: int) -> Samples:
    """Samples of so many bits on the whole range of their type, rounded.

    >>> stretched(np.array([0, 512, 1023], np.uint16), 10).tolist()
    [0, 32800, 65535]
    """
    return filled(samples, 2**bits - 1)


def filled(samples: Samples, held: int) -> Samples:
    """Samples up to this value on the whole range of their type, rounded.

    >>> filled(np.array([0, 50, 100], np.uint8), 100).tolist()
    [0, 128, 255]
    """
    peak = np.iinfo(samples.dtype).max
    if held == peak:
        return samples
    table = (np.arange(held + 1, dtype=np.uint64) * peak * 2 + held) // (2 * held)
    return table.astype(samples.dtype)[np.minimum(samples, held)]
