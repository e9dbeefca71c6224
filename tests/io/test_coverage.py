"""Places without data: which they are, in any piece of a frame, and what is put there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfocal.io.coverage import Coverage, filled

SEAM = 8


def masks(count=3, height=60, width=75, seed=0):
    """Rectangles of data, each elsewhere."""
    rng = np.random.default_rng(seed)
    found = np.zeros((count, height, width), bool)
    for mask in found:
        top, left = rng.integers(0, 20, 2)
        mask[top : top + 35, left : left + 50] = True
    return found


def covering(found):
    coverage = Coverage(*found[0].shape)
    for number, mask in enumerate(found):
        coverage.add(number, mask)
    return coverage


def near(beyond, distance=SEAM):
    """Places so near to others, by trying all shifts."""
    padded = np.pad(beyond, distance)
    height, width = beyond.shape
    shifts = range(2 * distance + 1)
    return np.any([padded[y : y + height, x : x + width] for y in shifts for x in shifts], axis=0)


def test_what_a_frame_lacks_and_another_has_is_uncovered_with_its_seam():
    found = masks()
    coverage = covering(found)
    for number, mask in enumerate(found):
        truth = ~near(found.any(0) & ~mask)
        assert np.array_equal(coverage.covered(number, slice(None)), truth)


@settings(max_examples=30, deadline=None)
@given(rows=st.tuples(st.integers(0, 59), st.integers(1, 60)).map(lambda r: slice(r[0], sum(r))))
def test_rows_are_those_of_the_whole(rows):
    coverage = covering(masks())
    whole = coverage.covered(1, slice(None))
    assert np.array_equal(coverage.covered(1, rows), whole[rows])


def test_frames_that_have_all_are_not_asked():
    coverage = Coverage(5, 7)
    coverage.add(0, None)
    coverage.add(1, np.ones((5, 7), bool))
    coverage.add(2, np.eye(5, 7, dtype=bool))
    assert [number in coverage for number in range(3)] == [False, False, True]
    assert coverage.covered(0, slice(None)) is None
    assert coverage.lacks(2)
    assert coverage.lacking == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("enlarged", [1, 24])
def test_filled_places_are_smooth_and_the_rest_is_untouched(dtype, enlarged):
    peak = 1 if dtype == np.float32 else np.iinfo(dtype).max
    rows, columns = np.mgrid[0:64, 0:96] / 96
    samples = np.stack([rows, columns, rows + columns / 4], 2) * peak * 0.7
    samples = np.kron(samples, np.ones((1, enlarged, 1))).astype(dtype)
    mask = np.zeros(samples.shape[:2], bool)
    mask[20:44, 30 * enlarged : 66 * enlarged] = True
    broken = samples * mask[:, :, None]
    result = filled(broken, mask, ~mask)
    assert np.array_equal(result[mask], samples[mask])
    assert result.dtype == dtype
    assert result.shape == samples.shape
    inside = samples[mask].astype(float)
    assert (result[~mask] >= inside.min(0) - 1).all()
    assert (result[~mask] <= inside.max(0) + 1).all()
    steps = np.abs(np.diff(result.astype(float), axis=1)).max() / peak
    assert steps < 0.12  # no edge: black beside the brightest would be 0.7


def test_only_the_wanted_places_are_filled():
    samples = np.full((9, 9, 1), 50, np.uint8)
    mask, wanted = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    mask[3:6, 3:6], wanted[0] = True, True
    samples[~mask] = 7
    result = filled(samples, mask, wanted)
    assert (result[0] == 50).all()
    assert (result[1:3] == 7).all()


@pytest.mark.parametrize(("inset", "is_filled"), [(1, True), (12, False)])
def test_places_that_no_frame_has_stay_unless_they_are_few(inset, is_filled):
    mask = np.zeros((60, 75), bool)
    mask[inset:-inset, inset:-inset] = True
    smaller = mask.copy()
    smaller[30:40, 30:40] = False
    coverage = covering([mask, smaller])
    samples = np.where(mask, 200, 0).astype(np.uint8)[:, :, None]
    completed = coverage.completed(1, samples)
    assert (completed[smaller] == 200).all()
    assert (completed[30:40, 30:40] == 200).all()
    assert (completed[0] == (200 if is_filled else 0)).all()
