"""Small cases whose value can be worked out on paper, and references of another making."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hyperfocal.metrics.ag import ag
from hyperfocal.metrics.en import en
from hyperfocal.metrics.fmi_dct import _cosine_transform
from hyperfocal.metrics.fmi_w import meyer_filter
from hyperfocal.metrics.qg import BEST, qg
from hyperfocal.metrics.qm import qm
from hyperfocal.metrics.qsf import qsf
from hyperfocal.metrics.scd import scd
from hyperfocal.metrics.sd import sd
from hyperfocal.metrics.sd_sum import sd_sum
from hyperfocal.metrics.sf import sf
from hyperfocal.metrics.sf_sum import sf_sum
from hyperfocal.metrics.ssim_a import ssim_a

scikit = pytest.importorskip("skimage.metrics", exc_type=ImportError)

NOISE = np.random.default_rng(3).uniform(0, 255, (40, 32))
RAMP = np.tile(np.arange(32.0) * 4, (40, 1))


def test_a_ramp_has_the_gradient_of_its_step() -> None:
    assert ag(RAMP) == pytest.approx(4 / 2**0.5)
    assert sf(RAMP) == pytest.approx(4 * (31 / 32) ** 0.5)


def test_grey_levels_used_evenly_have_an_entropy_of_as_many_bits() -> None:
    assert en(RAMP) == pytest.approx(5)


def test_deviations_by_hand() -> None:
    # Of 1, 3, 5, 7 the mean is 4 and the squares are 9, 1, 1, 9.
    squares = np.array([[1.0, 3.0], [5.0, 7.0]])
    assert sd(squares) == pytest.approx(5**0.5)
    assert sd_sum(squares) == pytest.approx(20**0.5)
    assert sd_sum(np.tile(squares, (3, 2))) == pytest.approx(120**0.5)


def test_the_tables_frequency_forgets_fractions_of_squares() -> None:
    assert sf_sum(np.full((4, 4), 0.9)) == 0
    assert sf_sum(np.full((4, 4), 1.9)) == pytest.approx((3 * 8) ** 0.5)


def test_twice_the_gradient_counts_as_half_of_it_does() -> None:
    assert qg(RAMP * 2, [RAMP]) == pytest.approx(qg(RAMP / 2, [RAMP]), rel=1e-3)
    assert qg(RAMP + 9, [RAMP + 9]) == pytest.approx(BEST)


def test_a_detail_that_is_off_by_d_counts_as_e_to_the_minus_d() -> None:
    # Across, the details are 2 at the fine level and 8 at the coarse one; there are no others.
    steps = np.tile([0.0, 2.0, 4.0, 6.0], (8, 2))
    expected = (2 + np.exp(-2)) ** (2 / 3) * (2 + np.exp(-8)) ** (1 / 3)
    assert qm(steps * 2, [steps]) == pytest.approx(expected)


def test_halved_contrast_halves_the_spatial_frequency() -> None:
    assert qsf(NOISE / 2, [NOISE, NOISE]) == pytest.approx(-0.5)


def test_a_sum_of_its_sources_correlates_perfectly_with_both() -> None:
    assert scd(NOISE + RAMP, [NOISE, RAMP]) == pytest.approx(2)


@pytest.mark.parametrize(("scale", "span"), [(1, 255), (1 / 255, 2)])
def test_structural_similarity_is_that_of_scikit_image(scale: float, span: float) -> None:
    source, fused = NOISE * scale, (NOISE * 0.7 + RAMP * 0.3) * scale
    expected = scikit.structural_similarity(source, fused, data_range=span)
    assert ssim_a(fused, [source]) == pytest.approx(expected)


def test_the_cosine_transform_is_that_of_opencv() -> None:
    assert np.allclose(_cosine_transform(NOISE), cv2.dct(NOISE))


def test_the_cosine_transform_keeps_energy_where_sides_are_odd() -> None:
    odd = NOISE[:39, :31]
    assert np.sum(_cosine_transform(odd) ** 2) == pytest.approx(np.sum(odd**2))


def test_the_meyer_filter_is_nearly_orthonormal_to_its_even_shifts() -> None:
    taps = meyer_filter()
    correlation = np.correlate(taps, taps, "full")[len(taps) - 1 :: 2]
    assert len(taps) == 102
    assert taps.sum() == pytest.approx(2**0.5, abs=1e-5)
    assert correlation == pytest.approx(np.eye(51)[0], abs=2e-5)
