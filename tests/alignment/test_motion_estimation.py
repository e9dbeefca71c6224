"""What blocks of two pictures say of the motion between them."""

import numpy as np

from hyperfocal.alignment import motion_estimation
from hyperfocal.alignment.motion_estimation import Level
from tests.alignment.test_resampling import shift
from tests.test_alignment import natural


def test_a_block_without_data_of_the_reference_says_nothing():
    reference, frame = (
        motion_estimation.contrast_normalised(natural(120, 240, seed=1)[:, :, 0].copy())
        for _ in range(2)
    )
    known = np.ones(reference.shape, np.float32)
    known[:, :120] = 0
    reference[:, :120] = np.random.default_rng(0).normal(size=(120, 120))  # what lay there before
    blocks = motion_estimation.compare(Level(reference, known), Level(frame, None), shift(0, 0))
    left = blocks.centres[:, 0] < 120 - 12
    right = blocks.centres[:, 0] > 120 + 12
    assert np.abs(blocks.information[left]).max() < 1e-9
    assert (blocks.detail[left] == 0).all()
    # The edge where the data begin is no edge of the picture.
    assert np.abs(blocks.moved[right]).max() < 0.01
    assert (np.trace(blocks.information[right], axis1=1, axis2=2) > 100).all()
