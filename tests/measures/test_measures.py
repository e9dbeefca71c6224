"""The contract of focus measures, over every file of the room."""

import itertools

import cv2
import numpy as np
import pytest
from scenes import texture

from hyperfocal import registry
from hyperfocal.frame import to_grey
from hyperfocal.inference.blocks import starts
from hyperfocal.measures.sesf import SesfMeasure, pooled_over
from hyperfocal.measures.ums import UmsMeasure


@pytest.fixture(params=registry.names("measures"))
def measure(request):
    return registry.make("measures", request.param)


def grey(height, width, seed=0):
    return to_grey(texture(height, width, seed=seed))


def test_a_focus_map_has_the_frame_s_shape_and_is_not_negative(measure):
    frame = grey(70, 90)
    focus_map = measure(frame, measure.survey(frame))
    assert focus_map.shape == frame.shape
    assert focus_map.dtype == np.float32
    assert focus_map.min() >= 0


def test_a_whole_frame_needs_no_survey(measure):
    frame = grey(130, 150)
    whole, surveyed = measure(frame), measure(frame, measure.survey(frame))
    # UMS-Fusion runs a whole frame exactly as published; from gates it comes close only.
    tolerance = 0.05 if isinstance(measure, UmsMeasure) else 1e-3
    assert np.median(np.abs(whole - surveyed) / whole) < tolerance
    assert np.allclose(whole, surveyed, rtol=10 * tolerance)


def test_sharper_scores_higher(measure):
    sharp = grey(120, 130)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    maps = [measure(frame, measure.survey(frame)) for frame in (sharp, blurred)]
    assert (maps[0] > maps[1]).mean() > 0.999


def test_a_tile_scores_as_the_whole_does(measure):
    frame = grey(420, 300)
    surveyed = measure.survey(frame)
    whole = measure(frame, surveyed)
    top, bottom = 112, 336  # on every measure's grid, as the pipeline's tiles are
    assert top % measure.grid == 0
    tile = measure(frame[top - measure.halo : bottom + measure.halo], surveyed)
    inner = tile[measure.halo : -measure.halo]
    assert np.allclose(inner, whole[top:bottom], rtol=1e-3, atol=1e-5 * whole.max())


def test_brightness_alone_scores_nothing(measure):
    side = 4 * measure.halo + 60  # far from the border, where networks see their own padding
    flat, sharp = np.full((side, side), 0.7, np.float32), grey(side, side)
    typical = np.median(measure(sharp, measure.survey(sharp)))
    inside = slice(2 * measure.halo, -2 * measure.halo)
    assert measure(flat, measure.survey(flat))[inside, inside].max() <= 1e-2 * typical


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 2), (9, 9), (3, 700), (64, 5)])
def test_the_smallest_frames_are_measured(measure, shape):
    frame = grey(*shape)
    assert measure(frame, measure.survey(frame)).shape == shape


def test_the_border_has_no_false_gradient():
    frame = np.full((80, 80), 0.9, np.float32)
    measure = SesfMeasure()
    energy = measure.gradient_energy(frame, measure.survey(frame))
    assert energy[0].max() == energy[:, 0].max() == 0


def test_network_tiles_leave_no_seam():
    measure = SesfMeasure()
    frame = grey(450, 500)
    gates = measure.survey(frame)
    energy = measure.gradient_energy(frame, gates)
    network = measure.opened("", {"tile": (1, 1, 450, 500), "gates": gates.shape})
    whole = network({"tile": frame[None, None], "gates": gates})[0, 0]
    assert np.allclose(energy[1:, 1:], whole, rtol=1e-3, atol=1e-5 * whole.max())


@pytest.mark.parametrize(("length", "part", "overlap"), [(100, 40, 10), (521, 192, 9), (7, 7, 2)])
def test_parts_cover_the_length_with_their_overlap(length, part, overlap):
    found = starts(length, part, overlap)
    assert found[0] == 0
    assert found[-1] + part == length
    assert all(b - a <= part - overlap for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("shape", [(520, 520), (5, 5), (3, 200_000)])
def test_the_gates_of_small_and_thin_frames_are_pooled_over_every_pixel(shape):
    frame = np.random.default_rng(0).random(shape, np.float32)
    windows, inside = pooled_over(frame, 4)
    assert np.array_equal(windows[0, 0], frame)
    assert inside.shape == (1, 1, *shape)
    assert inside.min() == 1


@pytest.mark.parametrize("shape", [(33, 20_000), (4000, 6000), (700, 800)])
def test_windows_lie_inside_the_frame_and_are_spread(shape):
    frame = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    windows, inside = pooled_over(frame, 4)
    assert len(windows) <= 150
    assert windows.shape[2:] == inside.shape[2:] == (32, 32)
    assert inside.sum() == 24 * 24
    assert windows.min() < frame.size * 0.2
    assert windows.max() > frame.size * 0.8


def test_precision_and_engine_can_be_chosen():
    frame = grey(100, 100)
    maps = {}
    for name in ("openvino", "onnxruntime", "torch"):
        if registry.module("engines", name).is_installed():
            measure = SesfMeasure(engine=name)
            maps[name] = measure(frame, measure.survey(frame))
    reference = maps.pop("onnxruntime")
    for found in maps.values():
        assert np.allclose(found, reference, rtol=1e-3)
