"""Camera RAW, from DNG files made here: developed alike, at a known value, by LibRaw."""

import struct
import sys

import numpy as np
import pytest
import tifffile

import hyperfocal
from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.io import formats
from hyperfocal.io.formats import raw
from hyperfocal.io.metadata import exif

rawpy = pytest.importorskip("rawpy")
FAST = "select:measure=tenengrad,consistency=no"
BLACK, WHITE = 512, 16383
NEUTRAL = (0.5, 1.0, 0.7)


def rationals(values):
    return [number for value in values for number in (round(value * 10000), 10000)]


def write_dng(path, light, *, neutral=NEUTRAL, scene=None, orientation=1, compression=None):
    """A DNG whose sensor saw `light` (0…1) in the colour `scene`, with the camera's `neutral`."""
    scene = neutral if scene is None else scene
    mosaic = np.array(light, float)
    mosaic[0::2, 0::2] *= scene[0]
    mosaic[1::2, 1::2] *= scene[2]
    mosaic = np.rint(BLACK + mosaic * (WHITE - BLACK)).astype(np.uint16)
    tags = [
        (50706, 1, 4, (1, 4, 0, 0)), (271, 2, 0, "Camra"), (50708, 2, 0, "Camra One"),
        (274, 3, 1, orientation), (50721, 10, 9, rationals(np.eye(3).ravel())),
        (50728, 5, 3, rationals(neutral)), (50778, 3, 1, 21), (50714, 4, 1, BLACK),
        (50717, 4, 1, WHITE), (33421, 3, 2, (2, 2)), (33422, 1, 4, (0, 1, 1, 2)),
    ]  # fmt: skip
    tifffile.imwrite(
        path,
        mosaic,
        photometric=32803,
        compression=compression,
        extratags=[(*tag, True) for tag in tags],
        metadata=None,
        software=False,
    )
    return mosaic


def srgb(light):
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "frame.dng"


@pytest.mark.parametrize("light", [0.01, 0.18, 0.5, 0.9])
def test_grey_comes_out_as_grey_of_the_right_brightness(path, light):
    write_dng(path, np.full((64, 96), light))
    (source,) = formats.open_frames(path)
    samples = source.read()
    assert samples.dtype == source.info.dtype == np.uint16
    assert samples.shape == (64, 96, 3) == (source.info.height, source.info.width, 3)
    assert np.abs(samples / 65535 - srgb(light)).max() < 0.004
    assert b"Camra\0" in source.info.exif
    assert b"RGB " in source.info.icc


def test_a_highlight_in_one_frame_changes_nothing_elsewhere(tmp_path):
    light = np.full((64, 96), 0.2)
    write_dng(tmp_path / "0.dng", light)
    light[:8, :8] = 1
    write_dng(tmp_path / "1.dng", light)
    with hyperfocal.open_stack(tmp_path) as stack:
        one, other = stack.samples(0), stack.samples(1)
    assert other[:4, :4].min() > 60000
    assert np.array_equal(one[32:, 32:], other[32:, 32:])


def test_the_first_frames_white_balance_goes_for_all(tmp_path):
    light = np.random.default_rng(0).random((64, 96)) * 0.5
    write_dng(tmp_path / "0.dng", light)
    write_dng(tmp_path / "1.dng", light, neutral=(0.9, 1, 0.4), scene=NEUTRAL)
    alone = formats.open_frames(tmp_path / "1.dng")[0].read()
    with hyperfocal.open_stack(tmp_path) as stack:
        one, other = stack.samples(0), stack.samples(1)
    assert not np.array_equal(one, alone)
    assert np.array_equal(one, other)


def test_a_raw_stack_fuses_to_sixteen_bits(tmp_path):
    light = np.random.default_rng(0).random((64, 96)) * 0.5
    for number in range(3):
        write_dng(tmp_path / f"{number}.dng", light * (1 - number / 10))
    fusion = hyperfocal.fuse(tmp_path, tmp_path / "out.tif", method=FAST)
    assert fusion.picture.dtype == np.uint16
    (source,) = formats.open_frames(tmp_path / "out.tif")
    assert b"Camra\0" in source.info.exif
    assert source.info.icc is not None


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_libraw_turns_it_once(path, orientation):
    light = np.full((64, 96), 0.1)
    light[:16, :16] = 0.8
    write_dng(path, light, orientation=orientation)
    (source,) = formats.open_frames(path)
    bright = {1: (0, 0), 3: (-1, -1), 6: (0, -1), 8: (-1, 0)}[orientation]
    samples = source.read()
    assert samples.shape[:2] == ((64, 96) if orientation in (1, 3) else (96, 64))
    assert samples[bright].min() > 50000
    assert exif.orientation_of(source.info.exif) == 1


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_a_cut_raw_is_found_when_it_is_opened(path, part, complaint):
    write_dng(path, np.random.default_rng(0).random((64, 96)))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    complaint(path, lambda: formats.open_frames(path))


def test_a_tiff_under_a_raw_name_is_read_as_one(path, picture):
    tifffile.imwrite(path, picture(), photometric="rgb")
    assert np.array_equal(formats.open_frames(path)[0].read(), picture())


def test_what_is_no_raw_is_told(path, complaint):
    path.write_bytes(b"FOVb" + bytes(500))
    complaint(path, lambda: formats.open_frames(path))


def test_a_missing_library_gives_the_command(path, monkeypatch):
    write_dng(path, np.full((64, 96), 0.5))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hyperfocal\[raw\]'"):
        formats.open_frames(path)


def test_raw_is_not_written(tmp_path, picture, like):
    with pytest.raises(FormatError, match="only read"):
        formats.save(tmp_path / "a", picture(), like(picture()), suffix=".dng")


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_exif_of_a_cr3_is_put_together_from_its_parts(tmp_path):
    def block(tag, value):
        return struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, tag, 2, 4, value, 0)

    parts = box(b"CMT1", block(271, b"Can\0")) + box(b"CMT2", block(42036, b"Len\0"))
    moov = box(b"moov", box(b"uuid", raw._CANON + parts))
    path = tmp_path / "a.cr3"
    path.write_bytes(box(b"ftyp", b"crx " + bytes(12)) + moov)
    exif = raw._exif(path)
    assert b"Can\0" in exif
    assert b"Len\0" in exif
    assert raw.is_whole(path)
    path.write_bytes(path.read_bytes()[:-3])
    assert not raw.is_whole(path)


def test_exif_of_a_raf_is_that_of_its_preview(tmp_path, picture, like, exif):
    preview = tmp_path / "preview.jpg"
    formats.save(preview, picture(), like(picture(), exif=exif()), suffix=".jpg")
    content = preview.read_bytes()
    head = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 148, len(content))
    head = head.ljust(100, b"\0") + struct.pack(">II", 148, len(content))
    path = tmp_path / "a.raf"
    path.write_bytes(head.ljust(148, b"\0") + content)
    assert raw._exif(path) == exif()
    assert raw.is_whole(path)
    path.write_bytes(path.read_bytes()[:-3])
    assert not raw.is_whole(path)


def test_exif_under_olympus_number_is_read(tmp_path):
    content = struct.pack("<4sIHHHI4sI", b"IIRO", 8, 1, 271, 2, 4, b"Oly\0", 0)
    path = tmp_path / "a.orf"
    path.write_bytes(content)
    assert b"Oly\0" in raw._exif(path)
