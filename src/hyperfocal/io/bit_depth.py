"""Samples of odd depths, 10 or 12 bits, on the range of the type that holds them."""

from __future__ import annotations

import numpy as np

from hyperfocal.frame import Samples


def stretched(samples: Samples, bits: int) -> Samples:
    """Samples of so many bits on the whole range of their type, rounded.

    >>> stretched(np.array([0, 512, 1023], np.uint16), 10).tolist()
    [0, 32800, 65535]
    """
    peak, held = np.iinfo(samples.dtype).max, 2**bits - 1
    if held == peak:
        return samples
    table = (np.arange(held + 1, dtype=np.uint64) * peak * 2 + held) // (2 * held)
    return table.astype(samples.dtype)[np.minimum(samples, held)]
