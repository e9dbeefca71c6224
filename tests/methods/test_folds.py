"""What a fold keeps of the frames that it has been given: nothing that grows with their number."""

import gc
import tracemalloc

import pytest
from scenes import texture

from hyperfocal import registry
from hyperfocal.methods import Folding, Selecting, TwoPassFold
from tests.extras import cases

SIZE = 40, 48, 3
METHODS = [*registry.names("methods"), "dense_fuse:mode=add"]


def traced():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("name", cases(METHODS))
def test_a_fold_holds_no_frames(name):
    method = registry.make("methods", "sr:step=4,tolerance=60" if name == "sr" else name)
    if isinstance(method, Selecting):
        assert not isinstance(method, Folding)
        return
    fold = method.fold(*SIZE)
    frames = [texture(*SIZE[:2], seed=seed) for seed in range(5)]
    passes = [fold.observe] if isinstance(fold, TwoPassFold) else []
    for take in [*passes, fold.add]:
        take(frames[0].copy())
        growths = []
        tracemalloc.start()
        try:
            for _ in range(4):
                before = traced()
                for frame in frames:
                    take(frame.copy())
                growths.append(traced() - before)
        finally:
            tracemalloc.stop()
        # Now and then another thread makes its buffers, but five more frames cost nothing, not
        # even one channel of one of them.
        assert min(growths) < frames[0].nbytes / 3
