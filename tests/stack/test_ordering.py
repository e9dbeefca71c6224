"""The order of frames and blurred ones are found from what is sharp in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import scene, texture

from hyperfocal.stack import ordering
from hyperfocal.stack.opening import open_stack

EXAMPLES = Path(__file__).parents[2] / "examples"
RENDERED = Path(__file__).parents[3] / "shared" / "data" / "rendered"


def ramp(count, *, height=180, width=240, seed=0, noise=0.0):
    """A plane tilted away from the camera, focused at `count` distances."""
    sharp = texture(height, width, seed=seed)
    rng = np.random.default_rng(seed)
    levels = [sharp, *(cv2.GaussianBlur(sharp, (0, 0), 0.5 * level) for level in range(1, 17))]
    place = np.broadcast_to(np.linspace(0, count - 1, width), (height, width))
    frames = []
    for focus in range(count):
        level = np.rint(np.abs(place - focus) * 16 / count).astype(int)
        frame = np.empty_like(sharp)
        for each in np.unique(level):
            frame[level == each] = levels[each][level == each]
        noisy = frame + noise * rng.standard_normal(frame.shape).astype(np.float32)
        frames.append(np.clip(noisy, 0, 1))
    return frames


def details(frames):
    with open_stack(frames) as stack:
        return ordering.detail_maps(stack)


def tau(order):
    """Kendall's rank correlation with 0, 1, 2…, by its definition."""
    pairs = [np.sign(b - a) for place, a in enumerate(order) for b in order[place + 1 :]]
    return float(np.mean(pairs))


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("count", [4, 9, 20])
def test_shuffled_frames_find_their_order(count, noise):
    frames = ramp(count, noise=noise)
    shuffled = np.random.default_rng(count).permutation(count)
    between = ordering.distances(details([frames[index] for index in shuffled]))
    order = ordering.shortest_path(between)
    assert sorted(order) == list(range(count))
    assert abs(tau(shuffled[order])) == 1


def test_the_path_agrees_with_the_order_given_where_it_can():
    between = ordering.distances(details(ramp(6)))
    assert ordering.shortest_path(between) == list(range(6))


def test_a_shorter_path_is_not_to_be_had_by_trying_all():
    from itertools import permutations

    for seed in range(5):
        points = np.random.default_rng(seed).random((7, 2), np.float32)
        between = np.linalg.norm(points[:, None] - points[None], axis=2).astype(np.float32)
        best = min(ordering.path_length(between, list(p)) for p in permutations(range(7)))
        found = ordering.path_length(between, ordering.shortest_path(between))
        assert found <= best * 1.05


def test_frames_that_are_all_alike_stay_as_they_are():
    frame = texture(60, 80)
    assert sorted(ordering.shortest_path(ordering.distances(details([frame] * 5)))) == [
        0, 1, 2, 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_frame_blurred_everywhere_is_found_and_no_other(noise):
    frames = ramp(6, noise=noise)
    assert ordering.blurred(details(frames)) == []
    rng = np.random.default_rng(1)
    shaken = cv2.GaussianBlur(texture(180, 240), (0, 0), 6)
    shaken += np.float32(noise) * rng.standard_normal(shaken.shape).astype(np.float32)
    assert ordering.blurred(details([*frames[:3], shaken, *frames[3:]])) == [3]


def test_a_frame_that_is_sharp_in_one_corner_only_stays():
    sharp = texture(180, 240)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 6)
    corner = blurred.copy()
    corner[:40, :60] = sharp[:40, :60]
    assert ordering.blurred(details([sharp, corner, blurred])) == [2]


def test_two_frames_are_always_left():
    sharp = texture(180, 240)
    blurred = [cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in (5, 6, 7)]
    assert len(ordering.blurred(details([sharp, *blurred]))) == 2
    assert ordering.blurred(details([sharp, blurred[0]])) == []


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_flat_frames_are_not_called_blurred(level):
    assert ordering.blurred(details([np.full((40, 50, 1), level, np.float32)] * 3)) == []


def test_flicker_does_not_count():
    _, frames, _ = scene(120, 160, 4)
    first = details(frames)
    second = details([frame * np.float32(0.5) for frame in frames])
    assert np.allclose(first, second, rtol=0.05, atol=1e-5)


@pytest.mark.parametrize(
    "folder",
    [EXAMPLES / "macro_bug", RENDERED / "micro_tissue", RENDERED / "still_life"],
    ids=lambda folder: folder.name,
)
def test_rendered_stacks_find_their_order(folder):
    files = sorted(folder.glob("frame_*.png"))
    if not files:
        pytest.skip(f"needs {folder.name} of the development data beside the project")
    known = details(files)
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(len(files))
        order = ordering.shortest_path(ordering.distances(known[shuffled]))
        assert abs(tau(shuffled[order])) == 1
    assert ordering.blurred(known) == []


def test_a_finished_picture_is_told_from_all_frames():
    frames = ramp(9, noise=0.01)
    sharp = np.clip(texture(180, 240), 0, 1)
    assert ordering.finished(details(frames)) is None
    for place in (0, 4, 9):
        both = [*frames[:place], sharp, *frames[place:]]
        assert ordering.finished(details(both)) == place


def test_noise_everywhere_is_no_finished_picture():
    frames = ramp(9)
    rng = np.random.default_rng(1)
    for sigma in (0.02, 0.1, 0.3):
        noisy = frames[4] * 0.2 + sigma * rng.standard_normal(frames[4].shape)
        both = [*frames[:4], np.clip(noisy, 0, 1).astype(np.float32), *frames[5:]]
        assert ordering.finished(details(both)) is None


@pytest.mark.skipif(not RENDERED.exists(), reason="the rendered stacks are not here")
@pytest.mark.parametrize("name", ["macro_bug", "micro_tissue", "still_life", "still_life_breath"])
def test_no_frame_of_a_rendered_stack_is_a_finished_picture(name):
    with open_stack(sorted((RENDERED / name).glob("frame_*.png"))) as stack:
        found = ordering.detail_maps(stack)
    parts = [found, found[::2], found[1::2]]
    parts += [
        found[first : first + count] for count in (4, 6) for first in range(len(found) - count)
    ]
    assert [ordering.finished(part) for part in parts] == [None] * len(parts)
