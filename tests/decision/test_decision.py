"""The decision over a stack."""

import numpy as np
import pytest

from hyperfocal.decision.argmax import ArgMax, winners
from hyperfocal.decision.verification import ConsistencyVerification, NoVerification


def contest_of(maps):
    contest = ArgMax(*maps[0].shape)
    for frame, focus_map in enumerate(maps):
        contest.add(frame, focus_map)
    return contest


def test_the_contest_is_the_arg_max():
    maps = np.random.default_rng(0).random((7, 30, 40)).astype(np.float32)
    assert np.array_equal(contest_of(maps).index, maps.argmax(0))


def test_a_later_frame_wins_a_tie():
    maps = np.ones((3, 4, 5), np.float32)
    assert (contest_of(maps).index == 2).all()


def test_confidence_compares_the_two_best():
    maps = np.float32([[[1, 0, 3]], [[4, 0, 3]], [[2, 0, 1]]])
    assert contest_of(maps).confidence() == pytest.approx(np.float32([[0.5, 0, 0]]))


def test_confidence_does_not_depend_on_the_order():
    maps = np.random.default_rng(1).random((5, 9, 9)).astype(np.float32)
    assert np.array_equal(contest_of(maps).confidence(), contest_of(maps[::-1]).confidence())


def test_a_raw_decision_takes_each_pixel_from_one_frame():
    mask = np.eye(5, dtype=bool)
    assert np.array_equal(NoVerification().weigh(mask, np.empty(0, np.float32)), mask)


def test_weights_of_all_frames_add_up_to_one_where_none_is_clipped():
    rng = np.random.default_rng(2)
    index = np.repeat(np.arange(3, dtype=np.uint16), 30)[None].repeat(60, 0)
    guide = (rng.random(index.shape) * 255).astype(np.float32)
    weights = [ConsistencyVerification().weigh(index == frame, guide) for frame in range(3)]
    assert np.sum(weights, 0).min() > 0.999


def test_a_weight_is_the_same_whether_its_support_is_cut_out_or_not():
    from hyperfocal.compute.filters import guided_filter

    rng = np.random.default_rng(3)
    mask = np.zeros((90, 110), bool)
    mask[30:45, 50:70] = True
    guide = (rng.random(mask.shape) * 255).astype(np.float32)
    whole = guided_filter(guide, mask, radius=4, epsilon=0.1)
    assert np.abs(ConsistencyVerification().weigh(mask, guide) - whole).max() < 1e-5


@pytest.mark.parametrize(
    ("frame_count", "share", "smallest"),
    [(2, None, 400), (2, 0.02, 800), (3, 0.01, 267), (5, 0.01, 160), (10, 0.05, 400)],
)
def test_regions_are_kept_from_the_share_on_that_is_asked_for(frame_count, share, smallest):
    options = {} if share is None else {"smallest_share": share}
    verification = ConsistencyVerification(opening_radius=0, **options)
    for area in (smallest - 1, smallest):
        index = np.full((200, 200), frame_count - 1, np.uint16)
        index.reshape(-1)[40 * 200 : 40 * 200 + area % 100] = 0
        index[41 : 41 + area // 100, :100] = 0  # frame 0 and the last are no neighbours
        kept = verification.verify(index, frame_count=frame_count)
        assert (kept == 0).sum() == (area if area == smallest else 0)


def test_winners_are_the_frames_in_use():
    assert winners(np.uint16([[3, 0], [3, 7]])) == [0, 3, 7]
