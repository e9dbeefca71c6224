import numpy as np
import pytest

from hyperfocal.io import formats
from hyperfocal.io.formats import npy


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stack.npy"


@pytest.mark.parametrize("dtype", npy.DTYPES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize(
    ("shape", "count", "frame"),
    [
        ((7, 9), 1, (7, 9, 1)), ((7, 9, 3), 1, (7, 9, 3)), ((7, 9, 1), 1, (7, 9, 1)),
        ((5, 7, 9), 5, (7, 9, 1)), ((5, 7, 9, 3), 5, (7, 9, 3)), ((5, 7, 9, 1), 5, (7, 9, 1)),
    ],
)  # fmt: skip
def test_every_shape_gives_its_frames(path, dtype, order, fortran, shape, count, frame):
    values = np.random.default_rng(0).integers(0, 250, shape).astype(np.dtype(dtype))
    values = values.astype(values.dtype.newbyteorder(order))
    np.save(path, np.asfortranarray(values) if fortran else values)
    sources = formats.open_frames(path)
    formats.require_whole(path)
    assert len(sources) == count
    assert all(source.read().dtype == np.dtype(dtype) for source in sources)
    assert np.array_equal([source.read() for source in sources], values.reshape(count, *frame))


def test_a_stack_is_not_loaded_to_read_a_frame(path, monkeypatch):
    np.save(path, np.zeros((100, 20, 30), np.uint8))
    sources = npy.open(path)
    kinds = []
    real = np.load
    monkeypatch.setattr(np, "load", lambda *a, **k: kinds.append(k["mmap_mode"]) or real(*a, **k))
    assert sources[50].read().shape == (20, 30, 1)
    assert kinds == ["r"]


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 3, 4, 5, 3), "u1"), np.zeros(5, "u1"), np.zeros((0, 5), "u1"),
     np.zeros((5, 5), "f8"), np.zeros((5, 5), "i2"), np.array([[None, 1]], object)],
)  # fmt: skip
def test_other_arrays_are_refused(path, values, complaint):
    np.save(path, values, allow_pickle=True)
    complaint(path, lambda: npy.open(path))
