"""WebP, JPEG XL, AVIF and HEIF: depths, colours, turning and what other programs write."""

import struct
import sys

import imagecodecs
import numpy as np
import pytest

from hyperfocal.errors import MissingExtra
from hyperfocal.io import formats
from hyperfocal.io.bit_depth import stretched
from hyperfocal.io.containers import jxl
from hyperfocal.io.formats import heif, jpegxl, webp
from hyperfocal.io.metadata.exif import orientation_of

from .test_formats import TRUTH, assert_one_line

PIL = pytest.importorskip("PIL")
pytest.importorskip("PIL.features")
pytest.importorskip("PIL.Image")
pillow_heif = pytest.importorskip("pillow_heif")
SRGB = imagecodecs.cms_profile("srgb")


@pytest.fixture(params=[".avif", ".heic"])
def save(request, tmp_path):
    """Writes a picture with Pillow, which is not what reads it."""
    if request.param == ".avif" and not PIL.features.check("avif"):
        pytest.skip("Pillow has no AVIF here")
    pillow_heif.register_heif_opener()

    def make(samples, **options):
        path = tmp_path / f"frame{request.param}"
        PIL.Image.fromarray(samples).save(path, quality=100, **options)
        return path

    return make


@pytest.mark.parametrize("orientation", TRUTH)
def test_the_container_turns_once(save, picture, orientation):
    tags = PIL.Image.Exif()
    tags[271], tags[274] = "Camra", orientation
    (source,) = formats.open_frames(save(picture(), exif=tags.tobytes(), icc_profile=SRGB))
    truth = TRUTH[orientation](picture())
    assert (source.info.height, source.info.width) == truth.shape[:2]
    assert np.abs(source.read().astype(int) - truth).max() <= 6
    assert orientation_of(source.info.exif) == 1
    assert b"Camra" in source.info.exif
    assert source.info.icc == SRGB


def test_grey_and_transparency(save, picture):
    (grey,) = formats.open_frames(save(picture(1)[:, :, 0]))
    assert np.abs(grey.read().astype(int) - picture(1)).max() <= 6
    clear = np.dstack([picture(), picture(1)])
    (source,) = formats.open_frames(save(clear))
    assert source.info.notices == ("transparency",)
    assert source.read().shape == (48, 80, 3)


@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_cut_file_is_found_before_it_is_decoded(save, picture, part, complaint):
    path = save(picture())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    if part == 0.02:  # in the description
        complaint(path, lambda: formats.open_frames(path))
    else:
        assert len(formats.open_frames(path)) == 1
        assert "cut off before its end" in complaint(path, lambda: formats.require_whole(path))


@pytest.mark.parametrize("seed", range(40))
def test_damage_to_the_boxes_gives_one_line_or_samples(save, picture, seed):
    path = save(picture())
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in rng.integers(12, 400, 4):
        content[place] = rng.integers(256)
    path.write_bytes(content)
    try:
        (source,) = formats.open_frames(path)
        source.read()
    except formats.FormatError as error:
        assert_one_line(error)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_avif_fills_sixteen_bits(tmp_path, bits, channels):
    path = tmp_path / "deep.avif"
    values = np.random.default_rng(0).integers(0, 2**bits, (20, 30, channels))
    dtype = np.uint8 if bits == 8 else np.uint16
    shown = values.astype(dtype)[:, :, 0] if channels == 1 else values.astype(dtype)
    path.write_bytes(imagecodecs.avif_encode(shown, level=100, bitspersample=bits))
    samples = formats.open_frames(path)[0].read()
    assert samples.dtype == dtype
    peak = np.iinfo(dtype).max
    assert np.abs(samples - values * (peak / (2**bits - 1))).max() <= 0.5


def test_ten_bit_heic_fills_sixteen_bits(tmp_path, picture):
    path, samples = tmp_path / "deep.heic", picture(3, "uint16")
    wide = pillow_heif.from_bytes(mode="RGB;16", size=(80, 48), data=samples.tobytes())
    wide.save(path, quality=100)
    (source,) = formats.open_frames(path)
    assert source.info.dtype == np.uint16
    assert np.abs(source.read().astype(int) - samples).max() < 65535 * 0.02
    assert source.read().max() > samples.max() * 0.99


def test_a_missing_library_gives_the_command(tmp_path, picture, monkeypatch):
    pillow_heif.register_heif_opener()
    PIL.Image.fromarray(picture()).save(tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hyperfocal\[heif\]'"):
        heif.open(tmp_path / "a.heic")


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("level", ["container", "bare"])
def test_deep_jpeg_xl_fills_sixteen_bits(tmp_path, bits, level):
    path = tmp_path / "deep.jxl"
    values = np.random.default_rng(0).integers(0, 2**bits, (20, 30, 3)).astype(np.uint16)
    options = {"lossless": True, "bitspersample": bits, "usecontainer": level == "container"}
    path.write_bytes(imagecodecs.jpegxl_encode(values, **options))
    samples = formats.open_frames(path)[0].read()
    assert np.abs(samples - values * (65535 / (2**bits - 1))).max() <= 0.5


def test_jpeg_xl_floats_are_refused(tmp_path, complaint):
    path = tmp_path / "float.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(np.zeros((8, 8, 3), np.float32)))
    assert "32-bit" in complaint(path, lambda: jpegxl.open(path))


def test_sixteen_bits_of_jpeg_xl_are_not_called_linear(tmp_path, picture, like):
    samples = picture(3, "uint16")
    linear = imagecodecs.jpegxl_encode(samples, lossless=True)
    start = linear.index(b"jxlc") + 4 if b"jxlc" in linear else 0
    assert not jxl.parse(linear[start:]).is_srgb
    assert jxl.parse(jxl.as_srgb(linear[start:])).is_srgb
    jpegxl.save(tmp_path / "a.jxl", samples, like(samples))
    assert jpegxl.open(tmp_path / "a.jxl")[0].info.notices == ()


def test_exif_does_not_turn_jpeg_xl(tmp_path, picture, like, exif):
    path = tmp_path / "a.jxl"
    jpegxl.save(path, picture(), like(picture(), exif=exif(6)))
    (source,) = jpegxl.open(path)
    assert source.info.exif == exif(1)
    assert np.array_equal(source.read(), picture())


@pytest.mark.parametrize("options", [{"lossless": True}, {"level": 90}])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_kind_of_webp_is_read(tmp_path, picture, options, channels):
    path, samples = tmp_path / "a.webp", picture()
    if channels == 4:
        samples = np.dstack([samples, samples[:, :, 0]])
    path.write_bytes(imagecodecs.webp_encode(samples, **options))
    (source,) = webp.open(path)
    assert (source.info.height, source.info.width) == (48, 80)
    assert bool(source.info.notices) == (channels == 4)
    if "lossless" in options and channels == 3:
        assert np.array_equal(source.read(), samples)
    else:
        assert source.read().shape == (48, 80, 3)


def test_pillow_reads_what_webp_is_written(tmp_path, picture, like, exif):
    webp.save(tmp_path / "a.webp", picture(), like(picture(), exif=exif(), icc=SRGB))
    with PIL.Image.open(tmp_path / "a.webp") as other:
        assert np.array_equal(np.asarray(other), picture())
        assert other.getexif()[271] == "Camra"
        assert other.info["icc_profile"] == SRGB


def test_sides_that_webp_cannot_count_are_refused(tmp_path, like, complaint):
    samples = np.zeros((16_384, 1, 1), np.uint8)
    path = tmp_path / "frame"
    assert ".tif" in complaint(path, lambda: webp.save(path, samples, like(samples)))


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12])
def test_stretching_is_rounded_and_reaches_both_ends(bits):
    values = np.arange(2**bits, dtype=np.uint8 if bits < 8 else np.uint16)
    peak = np.iinfo(values.dtype).max
    wide = stretched(values, bits)
    assert (wide[0], wide[-1]) == (0, peak)
    assert np.abs(wide - values * (peak / (2**bits - 1))).max() <= 0.5


def test_a_bomb_of_webp_is_refused_when_read(tmp_path, complaint):
    path = tmp_path / "bomb.webp"
    sides = struct.pack("<I", 16_382)[:3] * 2
    content = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + sides
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content)) + content)
    (source,) = formats.open_frames(path)
    assert "16383×16383" in complaint(path, source.read)
