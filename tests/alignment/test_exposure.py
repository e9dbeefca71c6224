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


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("method", ["prism", "select", "lp"])
def test_a_black_frame_is_left_out_and_named(at, method):
    wide = natural(160, 240, seed=5)
    frames = as_type([blurred_in_bands(wide, number, 4) for number in range(4)], np.uint8)
    black = np.zeros_like(frames[0])
    without = hyperfocal.fuse(frames, method=method)
    fusion = hyperfocal.fuse([*frames[:at], black, *frames[at:]], method=method)
    assert np.array_equal(fusion.picture, without.picture)
    assert fusion.report["alignment"]["left_out"] == [f"frame {at + 1} (array {at + 1})"]


def test_black_frames_alone_are_fused_as_they_are():
    black = np.zeros((120, 160, 3), np.uint8)
    assert not hyperfocal.fuse([black] * 3, method=FAST).picture.any()
