"""The optimised decision matrix against its literal definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hyperfocal import options
from hyperfocal.compute.mode_filter import majority, median_index
from hyperfocal.decision.majority import Majority, published_window
from hyperfocal.errors import OptionError

windows = st.integers(0, 30).map(lambda radius: 2 * radius + 1)
sides = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=16)
indices = st.sampled_from([1, 2, 5, 40, 700]).flatmap(
    lambda count: hnp.arrays(np.uint16, sides, elements=st.integers(0, count - 1))
)


def by_definition(index, window, choose):
    radius, result = window // 2, np.empty_like(index)
    for row, column in np.ndindex(index.shape):
        rows = slice(max(0, row - radius), row + radius + 1)
        columns = slice(max(0, column - radius), column + radius + 1)
        result[row, column] = choose(index[rows, columns].ravel())
    return result


def most_frequent(square):
    return np.bincount(square).argmax()


def lower_median(square):
    return np.sort(square)[(square.size - 1) // 2]


def noisy_ramp(height, width, frame_count, *, noise=1.5):
    """A decision over a tilted plane: neighbours nearly agree, as in a real stack."""
    rng = np.random.default_rng(5)
    plane = np.linspace(0, frame_count - 1, width) + rng.normal(0, noise, (height, width))
    return np.clip(np.rint(plane), 0, frame_count - 1).astype(np.uint16)


@given(indices, windows)
def test_the_majority_is_the_definition(index, window):
    expected = by_definition(index, window, most_frequent)
    assert np.array_equal(majority(index, window=window, frame_count=700), expected)


@given(indices, windows)
def test_the_median_is_the_definition(index, window):
    expected = by_definition(index, window, lower_median)
    assert np.array_equal(median_index(index, window=window, frame_count=700), expected)


@pytest.mark.parametrize("window", [3, 41, 1301])
@pytest.mark.parametrize("shape", [(530, 5), (3, 1100), (1, 2000), (2000, 1)])
def test_tiles_leave_no_trace(shape, window):
    index = noisy_ramp(*shape, 30)
    filtered = majority(index, window=window, frame_count=30)
    median = median_index(index, window=window, frame_count=30)
    assert np.array_equal(filtered, by_definition(index, window, most_frequent))
    assert np.array_equal(median, by_definition(index, window, lower_median))


@pytest.mark.parametrize("optimise", [majority, median_index])
def test_the_largest_index_and_large_regions_fit(optimise):
    index = np.zeros((300, 400), np.uint16)
    index[:, 200:] = 65535
    filtered = optimise(index, window=101, frame_count=65536)
    assert filtered.dtype == np.uint16
    assert np.array_equal(filtered, index)


def test_the_smallest_index_wins_a_tie():
    index = np.array([[7, 7, 3, 3, 9]], np.uint16)
    assert majority(index, window=9, frame_count=10)[0, 2] == 3


def test_an_even_number_of_entries_has_the_lower_median():
    index = np.array([[4, 1, 8, 6]], np.uint16)
    assert median_index(index, window=9, frame_count=9).tolist() == [[4, 4, 4, 4]]


def test_the_matrix_itself_is_not_changed():
    index = noisy_ramp(40, 50, 8)
    before = index.copy()
    majority(index, window=5, frame_count=8)
    median_index(index, window=5, frame_count=8)
    assert np.array_equal(index, before)


@pytest.mark.parametrize(
    ("side", "window"), [(1, 1), (19, 1), (20, 1), (40, 3), (60, 3), (100, 5), (4000, 201)]
)
def test_the_published_window_is_a_twentieth_made_odd(side, window):
    assert published_window(side, 2 * side) == published_window(2 * side, side) == window


def test_the_decision_takes_each_pixel_from_its_frame():
    index, decision = noisy_ramp(120, 160, 6), Majority()
    verified = decision.verify(index, frame_count=6)
    assert np.array_equal(verified, majority(index, window=7, frame_count=6))
    weight = decision.weigh(verified == 2, np.zeros((0, 0), np.float32))
    assert weight.dtype == np.float32
    assert np.array_equal(weight, verified == 2)
    assert (decision.halo, decision.needs_guide) == (0, False)


def test_the_options_choose_window_and_median():
    index = noisy_ramp(60, 80, 6)
    decision = options.build(Majority, {"window": "10", "fuzzy": "yes"})
    expected = median_index(index, window=11, frame_count=6)
    assert np.array_equal(decision.verify(index, frame_count=6), expected)
    assert options.build(Majority, {"window": "none"}) == Majority()
    with pytest.raises(OptionError, match="window"):
        options.build(Majority, {"window": "0"})
