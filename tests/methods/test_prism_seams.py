"""Prism at the seams of its blocks and where frames have no data; its options; its depth."""

import cv2
import numpy as np
import pytest
from scenes import scene, texture

import hyperfocal
from hyperfocal.methods.prism import Prism
from tests.test_alignment import moving_stack, similarity


def fuse(frames, method, **options):
    options = {"align": "none", "exposure": "none"} | options
    return hyperfocal.fuse(list(frames), method=method, **options)


def folded(frames, covers, **options):
    fold = Prism(precision="fp32", **options).fold(*frames[0].shape)
    for work in (fold.observe, fold.add):
        for frame, covered in zip(frames, covers, strict=True):
            work(frame, covered)
    return fold.result()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("refine", ["yes", "no"])
def test_blocks_leave_no_seams(axis, refine):
    """A picture of three blocks against the same pixels in a cut whose blocks lie elsewhere."""
    method = f"prism:precision=fp32,levels=3,refine={refine}"
    _, frames, _ = scene(*((64, 700) if axis else (700, 64)), 2, channels=1, seed=axis)
    # Halo and offset on the grid of the pyramid, so that both have the same bands.
    offset, halo = 112, 80
    whole = fuse(frames, method)
    cut = fuse([np.take(frame, range(offset, 700), axis) for frame in frames], method)
    kept = np.take(whole.picture, range(offset + halo, 700), axis)
    found = np.take(cut.picture, range(halo, 700 - offset), axis)
    assert np.abs(kept - found).max() < 1e-4
    kept = np.take(whole.depth, range(offset + halo, 700), axis)
    assert np.abs(kept - np.take(cut.depth, range(halo, 700 - offset), axis)).max() < 1e-3


@pytest.mark.parametrize("end", [37, 101])
def test_bands_beside_a_frame_s_end_do_not_know_what_lies_beyond(end):
    _, frames, _ = scene(128, 256, 3, seed=1)
    covered = np.ones((128, 256), bool)
    covered[:, :end] = False
    made = []
    for beyond in (frames[0], np.random.default_rng(5).integers(0, 2, (128, 256, 1))):
        last = np.where(covered[:, :, None], frames[2], beyond).astype(np.float32)
        made.append(folded([*frames[:2], last], [None, None, covered]))
    apart = np.abs(made[0] - made[1])
    # Bands look across the end from a frame's own side, so that a little comes through.
    assert np.sqrt(np.mean(apart[:, end - 8 : end] ** 2)) < 0.006
    assert apart[:, end + 8 :].max() < 0.02


def test_the_depth_is_not_sure_where_a_frame_has_no_data():
    truth = [similarity(shift=(14, 9)), similarity(), similarity(shift=(-12, 5))]
    _, frames = moving_stack(truth)
    fusion = hyperfocal.fuse(frames, method="prism", keep_size=True)
    assert fusion.covered[100, 40:-40].all()
    assert not fusion.covered[:, :12].any()
    assert not fusion.covered[:, -10:].any()
    assert (fusion.confidence[~fusion.covered] == 0).all()
    assert (fusion.confidence[fusion.covered] > 0).mean() > 0.9
    assert not (fusion.decision[:, -10:] == 0).any()
    assert not (fusion.decision[:, :8] == 2).any()


def test_without_refining_the_picture_is_a_mean_of_the_frames_pixel_by_pixel():
    rng = np.random.default_rng(2)
    _, frames, _ = scene(96, 128, 3, seed=4)
    frames = [frame + rng.normal(0, 0.02, frame.shape).astype(np.float32) for frame in frames]
    low, high = np.min(frames, 0) - 1e-6, np.max(frames, 0) + 1e-6
    plain = fuse(frames, "prism:precision=fp32,refine=no").picture
    assert ((plain >= low) & (plain <= high)).all()
    refined = fuse(frames, "prism:precision=fp32").picture
    assert ((refined < low) | (refined > high)).mean() > 0.01


def test_the_weights_of_a_pixel_are_the_same_in_all_channels():
    _, frames, _ = scene(64, 96, 2, seed=4)
    plain = fuse(frames, "prism:precision=fp32,refine=no").picture
    apart = frames[1] - frames[0]
    known = (np.abs(apart) > 0.03).all(2)
    weights = ((plain - frames[0]) / np.where(apart, apart, 1))[known]
    assert len(weights) > 200
    assert np.ptp(weights, axis=1).max() < 1e-4


def test_the_depth_keeps_to_the_best_frame_twice_as_much_as_the_picture():
    greys = [0.35 + 0.15 * texture(128, 160, seed=seed, channels=1) for seed in (1, 2)]
    # Apart in red everywhere, so that the picture tells the weights, by a colour without luma.
    tint = np.float32([0.3, -0.3 * 0.2126 / 0.7152, 0])
    made = fuse([np.repeat(greys[0], 3, 2), greys[1] + tint], "prism:precision=fp32,refine=no")
    first, second = (grey[:, :, 0].astype(np.float64) for grey in (greys[0], greys[1] + tint[0]))
    weight = np.clip((made.picture[:, :, 0] - first) / (second - first), 1e-6, 1 - 1e-6)
    lead = np.log(weight / (1 - weight))  # of the second frame's score
    half = cv2.GaussianBlur(cv2.resize(lead, (80, 64), interpolation=cv2.INTER_AREA), (5, 5), 1)
    wanted = cv2.resize(1 / (1 + np.exp(-2 * half)), (160, 128))
    assert ((wanted > 0.1) & (wanted < 0.9)).mean() > 0.5
    assert np.abs(made.depth - wanted)[4:-4, 4:-4].max() < 0.03
