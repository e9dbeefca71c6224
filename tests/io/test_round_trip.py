"""Whatever is written can be read: any metadata, every format."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import hyperfocal
from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.io.containers import tiff_directories as directories

SUFFIXES = sorted(set(formats.writable_suffixes()) - {".tiff", ".btf", ".tf8", ".ome.tiff"})
RANDOM = np.random.default_rng(5)
STARTS = (
    b"", b"ImageJ=1.53\nimages=3\nslices=3\n", b"SCIFIO=1\nimages=2\n", b"shape=(3, 40, 56)",
    b'{"shape": [3, 40, 56]}', b"<?xml?><OME></OME>", b"\0ImageJ=1\nimages=9\n", b" ImageJ=1",
    b"Aperio Image\n", b"<MetaData></MetaData>", b"MM\0*", b"\xff\xfe",
)  # fmt: skip

descriptions = st.builds(
    lambda start, behind, end: start + behind + end,
    st.sampled_from(STARTS),
    st.binary(max_size=40),
    st.sampled_from([b"", b"\0", b"\0\xff\xff", b"OME>", b"\0" * 300]),
)
tags = st.sampled_from([270, 271, 272, 305, 306, 315, 33432, 40091, 700, 34665, 37510, 37500])
kinds = st.sampled_from([1, 2, 3, 4, 5, 7, 9, 10, 12])
entries = st.dictionaries(tags, st.tuples(kinds, st.binary(max_size=40)), max_size=5)
sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8}


def block_of(description, others):
    """An EXIF block with this description and these values, be they what they may."""
    held = {
        tag: directories.Entry(kind, len(value) // sizes[kind], value.ljust(4, b"\0"), 0)
        for tag, (kind, value) in others.items()
        if len(value) >= sizes[kind]
    }
    if description:
        padded = description.ljust(4, b"\0")
        held[270] = directories.Entry(2, len(description), padded, 0)
    layout = directories.Layout("<", False)
    return b"II*\0\x08\0\0\0" + directories.pack(directories.Directory(held), layout, start=8)


SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def require_read_back(path, samples, info):
    """That a file is written whole and as one frame, or refused."""
    suffix = formats.suffix_of(path)
    if samples.dtype.name not in formats.dtypes(suffix):
        return
    path.unlink(missing_ok=True)
    formats.save(path, samples, info, suffix=suffix)
    formats.require_whole(path)
    (source,) = formats.open_frames(path)
    shown = source.read()
    assert shown.shape[:2] == samples.shape[:2]
    if suffix in (".png", ".tif", ".ome.tif", ".bmp", ".npy", ".ppm", ".pgm"):
        assert np.array_equal(shown, samples)


@pytest.mark.parametrize("suffix", [each for each in SUFFIXES if "zarr" not in each])
@SETTINGS
@given(
    description=descriptions,
    others=entries,
    cut=st.none() | st.integers(0, 60),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.sampled_from([1, 3]),
    length=st.sampled_from([None, 0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"), 0.5]),
)
@example(STARTS[1] + b"\0\xff\xff", {}, None, np.uint16, 1, None)
def test_a_written_picture_is_read_again(
    tmp_path, suffix, description, others, cut, dtype, channels, length
):
    samples = RANDOM.integers(0, 255, (12, 16, channels)).astype(dtype)
    if dtype == np.float32:
        samples /= 255
    exif = block_of(description, others)[: None if cut is None else -cut or None]
    exif = formats.with_provenance(
        exif, software="hyperfocal", frame_count=3, height=12, width=16, recipe='{"hyperfocal":1}'
    )
    pixel = None if length is None else (length, length)
    info = FrameInfo(
        "x", 12, 16, channels, np.dtype(dtype), exif=exif, step_um=length, pixel_um=pixel
    )
    if suffix in (".pgm", ".ppm") and channels != (1 if suffix == ".pgm" else 3):
        return
    require_read_back(tmp_path / f"x{suffix}", samples, info)


def odd_stack(path, description, count):
    """ImageJ's stack with a description tag of so many bytes, filled with what is no text."""
    tifffile = pytest.importorskip("tifffile")
    frames = np.full((3, 40, 56), 0x8181, np.uint16) + np.arange(56, dtype=np.uint16) * 256
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "ZYX"})
    content = bytearray(path.read_bytes())
    for at in range(10, 10 + 12 * content[8], 12):
        if content[at : at + 2] == b"\x0e\1":
            content[at + 4 : at + 8] = struct.pack("<I", count)
            (start,) = struct.unpack("<I", content[at + 8 : at + 12])
            content[start : start + len(description)] = description
    path.write_bytes(content)


@pytest.mark.parametrize("count", [60, 62, 63, 64, 70, 600])
@pytest.mark.parametrize(
    "description", [b"", b"ImageJ=1.5\nimages=3\0", b"SCIFIO=1\nimages=3\n\xff"]
)
def test_what_is_made_of_an_odd_stack_is_read_again(tmp_path, description, count):
    odd_stack(tmp_path / "w.tif", description, count)
    for name in ("a.tif", "a.ome.tif", "a.png"):
        try:
            hyperfocal.fuse(tmp_path / "w.tif", tmp_path / name, method="lp")
        except FormatError:
            continue
        assert len(formats.open_frames(tmp_path / name)) == 1
