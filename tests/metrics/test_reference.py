"""Metrics that compare with a picture known to be right: contract, and references of others."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from hyperfocal.errors import StackError
from hyperfocal.evaluation import evaluate, parameters
from hyperfocal.metrics.ms_ssim import ms_ssim
from hyperfocal.metrics.psnr import psnr
from hyperfocal.metrics.psnr_edges import band, psnr_edges
from hyperfocal.metrics.ssim import ssim
from hyperfocal.registry import module, names

scikit = pytest.importorskip("skimage.metrics", exc_type=ImportError)

NAMES = [name for name in names("metrics") if "reference" in parameters(name)]
RNG = np.random.default_rng(5)
GREY = cv2.GaussianBlur(RNG.uniform(0, 255, (176, 177)), (0, 0), 1)
COLOUR = cv2.GaussianBlur(RNG.uniform(0, 255, (176, 177, 3)), (0, 0), 1)


def step_at(column: int, shape: tuple[int, ...] = GREY.shape) -> Any:
    depth = np.full(shape[:2], 3.0)
    depth[:, column:] = 9
    return depth


def value_of(name: str, fused: Any, reference: Any) -> float:
    more = [step_at(60, reference.shape)] if "depth" in parameters(name) else []
    return float(getattr(module("metrics", name), name)(fused, reference, *more))


def softened(picture: Any, deviation: float = 1) -> Any:
    return cv2.GaussianBlur(picture, (0, 0), deviation)


def test_the_metrics_with_a_reference_are_these() -> None:
    assert NAMES == ["ms_ssim", "psnr", "psnr_edges", "ssim"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_the_reference_itself_is_best_and_blur_is_worse_the_stronger(
    name: str, picture: Any
) -> None:
    best = module("metrics", name).BEST
    if best is None:
        with pytest.raises(StackError, match="infinite"):
            value_of(name, picture, picture)
    else:
        assert value_of(name, picture, picture) == pytest.approx(best)
    soft, softer = (value_of(name, softened(picture, deviation), picture) for deviation in (1, 3))
    assert softer < soft


@pytest.mark.parametrize("name", NAMES)
def test_pictures_that_do_not_fit_or_are_broken_are_refused(name: str) -> None:
    broken = GREY.copy()
    broken[3, 5] = np.nan
    for fused, reference in ((GREY[1:], GREY), (GREY, COLOUR), (GREY, broken), (broken, GREY)):
        with pytest.raises(StackError, match=r"shape|not finite"):
            value_of(name, fused, reference)


@pytest.mark.parametrize("name", NAMES)
def test_flat_pictures_give_a_finite_value(name: str) -> None:
    flat = np.full(GREY.shape, 128.0)
    assert math.isfinite(value_of(name, flat, GREY))
    assert math.isfinite(value_of(name, GREY, flat))
    assert math.isfinite(value_of(name, flat, flat + 1))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_left_as_they_were(name: str) -> None:
    pictures = softened(COLOUR), COLOUR.copy()
    before = [one.copy() for one in pictures]
    value_of(name, *pictures)
    assert all(map(np.array_equal, pictures, before))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_psnr_and_ssim_are_those_of_scikit_image(dtype: Any, picture: Any) -> None:
    peak = np.iinfo(dtype).max
    fused, reference = (
        np.rint(each / 255 * peak).astype(dtype) for each in (softened(picture), picture)
    )
    found = evaluate(fused, reference=reference, metrics=["psnr", "ssim"]).values
    axis = None if picture.ndim == 2 else 2
    assert found["psnr"] == pytest.approx(
        scikit.peak_signal_noise_ratio(reference, fused, data_range=peak), abs=1e-9
    )
    expected = scikit.structural_similarity(reference, fused, data_range=peak, channel_axis=axis)
    assert found["ssim"] == pytest.approx(expected, abs=1e-9)


def literally(fused: Any, reference: Any) -> float:
    """MS-SSIM of grey pictures by the text of the paper, all windows laid out."""
    side = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(side, side) / side.sum() ** 2
    value = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        x, y = (sliding_window_view(each, (11, 11)) for each in (fused, reference))
        mean_x, mean_y = ((each * window).sum((2, 3)) for each in (x, y))
        x, y = x - mean_x[..., None, None], y - mean_y[..., None, None]
        var_x, var_y, cov = ((each * window).sum((2, 3)) for each in (x * x, y * y, x * y))
        part = (2 * cov + 7.65**2) / (var_x + var_y + 7.65**2)
        if scale == 4:
            part *= (2 * mean_x * mean_y + 2.55**2) / (mean_x**2 + mean_y**2 + 2.55**2)
        value *= part.mean() ** weight
        even = slice(len(fused) // 2 * 2)
        fused, reference = (each[even, even] for each in (fused, reference))
        fused, reference = (
            (each[::2, ::2] + each[1::2, ::2] + each[::2, 1::2] + each[1::2, 1::2]) / 4
            for each in (fused, reference)
        )
    return value


def test_ms_ssim_is_that_of_the_paper_taken_literally() -> None:
    fused, reference = softened(GREY)[:, :176], GREY[:, :176] + np.linspace(0, 40, 176)
    assert ms_ssim(fused, reference) == pytest.approx(literally(fused, reference), rel=1e-9)


def test_colour_is_the_mean_of_its_channels() -> None:
    soft = softened(COLOUR, 1.5)
    for metric in (ssim, ms_ssim):
        channels = [metric(soft[:, :, index], COLOUR[:, :, index]) for index in range(3)]
        assert metric(soft, COLOUR) == pytest.approx(np.mean(channels))


def test_ms_ssim_refuses_what_is_smaller_than_its_coarsest_window() -> None:
    assert ms_ssim(GREY[:161, :161] + 1, GREY[:161, :161]) > 0.99
    with pytest.raises(StackError, match="161×161"):
        ms_ssim(GREY[:160], GREY[:160])


def test_one_grey_level_off_is_48_decibels() -> None:
    assert psnr(GREY + 1, GREY) == pytest.approx(48.1308, abs=1e-4)


def test_the_band_reaches_eight_pixels_from_either_side_of_a_depth_edge() -> None:
    near = band(step_at(60))
    assert np.flatnonzero(near[0]).tolist() == list(range(51, 69))
    assert (near == near[0]).all()


def test_slopes_and_small_steps_are_no_depth_edges() -> None:
    slope = np.tile(np.linspace(0, 1, 100), (50, 1))
    with pytest.raises(StackError, match="no depth edge"):
        band(slope)
    slope[20:] += 0.2
    assert np.flatnonzero(band(slope)[:, 7]).tolist() == list(range(11, 29))


def test_only_errors_near_depth_edges_count() -> None:
    fused = GREY.copy()
    fused[:, 70:] = 0
    fused[:, 51:69] += 2
    assert psnr_edges(fused, GREY, step_at(60)) == pytest.approx(20 * np.log10(255 / 2))
    assert psnr_edges(fused, GREY, step_at(60) * -0.01) == pytest.approx(20 * np.log10(255 / 2))


def test_a_depth_map_of_another_size_or_without_edge_is_refused() -> None:
    for depth in (step_at(60)[1:], np.ones(GREY.shape)):
        with pytest.raises(StackError, match="depth"):
            psnr_edges(GREY + 1, GREY, depth)


def test_what_is_given_decides_what_is_evaluated() -> None:
    fused, reference = (each.astype(np.uint8) for each in (softened(COLOUR), COLOUR))
    depth = step_at(60).astype(np.uint16)
    alone = set(evaluate(fused).values)
    assert set(evaluate(fused, reference=reference).values) - alone == {"psnr", "ssim", "ms_ssim"}
    found = evaluate(fused, [reference, fused], reference=reference, depth=depth).values
    assert {"psnr_edges", "qg"} <= set(found)


def test_a_metric_without_what_it_compares_with_says_so() -> None:
    fused = COLOUR.astype(np.uint8)
    found = evaluate(fused, reference=fused, metrics=["psnr_edges", "Qg", "SSIM"])
    assert found.values == {"SSIM": pytest.approx(1)}
    assert found.undefined["psnr_edges"].startswith("it compares with depth;")
    assert found.undefined["Qg"].startswith("it compares with sources;")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (COLOUR[1:].astype(np.uint8), "is 177×176, .* is 177×175"),
        (COLOUR.astype(np.uint16), "of uint8 samples, .* of uint16 samples"),
        (GREY.astype(np.uint8), "is in colour, .* is grey"),
    ],
)
def test_a_picture_that_does_not_belong_to_the_fused_one_is_named(other: Any, told: str) -> None:
    fused = COLOUR.astype(np.uint8)
    for given in ({"sources": [other, other]}, {"reference": other}):
        with pytest.raises(StackError, match=f"the fused picture .*{told}"):
            evaluate(fused, **given)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_pictures_never_give_nan(value: int) -> None:
    flat = np.full((180, 180, 3), value, np.uint8)
    depth = step_at(60, flat.shape).astype(np.uint16)
    every = names("metrics")
    found = evaluate(flat, [flat, flat], reference=flat, depth=depth, metrics=every)
    assert all(map(math.isfinite, found.values.values()))
    assert set(found.values) | set(found.undefined) == set(every)
    assert all(len(reason) > 40 for reason in found.undefined.values())
