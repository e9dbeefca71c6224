"""Constants of the metrics, pinned without the development data.

Four metrics against their formulas written out, and all against values that were taken when they
gave those of their authors (tests/metrics/test_oracle.py).
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from hyperfocal.evaluation import parameters
from hyperfocal.metrics.qcb import qcb
from hyperfocal.metrics.qcv import qcv
from hyperfocal.metrics.qs import qs
from hyperfocal.metrics.viff import viff
from hyperfocal.registry import names
from tests.metrics.pictures import pair
from tests.metrics.pin_values import FUSED, PEAKS, VALUES, value_of

PINNED = json.loads(VALUES.read_text("utf-8"))["values"]
# Phase congruency is computed in single precision; histograms and comparisons of edges may hang on
# the last bit, which processors round differently.
TOLERANCES = {"qp": 1e-4, "nabf": 1e-3, "fmi_edge": 1e-3, "fmi_w": 1e-3, "fmi_dct": 1e-3}
NAMES = [name for name in names("metrics") if "reference" not in parameters(name)]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_metric_gives_the_values_it_had_when_it_gave_those_of_its_authors(
    name: str, number: int
) -> None:
    for fused, peak in product(FUSED, PEAKS):
        expected = PINNED[f"{name} {number} {fused} {peak}"]
        tolerance = TOLERANCES.get(name, 1e-6)
        found = value_of(name, number, fused, peak)
        assert found == pytest.approx(expected, rel=tolerance, abs=1e-9), (fused, peak)


def test_every_metric_is_pinned() -> None:
    assert len(PINNED) == len(NAMES) * 2 * len(FUSED) * len(PEAKS)
    # Values that no change of the pictures moves would pin nothing.
    assert all(len({PINNED[f"{name} 0 {fused} 255"] for fused in FUSED}) == 3 for name in NAMES)


def cases() -> list[Any]:
    return [(pair(number), fused) for number, fused in product((0, 1), FUSED)]


def stretched(picture: Any) -> Any:
    return np.floor((picture - picture.min()) / np.ptp(picture) * 255 + 0.5)


def cycles(shape: tuple[int, int], nyquist: tuple[float, float]) -> Any:
    """The frequency of each entry of a full transform, `nyquist` being the highest."""
    down, across = (
        np.fft.fftfreq(side) * 2 * top for side, top in zip(shape, nyquist, strict=True)
    )
    return np.sqrt(down[:, None] ** 2 + across[None] ** 2)


def through(picture: Any, gain: Any) -> Any:
    return np.fft.ifft2(np.fft.fft2(picture) * gain).real


def qcb_by_definition(fused: Any, sources: list[Any]) -> float:
    """Chen and Blum, 2009: contrast sensitivity, contrast, masking, saliency, similarity."""
    x = np.arange(-15, 16)
    squares = x[:, None] ** 2 + x**2

    def masked(picture: Any) -> Any:
        height, width = picture.shape
        r = cycles(picture.shape, (height / 30, width / 30))
        seen = through(
            picture, np.exp(-((r / 15.387) ** 2)) - 0.7622 * np.exp(-((r / 1.3456) ** 2))
        )
        narrow, wide = (
            windows(np.pad(seen, 15), np.exp(-squares / (2 * s * s)) / (2 * np.pi * s * s))
            for s in (2, 4)
        )
        contrast = np.abs(narrow / wide - 1)
        return contrast**3 / (contrast**2 + 1e-4)

    mine, *theirs = (masked(stretched(picture)) for picture in (fused, *sources))
    kept = [np.minimum(mine, each) / np.maximum(mine, each) for each in theirs]
    squared = [each**2 for each in theirs]
    return float(np.mean(sum(k * s for k, s in zip(kept, squared, strict=True)) / sum(squared)))


def qcv_by_definition(fused: Any, sources: list[Any]) -> float:
    """H. Chen and Varshney, 2007: regions of 16 px, Mannos and Sakrison's sensitivity."""
    mine, above, below = stretched(fused), 0.0, 0.0
    r = cycles(fused.shape, (fused.shape[0] / 8, fused.shape[1] / 8))
    sensitivity = 2.6 * (0.0192 + 0.144 * r) * np.exp(-((0.144 * r) ** 1.1))
    for source in map(stretched, sources):
        slopes = np.outer([1, 2, 1], [-1, 0, 1])
        edges = [windows(np.pad(source, 1), weights) for weights in (slopes, slopes.T)]
        difference = through(source - mine, sensitivity)
        for top, left in product(range(0, fused.shape[0], 16), range(0, fused.shape[1], 16)):
            here = np.s_[top : top + 16, left : left + 16]
            saliency = (np.hypot(*(edge[here] for edge in edges)) ** 5).sum()
            above += saliency * (difference[here] ** 2).sum() / 256
            below += saliency
    return above / below


def windows(picture: Any, weights: Any) -> Any:
    """Weighted means of all windows that lie inside."""
    seen = np.lib.stride_tricks.sliding_window_view(picture, weights.shape)
    return np.einsum("ijkl,kl->ij", seen, weights)


def gaussian(side: int, deviation: float) -> Any:
    x = np.arange(side) - (side - 1) / 2
    weights = np.exp(-(x[:, None] ** 2 + x**2) / (2 * deviation**2))
    return weights / weights.sum()


def moments(one: Any, other: Any, weights: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Means, variances and covariance of two pictures in all windows."""
    means = windows(one, weights), windows(other, weights)
    products = (windows(a * b, weights) for a, b in ((one, one), (other, other), (one, other)))
    first, second, both = products
    return (
        *means,
        np.maximum(first - means[0] ** 2, 0),
        np.maximum(second - means[1] ** 2, 0),
        both - means[0] * means[1],
    )


def viff_by_definition(fused: Any, sources: list[Any]) -> float:
    """Han et al., 2013: visual information in windows of four scales, the weakest gain counts."""
    noise, value, pictures = 0.005 * 255**2, 0.0, [fused, *sources]
    for scale, weight in enumerate((1, 0, 0.15, 1)):
        weights = gaussian(*((17, 3.4), (9, 1.8), (5, 1.0), (3, 0.6))[scale])
        if scale:
            pictures = [windows(picture, weights)[::2, ::2] for picture in pictures]
        told = []
        for source in pictures[1:]:
            _, _, variance, of_fused, together = moments(source, pictures[0], weights)
            gain = together / (variance + 1e-10)
            left = np.where(gain < 0, of_fused, of_fused - gain * together)
            gain = np.maximum(gain, 0)
            kept = np.log10(1 + gain**2 * variance / (np.maximum(left, 1e-10) + noise))
            told.append((gain, kept, np.log10(1 + variance / noise)))
        gains, kept, original = (np.stack(part) for part in zip(*told, strict=True))
        weakest = gains.argmin(0)[None]
        sums = [np.take_along_axis(part, weakest, 0).sum() for part in (kept, original)]
        value += weight / 2.15 * sums[0] / sums[1]
    return float(value)


def qs_by_definition(fused: Any, sources: list[Any]) -> float:
    """Piella and Heijmans, 2003: structural similarity, by the variance of the sources."""
    weights, above, below = gaussian(11, 1.5), 0.0, 0.0
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    for source in sources:
        mean, other, variance, of_fused, together = moments(source, fused, weights)
        similarity = (2 * mean * other + c1) * (2 * together + c2)
        similarity /= (mean**2 + other**2 + c1) * (variance + of_fused + c2)
        above, below = above + variance * similarity, below + variance
    return float(np.mean(above / below))


@pytest.mark.parametrize(
    ("metric", "by_definition"),
    [
        (qcb, qcb_by_definition),
        (qcv, qcv_by_definition),
        (viff, viff_by_definition),
        (qs, qs_by_definition),
    ],
)
def test_a_metric_is_its_formula_written_out(metric: Any, by_definition: Any) -> None:
    for pictures, fused in cases():
        sources = [pictures["one"], pictures["other"]]
        expected = by_definition(pictures[fused], sources)
        assert metric(pictures[fused], sources) == pytest.approx(expected, rel=1e-6)
