"""Arrays of other libraries give what NumPy's give, one frame at a time."""

import gc
import importlib
import tracemalloc

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import StackError
from hyperfocal.stack.opening import open_stack

FAST = "select:measure=tenengrad,consistency=no"
FRAMES = np.stack(as_type(scene(60, 90, 4)[1], np.uint8))
GREY = np.ascontiguousarray(FRAMES[..., 1])


def dask(frames):
    return importlib.import_module("dask.array").from_array(frames, chunks=(1, *frames.shape[1:]))


def xarray(frames):
    names = ("z", "y", "x", "c")[: frames.ndim]
    return importlib.import_module("xarray").DataArray(frames, dims=names)


def turned_xarray(frames):
    """With the frames counted along the last axis, which its names tell."""
    return xarray(frames).transpose(..., "z")


def zarr(frames):
    return importlib.import_module("zarr").array(frames)


def torch(frames):
    return importlib.import_module("torch").from_numpy(frames)


def pictures(frames):
    image = importlib.import_module("PIL.Image")
    return [image.fromarray(frame) for frame in frames]


KINDS = [dask, xarray, turned_xarray, zarr, torch, pictures, iter, list, lambda frames: frames]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [FRAMES, GREY, FRAMES.astype(np.uint16) * 257], ids=str)
def test_every_kind_of_array_gives_the_same_picture(kind, frames):
    if kind is pictures and frames.dtype == np.uint16 and frames.ndim == 4:
        pytest.skip("PIL has no 16-bit colour")
    if kind is torch:
        pytest.importorskip("torch")
    given = kind(frames)
    expected = hyperfocal.fuse(list(frames), method=FAST)
    found = hyperfocal.fuse(given, method=FAST)
    assert found.picture.dtype == frames.dtype
    np.testing.assert_array_equal(found.picture, expected.picture)
    np.testing.assert_array_equal(found.depth, expected.depth)


def test_tensors_on_a_graph_and_lists_of_foreign_arrays_are_frames():
    tensor = pytest.importorskip("torch").from_numpy(FRAMES / np.float32(255)).requires_grad_()
    expected = hyperfocal.fuse(FRAMES / np.float32(255), method=FAST).picture
    np.testing.assert_array_equal(hyperfocal.fuse(tensor, method=FAST).picture, expected)
    mixed = [*dask(FRAMES[:2]), FRAMES[2], *pictures(FRAMES[3:])]
    expected = hyperfocal.fuse(FRAMES, method=FAST).picture
    np.testing.assert_array_equal(hyperfocal.fuse(mixed, method=FAST).picture, expected)


def test_a_palette_is_colours_and_a_profile_is_kept():
    image = importlib.import_module("PIL.Image")
    palette = [image.fromarray(frame).quantize(64) for frame in FRAMES]
    colours = [np.asarray(each.convert("RGB")) for each in palette]
    expected = hyperfocal.fuse(colours, method=FAST).picture
    np.testing.assert_array_equal(hyperfocal.fuse(palette, method=FAST).picture, expected)
    marked = pictures(FRAMES)
    marked[0].info["icc_profile"] = b"profile"
    assert open_stack(marked).info.icc == b"profile"


def test_lazy_arrays_are_read_frame_by_frame():
    read = []

    class Lazy:
        shape, dtype = (60, 90, 3), np.dtype(np.uint8)

        def __init__(self, number):
            self.number = number

        def __array__(self, dtype=None, copy=None):
            read.append(self.number)
            return FRAMES[self.number]

    with open_stack([Lazy(number) for number in range(4)]) as stack:
        assert read == []  # headers only
        stack.samples(2)
        assert read == [2]


def test_an_iterator_of_arrays_does_not_fill_memory():
    frame = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)

    def camera(count):
        for _ in range(count):
            yield frame + np.uint8(1)

    def peak(count):
        gc.collect()
        tracemalloc.start()
        open_stack(camera(count)).close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(3)
    assert peak(40) < peak(4) + 2 * frame.nbytes


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "frames is of type NoneType; give a folder, paths, or arrays"),
        (3, "frames is of type int; give a folder"),
        ([None, None], "frame 1 is of type NoneType; give a folder"),
        (np.zeros((5, 6)), r"an array of shape \(5, 6\) is one frame at most; give a list"),
        (np.zeros((4, 3, 60, 90), np.uint8), r"channels come last: np.moveaxis\(array, 0, -1\)"),
        (np.zeros((4, 60, 90, 4), np.uint8), r"array 1 has shape \(60, 90, 4\); give"),
        (np.zeros((4, 60, 90), np.int32), "array 1 is of type int32; give uint8"),
        (np.zeros((4, 60, 90), bool), "array 1 is of type bool; give uint8"),
        (iter([FRAMES[0], FRAMES[1][:50]]), "array 2 is 50×90×3 uint8, the first is 60×90×3"),
        (iter([]), "no frame in what was given"),
    ],
)
def test_what_holds_no_frames_is_one_line_of_ours(given, told):
    with pytest.raises(StackError, match=told):
        hyperfocal.fuse(given)


def test_frames_along_the_last_axis_are_doubted():
    turned = np.moveaxis(np.repeat(GREY, 2, 0)[:, :, :60], 0, -1)
    report = hyperfocal.fuse(turned, method="lp:levels=1", align="none").report
    assert any("np.moveaxis(array, -1, 0)" in notice for notice in report["notices"])
    assert hyperfocal.fuse(GREY, method=FAST).report["notices"] == []


def test_a_file_that_has_a_fspath_is_no_array(tmp_path):
    with pytest.raises(hyperfocal.FormatError, match="cannot be read"):
        hyperfocal.fuse([tmp_path / "a.png", tmp_path / "b.png"])
