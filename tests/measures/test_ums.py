"""UMS-Fusion's focus measure, with a network of random weights where its parts are tested."""

import dataclasses

import cv2
import numpy as np
import pytest
from scenes import texture

from hyperfocal.frame import to_grey
from hyperfocal.measures.ums import UmsMeasure, windows_of


def grey(height, width, seed=0):
    return to_grey(texture(height, width, seed=seed))


@pytest.fixture(scope="module")
def random(tmp_path_factory):
    """The measure with random weights."""
    torch = pytest.importorskip("torch")
    from hyperfocal.measures.ums.network import UmsNetwork
    from hyperfocal.training.export import export

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "ums.safetensors"
    export(UmsNetwork(), path)
    return UmsMeasure(engine="onnxruntime", weights=str(path))


@pytest.mark.slow
def test_blocks_give_what_the_whole_gives(random):
    measure = random
    frame = grey(528, 560)
    gates = measure.survey(frame)
    found = measure.gradient(frame, gates)
    arrays = {"tile": frame[None, None], "gates": gates}
    whole = measure.opened("", {})(arrays)[0, 0]
    assert np.allclose(found[1:, 1:], whole, rtol=0.02, atol=1e-3 * whole.max())
    assert found[0].max() == found[:, 0].max() == 0


def test_a_tile_scores_as_the_whole_does(random):
    measure = random
    frame = grey(416, 96)
    gates = measure.survey(frame)
    whole = measure(frame, gates)
    top, bottom = 10 * measure.grid, 15 * measure.grid
    tile = measure(frame[top - measure.halo : bottom + measure.halo], gates)
    inner = tile[measure.halo : -measure.halo]
    assert np.allclose(inner, whole[top:bottom], rtol=5e-3)


def test_halo_and_blocks_lie_on_the_grid():
    for radius in range(40):
        for median in (False, True):
            measure = UmsMeasure(radius=radius, median=median)
            assert measure.halo % measure.grid == 0
            assert measure.halo >= radius + 48


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 70), (17, 33)])
def test_frames_too_small_for_five_levels_are_measured(random, shape):
    measure = random
    frame = grey(*shape)
    focus_map = measure(frame, measure.survey(frame))
    assert focus_map.shape == shape
    assert np.isfinite(focus_map).all()


def test_the_median_removes_single_bright_pixels(random):
    frame = cv2.GaussianBlur(grey(64, 64), (0, 0), 3)
    noisy = frame.copy()
    noisy[10::12, 10::12] = 1
    gates = random.survey(frame)
    maps = {}
    for median in (False, True):
        measure = dataclasses.replace(random, median=median)
        maps[median] = measure(noisy, gates).mean() / measure(frame, gates).mean()
    assert abs(maps[True] - 1) < 0.1 * abs(maps[False] - 1)


@pytest.mark.parametrize("shape", [(1, 1), (130, 90), (520, 520), (825, 1280), (4000, 6000)])
def test_windows_lie_inside_the_frame_and_are_few(shape):
    windows = windows_of(np.zeros(shape, np.float32))
    assert windows.shape[2] % 16 == windows.shape[3] % 16 == 0
    assert min(windows.shape[2:]) >= 64
    assert windows.size <= 36 * 128**2
