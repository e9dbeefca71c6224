"""What every metric of the room promises, whatever it measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from hyperfocal.errors import StackError
from hyperfocal.evaluation import parameters
from hyperfocal.registry import module, names

# Metrics with a reference have a contract of their own, in test_reference.py.
NAMES = [name for name in names("metrics") if "reference" not in parameters(name)]
# Describe the fused picture alone, so that sources are neither needed nor looked at.
ALONE = ("ag", "en", "mean", "sd", "sd_sum", "sf", "sf_sum")
PAIRS_ONLY = ("qc", "qte", "qy", "scd")
# Out-of-range windows count 0 or 1 by the order of the sources, as in the authors' program.
ORDERED = ("qc",)
# Do not tell sharp from soft: a brightness, an artefact count, what favours a mean of the sources,
# and what counts a half copied from either source alike.
BLIND_TO_BLUR = ("mean", "nabf", "fmi_edge", "cc", "ssim_a", "qmi", "qncie", "qte")
RANGE_FREE = (
    "cc",
    "fmi_dct",
    "fmi_edge",
    "fmi_w",
    "qcb",
    "qcv",
    "qmi",
    "qncie",
    "qsf",
    "qte",
    "scd",
)


def sharp_picture(height: int = 96, width: int = 81) -> Any:
    noise = np.random.default_rng(7).uniform(0, 255, (height, width))
    return cv2.GaussianBlur(noise, (0, 0), 0.8)


def blurred(picture: Any) -> Any:
    return cv2.GaussianBlur(picture, (0, 0), 2)


def pair_of(picture: Any) -> list[Any]:
    """Two pictures, each sharp in one half."""
    soft, middle = blurred(picture), picture.shape[1] // 2
    return [
        np.hstack([picture[:, :middle], soft[:, middle:]]),
        np.hstack([soft[:, :middle], picture[:, middle:]]),
    ]


def function_of(name: str) -> Callable[[Any, Sequence[Any]], float]:
    found: Callable[[Any, Sequence[Any]], float] = getattr(module("metrics", name), name)
    return found


def finite_or_refused(name: str, fused: Any, sources: Sequence[Any]) -> bool:
    try:
        return math.isfinite(function_of(name)(fused, sources))
    except StackError as error:
        return len(str(error)) > 40


@pytest.mark.parametrize("name", names("metrics"))
def test_a_metric_states_its_direction_its_best_value_and_its_source(name: str) -> None:
    file: ModuleType = module("metrics", name)
    assert isinstance(file.HIGHER_IS_BETTER, bool)
    assert file.BEST is None or isinstance(file.BEST, float)
    assert file.__doc__
    assert function_of(name).__doc__


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("peak", [1, 255])
def test_a_perfect_result_gives_the_stated_best_value(name: str, peak: int) -> None:
    picture = sharp_picture() * (peak / 255)
    best = module("metrics", name).BEST
    for count in (1, 2, 3):
        if best is None or (count != 2 and name in PAIRS_ONLY):
            assert finite_or_refused(name, picture, [picture] * count)
        else:
            value = function_of(name)(picture, [picture] * count)
            assert value == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_flat_pictures_give_a_finite_value_or_a_clear_refusal(name: str) -> None:
    pictures = [np.zeros((48, 48)), np.full((48, 48), 128.0), np.full((48, 48), 0.3)]
    textured = sharp_picture(48, 48)
    for flat in pictures:
        assert finite_or_refused(name, flat, [flat, flat])
        assert finite_or_refused(name, flat, pair_of(textured))
        assert finite_or_refused(name, textured, [flat, flat])
        assert finite_or_refused(name, textured, [flat, textured])


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BLIND_TO_BLUR)))
def test_a_blurred_result_scores_worse_than_a_sharp_one(name: str) -> None:
    picture, file = sharp_picture(), module("metrics", name)
    sharp, soft = (function_of(name)(one, pair_of(picture)) for one in (picture, blurred(picture)))
    assert sharp > soft if file.HIGHER_IS_BETTER else sharp < soft


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ORDERED)))
def test_the_order_of_the_sources_does_not_matter(name: str) -> None:
    picture = sharp_picture()
    one, other = pair_of(picture)
    value = function_of(name)(picture, [one, other])
    assert function_of(name)(picture, [other, one]) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", RANGE_FREE)
def test_a_metric_free_of_the_value_range_gives_the_same_on_any(name: str) -> None:
    picture = sharp_picture()
    value = function_of(name)(picture, pair_of(picture))
    # A power of two, so that no grey level is rounded.
    scaled = function_of(name)(picture / 256, pair_of(picture / 256))
    assert scaled == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_enough(name: str) -> None:
    picture = np.round(sharp_picture()).astype(np.float32)
    sources = [np.round(source).astype(np.float32) for source in pair_of(picture)]
    value = function_of(name)(picture.astype(np.float64), [one.astype(float) for one in sources])
    assert function_of(name)(picture, sources) == value


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_left_as_they_were(name: str) -> None:
    picture = sharp_picture()
    sources = pair_of(picture)
    before = [one.copy() for one in (picture, *sources)]
    function_of(name)(picture, sources)
    assert all(map(np.array_equal, (picture, *sources), before))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ALONE)))
def test_sources_that_do_not_fit_are_refused(name: str) -> None:
    picture = sharp_picture()
    with pytest.raises(StackError, match="source 2 of 2 has the shape"):
        function_of(name)(picture, [picture, picture[1:]])
    with pytest.raises(StackError, match="source"):
        function_of(name)(picture, [])


@pytest.mark.parametrize("name", NAMES)
def test_pictures_with_values_that_are_not_finite_are_refused(name: str) -> None:
    broken = sharp_picture()
    broken[3, 5] = np.nan
    with pytest.raises(StackError, match="not finite"):
        function_of(name)(broken, [sharp_picture(), sharp_picture()])


@pytest.mark.parametrize("name", PAIRS_ONLY)
def test_a_metric_of_pairs_refuses_three_sources(name: str) -> None:
    with pytest.raises(StackError, match="defined for 2 sources, not 3"):
        function_of(name)(sharp_picture(), [sharp_picture()] * 3)
