"""Which frames are moved and which are left where they lie."""

import numpy as np
from scenes import as_type

import hyperfocal
from tests.test_alignment import FAST, blurred_in_bands, natural


def test_one_frame_that_was_knocked_is_placed_among_frames_that_lie_still():
    wide = natural(220, 320, seed=3)
    frames = []
    for number in range(5):
        across, down = (5, 3) if number == 4 else (0, 0)
        cut = wide[10 + down : 210 + down, 10 + across : 310 + across]
        frames.append(blurred_in_bands(cut, number, 5))
    report = hyperfocal.fuse(as_type(frames, np.uint8), method=FAST).report["alignment"]
    assert not report["untouched"]
    shifts = np.array([frame["shift_px"] for frame in report["frames"]])
    assert np.abs(shifts[4] - [-5, -3]).max() < 0.15
    assert np.abs(shifts[:4]).max() < 0.15
