"""GACN: what is true of any weights, and what the shipped ones must be able to do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import ODD_FRAMES, psnr, scene, texture

import hyperfocal
from hyperfocal import registry
from hyperfocal.errors import StackError
from hyperfocal.methods.gacn import Gacn, boundary, decider
from hyperfocal.methods.gacn.decider import Decider


def fuse(frames, method="gacn", **options):
    options = {"align": "none", "exposure": "none"} | options
    return hyperfocal.fuse(list(frames), method=method, **options)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("calibration", ["running", "serial"])
@pytest.mark.parametrize("frame_count", [2, 3, 7])
def test_the_composite_comes_close_to_the_truth(frame_count, calibration, channels):
    sharp, frames, truth = scene(96, 224, frame_count, channels=channels)
    fusion = fuse(frames, Gacn(calibration=calibration))
    found = fusion.picture.reshape(sharp.shape)
    assert psnr(found, sharp) > psnr(np.mean(frames, 0), sharp) + 8
    edges = [224 * (band + 1) // frame_count for band in range(frame_count - 1)]
    far = np.abs(np.arange(224)[:, None] - edges).min(1) > 12
    assert (fusion.decision == truth)[:, far].mean() > 0.99
    assert np.abs(fusion.depth - truth)[:, far].mean() < 0.05


def test_all_ways_to_take_more_frames_fuse_a_pair_alike():
    _, frames, _ = scene(96, 128, 2)
    made = [fuse(frames, Gacn(calibration=way)).picture for way in ("running", "serial")]
    published = fuse(frames, Gacn(calibration="published")).picture
    assert np.array_equal(*made)
    assert np.array_equal(made[0], published)


def test_the_published_rule_loses_on_stacks_what_the_running_winner_keeps():
    """Where two frames beat the first it cannot tell them apart (METHODS of the publication)."""
    sharp, frames, _ = scene(96, 240, 4)
    running, published = (
        psnr(fuse(frames, Gacn(calibration=way)).picture, sharp) for way in ("running", "published")
    )
    assert published < running - 6


def test_the_published_rule_by_hand():
    """v₀ = m₁, v₁ = 1 − m₁, vᵢ = v₀ (1 − mᵢ) / (mᵢ + 10⁻⁴); the largest wins, unchanged."""
    _, frames, _ = scene(64, 120, 4, channels=1)
    method = Gacn(calibration="published")
    weights = []
    for frame in frames[1:]:
        fold = method.fold(64, 120, 1)
        fold.add(frames[0])
        weights.append(fold._weigh(frame[:, :, 0], None, None)[0].astype(np.float64))
        weights[-1] = np.asarray(weights[-1])
    values = [weights[0], 1 - weights[0]]
    values += [weights[0] * (1 - weight) / (weight + 1e-4) for weight in weights[1:]]
    expected = np.argmax(values, 0)
    found = fuse(frames, method)
    assert (found.decision == expected).mean() > 0.999  # ties, by rounding
    chosen = np.take_along_axis(np.stack(frames)[..., 0], found.decision[None].astype(int), 0)[0]
    assert np.array_equal(found.picture.reshape(64, 120), chosen)


@pytest.mark.parametrize("calibration", ["running", "published"])
@pytest.mark.parametrize("frame_count", [2, 5])
def test_a_tile_gives_what_the_whole_gives(calibration, frame_count, monkeypatch):
    # The gates of a small frame, too, are found once for all its tiles.
    method = Gacn(calibration=calibration, precision="fp32")
    rows, width = 2 * method.halo + 40, 60
    _, frames, _ = scene(rows + 90, width, frame_count, channels=1)
    frames = [np.ascontiguousarray(frame) for frame in frames]
    memory = str(method.bytes_per_pixel * width * rows)
    whole, tiled = fuse(frames, method), fuse(frames, method, memory=memory)
    assert (whole.decision != tiled.decision).mean() < 1e-3
    assert np.abs(whole.picture - tiled.picture).mean() < 1e-5
    assert np.abs(whole.confidence - tiled.confidence).mean() < 1e-3


def test_serial_fusion_takes_a_picture_as_a_whole_and_says_so():
    _, frames, _ = scene(200, 60, 3)
    with pytest.raises(StackError, match="takes a picture as a whole"):
        fuse(frames, Gacn(calibration="serial"), memory="1MB")


def test_blocks_give_what_the_whole_gives(monkeypatch):
    (first, second) = (frame[:, :, 0] for frame in scene(230, 250, 2, channels=1)[1])
    work = Decider(Gacn(precision="fp32"))
    activities = work.new_activities(230, 250)
    half = len(activities) // 2
    work.encode(first, None, activities[:half])
    work.encode(second, None, activities[half:])
    whole = work.decide(activities)
    monkeypatch.setattr(decider, "_SIDE", 96)
    monkeypatch.setattr(decider, "_DECIDED_WHOLE", 0)
    monkeypatch.setattr(decider, "_WIDE_SIDE", 128)
    cut = np.empty_like(activities)
    work.encode(first, work.gates(first), cut[:half])
    work.encode(second, work.gates(second), cut[half:])
    assert np.abs(cut - activities).max() < 1e-4 * activities.max()
    assert ((work.decide(activities) >= 0.5) != (whole >= 0.5)).mean() < 1e-4


def test_gates_of_a_large_frame_are_close_to_those_of_all_its_pixels(monkeypatch):
    frame = cv2.GaussianBlur(texture(600, 900, channels=1, seed=4), (0, 0), 1.5)
    work = Decider(Gacn())
    pooled = work.gates(frame)
    monkeypatch.setattr("hyperfocal.measures.sesf.POOLED_WHOLE", 10**9)
    assert np.abs(pooled - work.gates(frame)).max() < 0.02


def test_two_decisions_of_a_pair_differ_only_where_a_map_is_soft():
    _, frames, _ = scene(120, 160, 2)
    forth, back = fuse(frames), fuse(frames[::-1])
    apart = forth.decision == back.decision
    assert apart.mean() < 0.02
    assert forth.confidence[apart].mean() < forth.confidence.mean() - 0.3


def test_a_flat_patch_in_a_sharp_object_goes_with_the_object():
    _, frames, truth = scene(120, 160, 2)
    for frame in frames:
        frame[50:66, 28:44] = 0.5
    assert (fuse(frames).decision[50:66, 28:44] == truth[50:66, 28:44]).mean() > 0.98


def test_a_frame_wins_nothing_where_it_has_no_data():
    _, frames, _ = scene(64, 96, 3, channels=1)
    covered = np.zeros((64, 96), bool)
    covered[:, :40] = True
    for order in ([0, 1, 2], [2, 1, 0]):
        fold = Gacn().fold(64, 96, 1)
        for number in order:
            fold.add(frames[number], covered if number == 1 else None)
        fold.result()
        index = fold.depth_estimate().index
        assert not (index == 1)[:, 40:].any()
        assert (index == 1)[:, 34:40].any()


def test_a_frame_takes_over_where_those_before_have_no_data():
    _, frames, _ = scene(64, 96, 2, channels=1)
    covered = np.zeros((64, 96), bool)
    covered[:, 60:] = True
    fold = Gacn().fold(64, 96, 1)
    fold.add(frames[0], covered)
    fold.add(frames[1])
    assert np.abs(fold.result() - frames[1])[:, :60].max() < 1e-6


@pytest.mark.parametrize("spoil", ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_one_odd_frame_leaves_a_sane_picture(spoil):
    _, frames, _ = scene(96, 128, 3)
    made = fuse([*frames, spoil(frames[0])]).picture
    assert np.isfinite(made).all()
    assert 0 <= made.min() <= made.max() <= 1


def test_a_frame_given_twice_changes_little():
    sharp, frames, _ = scene(96, 160, 3)
    once, twice = fuse(frames).picture, fuse([*frames, frames[1]]).picture
    assert abs(psnr(once, sharp) - psnr(twice, sharp)) < 1.5


def test_a_filtered_decision_is_hard_inside_and_soft_at_borders():
    decision = np.zeros((60, 80), np.float32)
    decision[:, 40:] = 1
    weight, sure = boundary.softened(decision, texture(60, 80, channels=1)[:, :, 0])
    assert np.array_equal(weight[:, :30], decision[:, :30])
    assert np.array_equal(weight[:, 50:], decision[:, 50:])
    assert (np.diff(weight[30, 35:45]) > 0).all()
    assert np.allclose(sure[:, [10, 70]], 1, atol=1e-6)
    assert sure[:, 39:41].max() < 0.2


def test_the_halo_is_what_the_layers_see():
    config = registry.make("methods", "gacn").config
    assert (config.reach, config.activity_reach, config.decision_reach) == (4, 10, 19)
    assert Gacn(calibration="published").halo == 35
