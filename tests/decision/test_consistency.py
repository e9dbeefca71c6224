"""Consistency verification against plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hyperfocal.compute import filters
from hyperfocal.decision import consistency

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def dilated(mask, radius):
    """By definition: a pixel is set where the disk around it touches the mask."""
    rows, columns = np.indices(mask.shape)
    result = np.zeros_like(mask)
    for row, column in zip(*np.nonzero(mask), strict=True):
        result |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return result


def regions(mask):
    """Sizes of the side-connected regions, as a map: flood fill by definition."""
    sizes, seen = np.zeros(mask.shape, int), set()
    for start in zip(*np.nonzero(mask), strict=True):
        if start in seen:
            continue
        region, front = {start}, [start]
        while front:
            row, column = front.pop()
            for near in (
                (row + 1, column),
                (row - 1, column),
                (row, column + 1),
                (row, column - 1),
            ):
                inside = 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]
                if inside and mask[near] and near not in region:
                    region.add(near)
                    front.append(near)
        seen |= region
        for place in region:
            sizes[place] = len(region)
    return sizes


@given(masks, st.integers(0, 6))
def test_opening_and_closing_are_the_textbook_ones(mask, radius):
    eroded = ~dilated(~mask, radius)
    assert np.array_equal(consistency.opened(mask, radius), dilated(eroded, radius))
    assert np.array_equal(
        consistency.closed(mask, radius), ~dilated(~dilated(mask, radius), radius)
    )


@given(masks, st.integers(0, 30))
def test_small_regions_of_both_kinds_are_flipped(mask, smallest):
    kept = mask & (regions(mask) >= smallest)
    expected = kept | (~kept & (regions(~kept) < smallest))
    assert np.array_equal(consistency.without_small_regions(mask, smallest), expected)


def test_the_verified_pair_loses_specks_and_holes_and_keeps_the_rest():
    clean = np.zeros((100, 120), bool)
    clean[:, :60] = True
    spoilt = clean.copy()
    spoilt[40:46, 20:26] = False
    spoilt[70:73, 90:100] = True
    assert np.array_equal(consistency.verified_pair(spoilt, radius=5, smallest=120), clean)


def test_specks_of_a_stack_go_to_the_region_around_them():
    clean = np.repeat(np.arange(3, dtype=np.uint16), 40)[None].repeat(90, 0)
    spoilt = clean.copy()
    spoilt[30:34, 20:24] = 2
    spoilt[60:64, 60:64] = 0
    verified = consistency.verified_stack(spoilt, frame_count=3, radius=5, smallest=50)
    assert np.array_equal(verified, clean)


def test_a_stack_of_nothing_but_specks_is_left_alone():
    index = np.random.default_rng(0).integers(0, 5, (40, 40)).astype(np.uint16)
    verified = consistency.verified_stack(index, frame_count=5, radius=5, smallest=50)
    assert np.array_equal(verified, index)


def slices(count):
    """A slanted bar in front of a far wall: each frame has one slice of it."""
    index = np.full((120, 90), count - 1, np.uint16)
    for frame in range(count - 3):
        index[10 + 15 * frame : 25 + 15 * frame, 40:56] = frame
    return index


def test_slices_of_one_surface_stay_together():
    index = slices(9)
    verified = consistency.verified_stack(index, frame_count=9, radius=5, smallest=900)
    assert (verified == index).mean() > 0.98  # opening rounds corners
    alone = np.where((index == 2) | (index == 8), index, 8).astype(np.uint16)
    verified = consistency.verified_stack(alone, frame_count=9, radius=5, smallest=900)
    assert (verified == 8).all()


def test_in_three_frames_a_small_piece_is_given_up_though_its_neighbours_are_large():
    index = np.zeros((80, 80), np.uint16)
    index[30:45, 30:45] = 1
    verified = consistency.verified_stack(index, frame_count=3, radius=5, smallest=900)
    assert (verified == 0).all()


def test_from_four_frames_on_slices_are_one_surface():
    index = np.full((80, 80), 3, np.uint16)
    index[20:35, 30:46], index[35:50, 30:46] = 0, 1  # 240 px each
    verified = consistency.verified_stack(index, frame_count=4, radius=2, smallest=400)
    assert (verified == index)[20:50, 30:46].mean() > 0.95
    verified = consistency.verified_stack(index, frame_count=4, radius=2, smallest=600)
    assert (verified == 3).all()


def test_pieces_of_one_frame_are_no_surface_though_they_nearly_touch():
    index = np.full((80, 90), 5, np.uint16)
    index[20:40, 20:40] = index[20:40, 44:64] = 2  # 400 px each; no disk fits between them
    verified = consistency.verified_stack(index, frame_count=6, radius=3, smallest=600)
    assert (verified == 5).all()
    verified = consistency.verified_stack(index, frame_count=6, radius=3, smallest=350)
    assert (verified == 2).sum() > 700


@given(seed=st.integers(0, 1000), count=st.integers(1, 30), size=st.integers(0, 60))
def test_joined_labels_are_those_that_pairs_connect(seed, count, size):
    pairs = np.random.default_rng(seed).integers(0, count, (size, 2)).astype(np.int32)
    expected = list(range(count))
    for _ in range(count):
        for first, second in pairs:
            least = min(expected[first], expected[second])
            expected[first] = expected[second] = least
    assert consistency._joined(count, pairs).tolist() == expected


def guided_by_definition(guide, mask, radius, epsilon):
    """He, Sun, Tang 2013, eq. 5, 6 and 8, window by window in double precision."""
    guide, mask = guide.astype(float), mask.astype(float)

    def windows(values):
        for row in range(values.shape[0]):
            for column in range(values.shape[1]):
                yield (
                    (row, column),
                    np.s_[
                        max(0, row - radius) : row + radius + 1,
                        max(0, column - radius) : column + radius + 1,
                    ],
                )

    slope, offset, result = (np.zeros_like(guide) for _ in range(3))
    for place, near in windows(guide):
        seen, wanted = guide[near], mask[near]
        covariance = (seen * wanted).mean() - seen.mean() * wanted.mean()
        slope[place] = covariance / (seen.var() + epsilon)
        offset[place] = wanted.mean() - slope[place] * seen.mean()
    for place, near in windows(guide):
        result[place] = slope[near].mean() * guide[place] + offset[near].mean()
    return np.clip(result, 0, 1)


def test_the_guided_filter_is_the_published_one():
    rng = np.random.default_rng(1)
    guide = (rng.random((23, 31)) * 255).astype(np.float32)
    mask = rng.random((23, 31)) < 0.5
    expected = guided_by_definition(guide, mask, 4, 0.1)
    found = filters.guided_filter(guide, mask, radius=4, epsilon=0.1)
    assert np.abs(found - expected).max() < 1e-3


def test_the_guided_filter_follows_the_edge_of_the_guide():
    guide = np.zeros((40, 40), np.float32)
    guide[:, 20:] = 200
    mask = np.zeros((40, 40), bool)
    mask[:, 22:] = True  # two pixels off the edge
    weight = filters.guided_filter(guide, mask, radius=4, epsilon=0.1)
    assert np.diff(weight[20]).argmax() == 19


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 200), (50, 2)])
def test_box_mean_counts_only_what_lies_inside(shape):
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    mean = filters.box_mean(values, 4)
    assert mean[0, 0] == pytest.approx(values[:5, :5].mean(), rel=1e-5)
    assert filters.box_mean(np.ones(shape, np.float32), 4) == pytest.approx(1)
