"""Gains of frames, also of frames that show little but white."""

import numpy as np
import pytest
from scenes import as_type

import hyperfocal
from hyperfocal.alignment import exposure
from hyperfocal.alignment.exposure import Comparison
from tests.test_alignment import FAST, SHAPE, blurred_in_bands, natural


def test_cells_that_are_half_clipped_do_not_tell_the_gain():
    picture = np.clip(0.7 + 1.2 * (natural(*SHAPE, seed=4) - 0.5), 0.05, 1)
    bright = np.minimum(picture / 0.7, 1)
    assert 0.4 < (bright == 1).mean() < 0.6
    frames = [blurred_in_bands(each, at, 2) for at, each in enumerate((bright, picture))]
    told = hyperfocal.fuse(as_type(frames, np.uint16), method=FAST).report["alignment"]
    gains = np.array([frame["gain"] for frame in told["frames"]])
    assert gains[0] / gains[1] == pytest.approx([0.7] * 3, rel=0.06)


@pytest.mark.parametrize(("errors", "counts"), [(4.7, False), (5.3, True)])
def test_a_gain_counts_from_five_standard_errors_on(errors, counts):
    gain = np.array([1.06])
    comparison = Comparison(gain, np.log(gain) / errors)
    assert (exposure.matched([comparison, None], {}) is not None) is counts


def test_a_gain_counts_from_two_hundredths_on_and_up_to_eight():
    for gain, counts in ((1.018, False), (1.023, True), (0.978, True), (7.9, True), (8.1, False)):
        comparison = Comparison(np.array([gain]), np.array([1e-4]))
        assert (exposure.matched([comparison, None], {}) is not None) is counts, gain
