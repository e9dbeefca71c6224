"""CNN-Fuse, DenseFuse, DeepFuse: the contract of methods, and their rules by hand."""

import cv2
import numpy as np
import pytest
from scenes import psnr, scene, texture

import hyperfocal
from hyperfocal import registry
from hyperfocal.baselines.cnn_fuse import Duel, PatchScores, spread
from hyperfocal.baselines.deep_fuse import DeepFuse
from hyperfocal.baselines.dense_fuse import DenseFuse

DECODED = ["dense_fuse:mode=add", "dense_fuse", "deep_fuse"]
LEARNED = ["cnn_fuse", *DECODED]


def fuse(frames, method, **options):
    return hyperfocal.fuse(frames, method=method, **options).picture


@pytest.mark.parametrize("method", ["cnn_fuse", "deep_fuse"])
@pytest.mark.parametrize("frame_count", [2, 3])
def test_the_composite_comes_closer_to_the_truth_than_the_mean(method, frame_count):
    sharp, frames, _ = scene(96, 192, frame_count)
    gain = psnr(fuse(frames, method), sharp) - psnr(np.mean(frames, 0), sharp)
    assert gain > (3 if method == "cnn_fuse" else 0.5)


@pytest.mark.parametrize("method", DECODED)
@pytest.mark.parametrize("frame_count", [2, 3])
def test_the_order_of_frames_does_not_matter(method, frame_count):
    _, frames, _ = scene(64, 96, frame_count)
    assert np.abs(fuse(frames, method) - fuse(frames[::-1], method)).max() < 1e-4


@pytest.mark.parametrize("frame_count", [2, 3])
def test_decisions_hardly_depend_on_the_order_of_frames(frame_count):
    _, frames, _ = scene(64, 128, frame_count)
    forth, back = (hyperfocal.fuse(order, method="cnn_fuse") for order in (frames, frames[::-1]))
    # Where straight regions meet, as many patches are for one frame as for the other: a tie, two
    # pixels wide, which the later frame wins.
    assert (forth.decision != frame_count - 1 - back.decision).mean() < 0.01


@pytest.mark.parametrize("method", LEARNED)
@pytest.mark.parametrize("shape", [(1, 1), (2, 30), (17, 5), (16, 16)])
def test_tiny_pictures_keep_their_size(method, shape):
    frames = [texture(*shape, seed=seed) for seed in range(3)]
    picture = fuse(frames, method)
    assert picture.shape == (*shape, 3)
    assert np.isfinite(picture).all()


@pytest.mark.parametrize("method", LEARNED)
def test_a_tile_gives_what_the_whole_gives(method):
    chosen = registry.make("methods", method)
    reach = max(chosen.measure.halo, chosen.decision.halo) if method == "cnn_fuse" else chosen.halo
    held = getattr(chosen, "bytes_per_pixel", 80)
    rows, width = 2 * reach + 24, 40
    _, frames, _ = scene(rows + 61, width, 2)
    tiled = fuse(frames, method, memory=str(held * width * rows))
    assert np.abs(tiled - fuse(frames, method)).max() < 1e-5


@pytest.mark.parametrize("method", LEARNED)
def test_blocks_leave_no_seams(method):
    """Larger than a block of the network, against the same pixels in the middle of another cut."""
    _, (frame, other), _ = scene(230, 230, 2, channels=1)
    whole = fuse([frame, other], method)
    cut = fuse([frame[:, 20:], other[:, 20:]], method)
    if method == "cnn_fuse":  # its removal of small regions looks at the whole picture
        measure = PatchScores()
        whole, cut = (measure(grey[:, :, 0]) for grey in (frame, frame[:, 20:]))
        assert np.abs(whole[:, 12:] - cut[:, 2:]).max() < 1e-4 * np.abs(whole).max()
    else:
        assert np.abs(whole[:, 40:] - cut[:, 20:]).max() < 1e-5


def test_equal_frames_come_back_unchanged():
    frame = (texture(50, 70) * 255).astype(np.uint8)
    assert np.array_equal(fuse([frame] * 3, "cnn_fuse"), frame)


@pytest.mark.parametrize("method", DECODED)
def test_equal_frames_come_back_as_the_decoder_has_them(method):
    frame = cv2.GaussianBlur(texture(50, 70), (0, 0), 1.5)
    once, thrice = fuse([frame] * 2, method), fuse([frame] * 3, method)
    assert np.abs(once - thrice).max() < 1e-4
    assert psnr(once, frame) > 28


@pytest.mark.parametrize("method", DECODED)
def test_frames_that_come_twice_change_nothing(method):
    _, frames, _ = scene(30, 40, 2)
    assert np.abs(fuse(frames, method) - fuse(frames * 2, method)).max() < 1e-4


def test_two_frames_are_compared_as_published():
    rng = np.random.default_rng(0)
    first, second = rng.normal(scale=3, size=(2, 6, 9)).astype(np.float32)
    duel = Duel(25, 31)
    duel.add(0, first)
    duel.add(1, second)
    totals, counts = np.zeros((2, 25, 31))
    for row, column in np.ndindex(first.shape):
        patch = np.s_[2 * row : 2 * row + 16, 2 * column : 2 * column + 16]
        totals[patch] += 1 / (1 + np.exp(second[row, column] - first[row, column]))
        counts[patch] += 1
    # Column 31 of 32 was cut off, row 26 was repeated from the last.
    chances = totals / np.maximum(counts, 1)
    known = counts > 0
    assert ((duel.index == 0) == (chances > 0.5))[known].all()
    assert np.abs(duel.confidence() - np.abs(2 * chances - 1))[known].max() < 1e-5


def test_a_third_frame_meets_the_best_patch_so_far():
    first, second, third = (np.full((5, 5), score, np.float32) for score in (1, 3, 2))
    second[:, 3:] = -4
    duel = Duel(24, 24)
    for frame, scores in enumerate((first, second, third)):
        duel.add(frame, scores)
    assert (duel.index[:, 0] == 1).all()
    assert (duel.index[:, -1] == 2).all()
    assert duel.confidence()[0, 0] == pytest.approx(np.tanh(0.5), abs=1e-5)


def test_extreme_scores_do_not_overflow():
    duel = Duel(16, 16)
    for frame, score in enumerate((-1e4, 1e4, 0)):
        duel.add(frame, np.full((1, 1), score, np.float32))
    assert (duel.index == 1).all()
    assert duel.confidence().min() == 1


def test_every_pixel_is_covered_by_patches():
    assert np.allclose(spread(np.ones((4, 7), np.float32), 22, 28), 1)


def l1_by_definition(frames, fold):
    """Weighted features of grey frames."""
    features = [fold._network.encode(frame[:, :, 0]) for frame in frames]
    weights = []
    for maps in features:
        around = np.pad(np.abs(maps).sum(0), 1, mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))
        weights.append(windows.mean((2, 3)))
    total = np.sum(weights, 0)
    return sum(maps * (weight / total) for maps, weight in zip(features, weights, strict=True))


def test_the_l1_norm_weighs_features_as_published():
    _, frames, _ = scene(20, 26, 2, channels=1)
    fold = DenseFuse(mode="l1").fold(20, 26, 1)
    expected = fold._network.decode(l1_by_definition(frames, fold).astype(np.float32))
    assert np.abs(fuse(frames, "dense_fuse:mode=l1") - expected).max() < 1e-4


def test_chroma_is_weighted_by_its_distance_from_grey():
    grey = texture(24, 24, channels=1)
    pale = np.broadcast_to(grey, (24, 24, 3)).copy()
    red, blue = pale.copy(), pale.copy()
    red[:, :, 0] += 0.1
    blue[:, :, 2] += 0.05
    frames = [pale, red, blue]
    luma = [frame @ np.float32([0.2126, 0.7152, 0.0722]) for frame in frames]
    chroma = np.stack([f[:, :, 0] - y for f, y in zip(frames, luma, strict=True)])
    expected = (chroma * np.abs(chroma)).sum(0) / np.abs(chroma).sum(0)
    found = fuse(frames, DeepFuse())
    fused_luma = found @ np.float32([0.2126, 0.7152, 0.0722])
    assert np.abs(found[:, :, 0] - fused_luma - expected).max() < 1e-4
    grey_stack = [np.broadcast_to(grey, (24, 24, 3)).copy()] * 2
    fused_grey = fuse(grey_stack, "deep_fuse")
    assert np.ptp(fused_grey, axis=2).max() < 1e-4
