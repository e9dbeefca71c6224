"""Buffers: the same memory for the same name and shape, of each thread its own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hyperfocal.buffers import Buffers, ThreadBuffers


def test_a_name_and_shape_stand_for_the_same_memory():
    buffers = Buffers()
    first = buffers("grey", 3, 4)
    assert first.shape == (3, 4)
    assert first.dtype == np.float32
    assert buffers("grey", 3, 4) is first
    assert buffers("grey", 4, 3) is not first
    assert buffers("luma", 3, 4) is not first
    buffers.clear()
    assert buffers("grey", 3, 4) is not first


def test_threads_do_not_share():
    buffers = ThreadBuffers()
    mine = buffers("block", 2, 2)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(buffers, "block", 2, 2).result()
        again = pool.submit(buffers, "block", 2, 2).result()
    assert theirs is again
    assert theirs is not mine
    assert buffers("block", 2, 2) is mine
