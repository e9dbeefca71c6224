"""Buffers: the same memory for the same name and shape, of each thread its own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hyperfocal.compute.buffers import Buffers, ThreadBuffers


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
    assert np.shares_memory(theirs, again)
    assert not np.shares_memory(theirs, mine)
    assert np.shares_memory(buffers("block", 2, 2), mine)


def test_a_thread_holds_no_more_than_the_largest_of_a_name():
    buffers = ThreadBuffers()
    largest = buffers("strip", 20, 30)
    for width in range(1, 30):
        assert buffers("strip", 20, width).shape == (20, width)
        assert np.shares_memory(buffers("strip", 20, width), largest)
    assert not np.shares_memory(buffers("weight", 20, 30), largest)
