"""Prism: what is true of any weights, and what the shipped ones must be able to do."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import ODD_FRAMES, psnr, scene, texture

import hyperfocal
from hyperfocal import registry
from hyperfocal.inference.weights import shipped
from hyperfocal.methods.prism import Prism
from hyperfocal.methods.prism.config import PrismConfig
from hyperfocal.methods.prism.softmax import SoftmaxAverage
from hyperfocal.methods.prism.statistics import StackStatistics, pixel_unshuffle, pyramid
from hyperfocal.metrics.psnr import psnr as metric

RENDERED = Path(__file__).parents[3] / "shared" / "data" / "rendered"


def fuse(frames, method="prism:precision=fp32", **options):
    options = {"align": "none", "exposure": "none"} | options
    return hyperfocal.fuse(list(frames), method=method, **options)


@pytest.mark.parametrize("frame_count", [2, 3, 7])
def test_the_composite_comes_close_to_the_truth(frame_count):
    sharp, frames, _ = scene(96, 192, frame_count)
    assert psnr(fuse(frames).picture, sharp) > psnr(np.mean(frames, 0), sharp) + 6


@pytest.mark.parametrize("frames", [[0.25, 0.25], [0.0, 0.0], [1.0, 1.0, 1.0]])
def test_flat_frames_stay_flat(frames):
    made = fuse([np.full((50, 60, 3), value, np.float32) for value in frames]).picture
    assert np.abs(made - frames[0]).max() < 1e-6


def test_equal_frames_are_the_composite():
    frame = texture(70, 90, seed=1)
    assert np.abs(fuse([frame, frame, frame]).picture - frame).max() < 1e-5


def test_a_frame_given_twice_changes_little():
    sharp, frames, _ = scene(96, 128, 3)
    once, twice = fuse(frames).picture, fuse([*frames, frames[1]]).picture
    assert abs(psnr(once, sharp) - psnr(twice, sharp)) < 2.5


def test_the_order_of_frames_does_not_matter():
    _, frames, _ = scene(64, 96, 4, channels=1)
    one, other = fuse(frames), fuse(frames[::-1])
    assert np.abs(one.picture - other.picture).max() < 1e-4
    assert np.abs(one.depth + other.depth - 3).max() < 1e-3


def test_values_stay_in_the_range_of_the_frames_around_them():
    rng = np.random.default_rng(0)
    frames = rng.uniform(0.2, 0.8, (3, 64, 80, 3)).astype(np.float32)
    frames[:, 20:40, 30:50] = [[[0.9, 0.1, 0.5]]]
    made = fuse(frames).picture
    square = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(frames.min(0), square), cv2.dilate(frames.max(0), square)
    assert (made >= low - 1e-6).all()
    assert (made <= high + 1e-6).all()


def test_a_pixel_on_which_frames_agree_is_left_alone():
    rng = np.random.default_rng(0)
    frames = rng.uniform(0, 1, (3, 64, 80, 3)).astype(np.float32)
    frames[:, 20:40, 30:50] = frames[0, 20:40, 30:50]
    made = fuse(frames).picture
    assert np.abs(made - frames[0])[21:39, 31:49].max() < 1e-5


def test_a_tile_gives_what_the_whole_gives():
    method = registry.make("methods", "prism:precision=fp32,levels=3")
    rows, width = 2 * method.halo + 4 * method.grid, 40
    _, frames, _ = scene(rows + 3 * method.grid + 5, width, 2, channels=1)
    memory = str(method.bytes_per_pixel * width * rows)
    whole, tiled = fuse(frames, method), fuse(frames, method, memory=memory)
    assert np.abs(tiled.picture - whole.picture).max() < 1e-4
    assert np.abs(tiled.depth - whole.depth).max() < 1e-3


@pytest.mark.parametrize("size", [(2, 2), (1, 7), (3, 200), (65, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_size(size, channels):
    rng = np.random.default_rng(1)
    frames = [rng.uniform(0, 1, (*size, channels)).astype(np.float32) for _ in range(2)]
    made = fuse(frames).picture
    assert made.shape[:2] == size
    assert np.isfinite(made).all()


@pytest.mark.parametrize("spoil", ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_one_odd_frame_leaves_a_sane_picture(spoil):
    _sharp, frames, _ = scene(96, 128, 3)
    made = fuse([*frames, spoil(frames[0])]).picture
    assert np.isfinite(made).all()
    assert 0 <= made.min() <= made.max() <= 1


def test_frames_that_are_all_blurred_are_averaged_within_their_range():
    blurred = [cv2.GaussianBlur(texture(64, 96, seed=2), (0, 0), sigma) for sigma in (4, 6)]
    made = fuse(blurred).picture
    assert psnr(made, blurred[0]) > 30


@pytest.mark.slow
def test_five_hundred_frames():
    sharp, frames, _ = scene(32, 48, 5, channels=1)
    many = list(itertools.islice(itertools.cycle(frames), 500))
    made = fuse(many)
    assert np.isfinite(made.picture).all()
    mean = np.mean(frames, 0)
    assert psnr(made.picture.reshape(mean.shape), sharp) > psnr(mean, sharp)


def test_depth_is_the_frame_that_is_sharp():
    _, frames, index = scene(96, 192, 4)
    made = fuse(frames)
    assert np.abs(made.depth - index).mean() < 0.5
    assert 0 <= made.depth.min() <= made.depth.max() <= 3
    assert (made.decision == index).mean() > 0.85
    assert 0 <= made.confidence.min() <= made.confidence.max() <= 1


def test_an_average_is_that_of_the_softmax():
    rng = np.random.default_rng(3)
    scores, values = rng.normal(0, 5, (2, 6, 8, 9)).astype(np.float32)
    average = SoftmaxAverage((8, 9), 1)
    largest = np.zeros((8, 9), np.float32)
    for score, value in zip(scores, values, strict=True):
        largest = np.maximum(largest, average.add(slice(0, 8), score, [value]))
    weights = np.exp(scores - scores.max(0))
    weights /= weights.sum(0)
    (mean,), share = average.means()
    assert np.abs(mean - (weights * values).sum(0)).max() < 1e-5
    assert np.abs(largest * share - weights.max(0)).max() < 1e-6


def test_scores_of_any_size_give_a_mean():
    scores = np.array([[-1e4, 1e4, -1e4]], np.float32), np.array([[-1e4, -1e4, 5]], np.float32)
    average = SoftmaxAverage((1, 3), 1)
    for score, value in zip(scores, (0.25, 0.75), strict=True):
        average.add(slice(0, 1), score, [np.full((1, 3), value, np.float32)])
    (mean,), _ = average.means()
    assert np.allclose(mean, [[0.5, 0.25, 0.75]])


def test_pixels_are_unshuffled_as_torch_does():
    torch = pytest.importorskip("torch")
    plane, unshuffled = np.random.default_rng(0).random((6, 10), np.float32), np.empty((4, 3, 5))
    pixel_unshuffle(plane, unshuffled)
    expected = torch.nn.functional.pixel_unshuffle(torch.from_numpy(plane[None]), 2)
    assert np.array_equal(unshuffled, expected.numpy())


def test_it_gives_what_the_network_gives():
    torch = pytest.importorskip("torch")
    from hyperfocal.inference.checkpoints import load_network
    from hyperfocal.methods.prism import network as networks

    network = load_network(shipped("prism").path)
    assert network.config == Prism().config == PrismConfig()
    _, frames, _ = scene(128, 192, 3, channels=1)
    stack = torch.from_numpy(np.stack(frames).reshape(1, 3, 128, 192))
    with torch.no_grad():
        expected = network(stack)[0, 0].numpy()
        pieces = networks.PyramidStack(stack, 5)
    known = StackStatistics(5, network.config)
    for frame in stack[0].numpy():
        known.observe(frame)
    known.close()
    bands, lows = known.pyramid(stack[0, 2].numpy())
    for number, parts in enumerate(known.levels):
        features = networks.score_features(pieces.maps(number)[0, 2:], network.config.power)
        expected_features = torch.nn.functional.pixel_unshuffle(features, 2).numpy()
        for part in parts:
            part.show(bands[number], lows[number])
            found = part.features - part.block.cut(expected_features[0])
            assert np.abs(found).max() < 1e-3
    made = Prism(precision="fp32").fold(128, 192, 1)
    for frame in stack[0].numpy()[..., None]:
        made.observe(frame)
    for frame in stack[0].numpy()[..., None]:
        made.add(frame)
    made._lowest[:], made._highest[:] = -9, 9  # the network knows no limits
    assert np.abs(made.result()[:, :, 0] - expected).max() < 2e-3


def test_the_pyramid_adds_up():
    picture = texture(64, 96, seed=0, channels=1)[:, :, 0].copy()
    bands, lows = pyramid(picture, 4)
    low = lows[-1]
    for band in reversed(bands):
        low = band + cv2.pyrUp(low)
    assert np.abs(low - picture).max() < 1e-5


@pytest.mark.skipif(not RENDERED.is_dir(), reason="needs the rendered scenes beside the project")
@pytest.mark.parametrize(
    ("name", "least"), [("bars_page", 37.0), ("pair_cards", 34.0), ("pair_lattice", 32.0)]
)
def test_rendered_scenes_come_out_as_they_were_measured(name, least):
    folder = RENDERED / name
    frames = sorted(folder.glob("frame_*.png"))
    made = hyperfocal.fuse(frames, method="prism", align="none", exposure="none").picture
    reference = cv2.cvtColor(cv2.imread(str(folder / "reference.png")), cv2.COLOR_BGR2RGB)
    assert metric(made.astype(np.float32), reference.astype(np.float32)) > least


def test_where_a_frame_has_no_data_the_others_are_taken():
    _, frames, _ = scene(96, 128, 2)
    spoiled, covered = frames[1].copy(), np.ones((96, 128), bool)
    spoiled[:, :24], covered[:, :24] = texture(96, 24, seed=5), False
    fold = Prism(precision="fp32").fold(96, 128, 3)
    for work in (fold.observe, fold.add):
        work(frames[0], None)
        work(spoiled, covered)
    made = fold.result()
    assert np.abs(made - frames[0])[:, :23].max() < 1e-6
    assert (fold.depth_estimate().index[:, :24] == 0).all()
    assert np.abs(made - frames[0])[:, 64:].max() > 0.05
