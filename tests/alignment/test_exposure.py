"""Gains of frames, also of frames that show little but white."""

import numpy as np
import pytest
from scenes import as_type, psnr

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
    assert (exposure.matched([comparison, None]) is not None) is counts


def test_a_gain_counts_from_two_hundredths_on_and_up_to_eight():
    for gain, counts in ((1.018, False), (1.023, True), (0.978, True), (7.9, True), (8.1, False)):
        comparison = Comparison(np.array([gain]), np.array([1e-4]))
        assert (exposure.matched([comparison, None]) is not None) is counts, gain


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


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("level", [0, 118, 255])
@pytest.mark.parametrize("method", ["prism", "select", "lp"])
def test_one_frame_of_one_grey_never_owns_the_picture(at, level, method):
    frames = as_type(
        [blurred_in_bands(natural(160, 240, seed=5), n, 4) for n in range(4)], np.uint8
    )
    odd = np.full_like(frames[0], level)
    fusion = hyperfocal.fuse([*frames[:at], odd, *frames[at:]], method=method)
    assert np.array_equal(fusion.picture, hyperfocal.fuse(frames, method=method).picture)
    assert fusion.report["alignment"]["left_out"] == [f"frame {at + 1} (array {at + 1})"]


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("light", [0.02, 0.25, 4.0])
@pytest.mark.parametrize("method", ["prism", "select"])
def test_one_frame_in_another_light_does_not_change_that_of_the_picture(at, light, method):
    sharp = 0.05 + 0.75 * natural(160, 240, seed=5)
    frames = as_type([blurred_in_bands(sharp, n, 5) for n in range(5)], np.uint16)
    odd = np.clip(frames[at] * light, 0, 65535).astype(np.uint16)
    others = [*frames[:at], *frames[at + 1 :]]
    without = psnr(hyperfocal.fuse(others, method=method).picture / 65535, sharp)
    picture = hyperfocal.fuse([*frames[:at], odd, *frames[at + 1 :]], method=method).picture / 65535
    assert psnr(picture, sharp) > without - 1


def test_white_things_stay_white_where_frames_differ_in_light():
    sharp = 0.1 + 0.5 * natural(160, 240, seed=5)
    sharp[40:80, 60:120] = 1.4  # china, beyond white in every light
    frames = [
        as_type([np.clip(blurred_in_bands(sharp, n, 4) * gain, 0, 1)], np.uint8)[0]
        for n, gain in enumerate((1.0, 1.12, 0.94, 1.05))
    ]
    picture = hyperfocal.fuse(frames, method="prism").picture
    assert (picture[50:70, 70:110] >= 253).all()
