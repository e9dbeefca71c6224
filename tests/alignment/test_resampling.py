"""Frames in the reference's geometry, against one warp of the whole and against exact counts."""

import cv2
import numpy as np
import pytest
from scenes import as_type

import hyperfocal
from tests.alignment.placed import OneFrame, placed, saved
from tests.test_alignment import natural, similarity

SHAPE = 200, 300


def shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def warped(frame, matrix):
    """The whole frame in one warp, nothing cut off."""
    return cv2.warpPerspective(
        frame.astype(np.float32),
        matrix,
        frame.shape[1::-1],
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def checks(low, high, dtype):
    """Squares of two values, on which every kernel with negative weights overshoots."""
    squares = np.kron(np.random.default_rng(5).integers(0, 2, (25, 38)), np.ones((8, 8)))
    return (low + squares[:, :300, None] * (high - low)).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [(np.uint8, 0, 255), (np.uint16, 0, 65535), (np.float32, 0.25, 0.75), (np.float32, -1, 3)],
)
@pytest.mark.parametrize("keep_size", [False, True])
def test_halves_of_a_pixel_do_not_take_values_out_of_the_range(
    tmp_path, dtype, low, high, keep_size
):
    frame = checks(low, high, dtype)
    reference = np.full_like(frame, (low + high) / 2)
    made = placed(tmp_path, frame, shift(2.5, 1.5), reference, keep_size=keep_size)
    assert made.dtype == dtype
    assert made.min() == low
    assert made.max() == high
    # Cut off, not run over: between the limits all is as the kernel makes it.
    whole = warped(frame, shift(2.5, 1.5))
    assert whole.min() < low - 0.02 * (high - low)
    at = np.s_[:] if keep_size else np.s_[: len(made), : made.shape[1]]
    shown = np.s_[10:-10, 10:-10]
    apart = made.astype(np.float64) - np.clip(whole, low, high)[at].reshape(made.shape)
    assert np.abs(apart[shown]).max() < 1e-3 * (high - low) + 0.51 * (dtype != np.float32)


@pytest.mark.parametrize(("x", "y"), [(5.5, 3.5), (-5.5, -3.5), (5.0, -3.0)])
def test_exactly_what_lies_outside_a_frame_comes_from_the_reference(tmp_path, x, y):
    frame = as_type([0.3 + 0.6 * natural(*SHAPE, seed=3)], np.uint8)[0]
    made = placed(tmp_path, frame, shift(x, y), np.zeros_like(frame), keep_size=True)
    columns, rows = np.arange(SHAPE[1]) + x, np.arange(SHAPE[0]) + y
    inside = ((rows >= 0) & (rows <= SHAPE[0] - 1))[:, None]
    inside = inside & ((columns >= 0) & (columns <= SHAPE[1] - 1))
    assert np.array_equal((made == 0).all(2), ~inside)


@pytest.mark.parametrize("matrix", [shift(1.5, 2.5), similarity(1.01, 0.7, (1.3, 2.6), (700, 90))])
def test_strips_of_a_tall_frame_join_without_a_seam(tmp_path, matrix):
    frame = as_type([natural(700, 90, seed=2)], np.uint16)[0]
    made = placed(tmp_path, frame, matrix, np.zeros_like(frame), keep_size=True)
    whole = warped(frame, matrix)
    shown = (made != 0).all(2)
    assert shown.mean() > 0.9
    assert np.abs(made - np.clip(whole, 0, 65535))[shown].max() < 30


def test_a_saved_matrix_means_the_same_whatever_its_scale(tmp_path):
    frames = as_type([natural(40, 50)] * 2, np.uint8)
    pictures = []
    for number, scale in enumerate((1.0, 2.0, -0.5)):
        path = saved(tmp_path, [scale * shift(3, -2), np.eye(3)], (40, 50))
        fused = hyperfocal.fuse(frames, method=OneFrame(0), apply_transforms=path)
        pictures.append(fused.picture)
        path.rename(tmp_path / f"{number}.json")
    assert pictures[0].shape == (38, 47, 3)
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])
