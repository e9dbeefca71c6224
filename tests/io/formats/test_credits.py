"""The EXIF block of a fused picture, and what exiftool makes of it."""

import json
import shutil
import struct
import subprocess

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hyperfocal
from hyperfocal.io import formats
from hyperfocal.io.formats import jpeg
from hyperfocal.io.metadata.provenance import with_provenance

FAST = "select:measure=tenengrad,consistency=no"
MADE = {"software": "hyperfocal 1.0", "frame_count": 24, "height": 48, "width": 80}


def with_thumbnail(block):
    """A little-endian block with a second directory and a JPEG behind it, as cameras write it."""
    thumbnail = imagecodecs.jpeg8_encode(np.full((16, 16, 3), 90, np.uint8))
    at = len(block)
    end = 8 + 2 + 12 * struct.unpack_from("<H", block, 8)[0]
    table = struct.pack("<H", 3) + struct.pack("<HHIHH", 259, 3, 1, 6, 0)
    table += struct.pack("<HHII", 513, 4, 1, at + 2 + 36 + 4)
    table += struct.pack("<HHII", 514, 4, 1, len(thumbnail)) + bytes(4)
    return block[:end] + struct.pack("<I", at) + block[end + 4 :] + table + thumbnail


def told(path):
    run = subprocess.run(
        ["exiftool", "-json", "-n", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(run.stdout)[0]


@pytest.fixture
def stack(tmp_path, picture, like, exif):
    """Three frames of a camera, with orientation 1 and a thumbnail."""
    for number in range(3):
        info = like(picture(), exif=with_thumbnail(exif()), icc=imagecodecs.cms_profile("srgb"))
        jpeg.save(tmp_path / f"{number}.jpg", picture() // (number + 1), info)
    return [tmp_path / f"{number}.jpg" for number in range(3)]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".ome.tif"])
def test_exiftool_reads_camera_software_and_frame_count(tmp_path, stack, suffix):
    assert "ThumbnailImage" in told(stack[0])
    out = tmp_path / f"out{suffix}"
    hyperfocal.fuse(stack, out, method=FAST)
    tags = told(out)
    assert (tags["Make"], tags["ExposureTime"]) == ("Camra", 1 / 125)
    assert tags["Software"] == f"hyperfocal {hyperfocal.__version__}"
    assert (tags["CompositeImage"], tags["CompositeImageCount"]) == (2, "3 3")
    assert "ThumbnailImage" not in tags
    assert tags["Orientation"] == 1
    if suffix != ".ome.tif":
        assert tags["ImageDescription"] == "Focus stack of 3 frames"
    assert "ProfileCMMType" in tags


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_a_turned_frame_comes_out_upright_once(tmp_path, picture, like, exif):
    for number in range(2):
        jpeg.save(tmp_path / f"{number}.jpg", picture(), like(picture(), exif=exif(6, ">")))
    out = tmp_path / "out.jpg"
    fusion = hyperfocal.fuse(sorted(tmp_path.glob("*.jpg")), out, method=FAST)
    assert fusion.picture.shape == (80, 48, 3)
    tags = told(out)
    assert (tags["Orientation"], tags["ImageWidth"], tags["ImageHeight"]) == (1, 48, 80)


def test_the_bytes_of_the_thumbnail_are_gone(exif):
    block = with_thumbnail(exif())
    assert b"\xff\xd8\xff" in block
    assert b"\xff\xd8\xff" not in with_provenance(block, **MADE)


def test_maker_notes_stay_where_their_offsets_point(exif):
    block = with_thumbnail(exif())
    assert with_provenance(block, **MADE).index(b"note") == block.index(b"note")


def field(order, tag, kind, count, form, value):
    content = struct.pack(order + form, value).ljust(4, b"\0")
    return struct.pack(order + "HHI", tag, kind, count) + content


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("version", "wanted"), [(b"0220", b"0232"), (b"0300", b"0300")])
def test_sides_and_version_are_those_of_the_fused_picture(order, version, wanted):
    below = [
        field(order, 36864, 7, 4, "4s", version),
        field(order, 40962, 3, 1, "H", 6000),
        field(order, 40963, 3, 1, "H", 4000),
    ]
    block = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 1)
    block += field(order, 34665, 4, 1, "I", 26) + bytes(4) + struct.pack(order + "H", 3)
    block += b"".join(below) + bytes(4)
    made = with_provenance(block, **MADE)[len(block) :]
    assert field(order, 40962, 4, 1, "I", MADE["width"]) in made
    assert field(order, 40963, 4, 1, "I", MADE["height"]) in made
    assert field(order, 36864, 7, 4, "4s", wanted) in made


def test_sides_are_not_told_where_the_camera_did_not(exif):
    made = with_provenance(exif(), **MADE)
    assert struct.pack("<HH", 40962, 4) not in made
    assert field("<", 36864, 7, 4, "4s", b"0232") in made


def test_a_caption_of_ones_own_is_kept():
    caption = struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, 270, 2, 4, b"Bug\0", 0)
    made = with_provenance(caption, **MADE)
    assert b"Bug\0" in made
    assert b"Focus stack" not in made


@given(st.binary(max_size=200))
def test_a_block_of_nonsense_is_replaced_or_kept_but_never_fails(nonsense):
    for block in (nonsense, b"II*\0\x08\0\0\0" + nonsense):
        assert b"hyperfocal 1.0" in with_provenance(block, **MADE)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 200), flips=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255))))
def test_damaged_exif_never_harms_the_samples(tmp_path_factory, cut, flips):
    folder = tmp_path_factory.getbasetemp()
    child = struct.pack("<HHHI4sI", 1, 37500, 7, 4, b"note", 0)
    block = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 34665, 4, 1, 26, 0) + child
    damaged = bytearray(block[: max(1, cut)])
    for place, value in flips:
        damaged[place % len(damaged)] = value
    samples = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    info = hyperfocal.frame.FrameInfo("", 4, 5, 3, samples.dtype, exif=bytes(damaged))
    for suffix in (".png", ".tif"):
        path = folder / f"damaged{suffix}"
        formats.save(path, samples, info, suffix=suffix)
        (source,) = formats.open_frames(path)
        assert sorted(source.read().ravel()) == sorted(samples.ravel())  # it may be turned
        with_provenance(source.info.exif, **MADE)
