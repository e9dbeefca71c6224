"""What a fold keeps of the frames that it has been given: nothing that grows with their number."""

import gc
import tracemalloc

import pytest
from scenes import texture

from hyperfocal import registry
from hyperfocal.methods import Folding, TwoPassFold

SIZE = 40, 48, 3
METHODS = {
    name: registry.make("methods", "sr:step=4,tolerance=60" if name == "sr" else name)
    for name in registry.names("methods")
}
METHODS["dense_fuse:mode=add"] = registry.make("methods", "dense_fuse:mode=add")
FOLDING = [name for name, method in METHODS.items() if isinstance(method, Folding)]


def traced():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("name", FOLDING)
def test_a_fold_holds_no_frames(name):
    fold = METHODS[name].fold(*SIZE)
    frames = [texture(*SIZE[:2], seed=seed) for seed in range(12)]
    passes = [fold.observe] if isinstance(fold, TwoPassFold) else []
    for take in [*passes, fold.add]:
        for frame in frames[:3]:  # until all buffers are there
            take(frame.copy())
        tracemalloc.start()
        try:
            before = traced()
            for frame in frames[3:]:
                take(frame.copy())
            grown = traced() - before
        finally:
            tracemalloc.stop()
        # Nine more frames, of which not even one may be left, whole or as one of its channels.
        assert grown < frames[0].nbytes / 3
