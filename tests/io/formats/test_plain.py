"""BMP and PNM: every kind, as other programs write it or by hand from the specification."""

import struct

import cv2
import numpy as np
import PIL.Image
import pytest

from hyperfocal.io import formats
from hyperfocal.io.formats import bmp, pnm

RNG = np.random.default_rng(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "frame.bmp"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(7, 9), (5, 8), (1, 1)])
def test_a_bmp_of_another_program_gives_its_exact_samples(path, mode, shape):
    picture = PIL.Image.fromarray(RNG.integers(0, 256, (*shape, 3), np.uint8))
    picture = picture.quantize(20) if mode == "P" else picture.convert(mode)
    picture.save(path)
    (source,) = formats.open_frames(path)
    is_grey = mode in ("1", "L")
    truth = np.atleast_3d(np.array(picture.convert("L" if is_grey else "RGB")))
    assert source.info.channels == truth.shape[2]
    assert np.array_equal(source.read(), truth)


def header(width, height, bits, compression=0, length=40, more=b"", start=None, size=0):
    """What stands before palette and samples."""
    info = struct.pack(
        "<IiiHHIIiiII", length, width, height, 1, bits, compression, size, 0, 0, 0, 0
    )
    start = 14 + len(info + more) if start is None else start
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, start) + info + more


def test_a_bmp_from_the_top_down_is_not_turned_over(path):
    rows = RNG.integers(0, 256, (3, 4, 3), np.uint8)
    path.write_bytes(header(4, -3, 24) + rows.tobytes())
    assert np.array_equal(bmp.open(path)[0].read(), rows[:, :, ::-1])


def test_a_bmp_of_os2_is_read(path):
    head = b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, 2, 1, 1, 24)
    path.write_bytes(head + bytes([3, 2, 1, 6, 5, 4, 0, 0]))
    assert bmp.open(path)[0].read().tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("masks", "bits"), [((0x7C00, 0x3E0, 0x1F), 5), ((0xF800, 0x7E0, 0x1F), 6)]
)
def test_sixteen_bits_a_pixel_are_widened(path, masks, bits):
    words = np.array([0xFFFF & (masks[0] | masks[1] | masks[2]), masks[1], 0, masks[0]], "<u2")
    more = struct.pack("<III", *masks)
    path.write_bytes(header(4, 1, 16, 3, more=more) + words.tobytes())
    samples = bmp.open(path)[0].read()[0]
    assert samples[2].tolist() == [0, 0, 0]
    assert samples[0].min() >= 0xF8
    assert samples[1, 0] == samples[1, 2] == samples[3, 1] == 0
    assert samples[1, 1] >= 255 - 255 // 2**bits


def test_run_lengths_are_read(path):
    colours = RNG.integers(0, 256, (256, 4), np.uint8)
    colours[:, 3] = 0
    runs = bytes([3, 7, 1, 9, 0, 0, 0, 4, 1, 2, 3, 4, 0, 1])  # two rows, the second literal
    start = 14 + 40 + 1024
    head = header(4, 2, 8, 1, start=start, size=len(runs))
    path.write_bytes(head + colours.tobytes() + runs)
    indices = np.array([[1, 2, 3, 4], [7, 7, 7, 9]])
    assert np.array_equal(bmp.open(path)[0].read(), colours[indices][:, :, 2::-1])


@pytest.mark.parametrize(
    ("bits", "compression", "more"),
    [(24, 4, b""), (24, 5, b""), (7, 0, b""), (32, 3, struct.pack("<III", 255, 65280, 0xFF0000))],
)
def test_a_bmp_that_cannot_be_read_honestly_is_refused(path, bits, compression, more, complaint):
    path.write_bytes(header(4, 2, bits, compression, more=more) + bytes(64))
    assert "as PNG" in complaint(path, lambda: bmp.open(path))


def test_alpha_of_a_bmp_is_told(path):
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    path.write_bytes(header(1, 1, 32, 3, length=56, more=masks) + bytes([3, 2, 1, 0]))
    (source,) = bmp.open(path)
    assert source.info.notices == ("transparency",)
    assert source.read().tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("channels", [1, 3])
def test_other_programs_read_the_bmp_that_is_written(path, picture, like, channels):
    samples = picture(channels, height=7, width=9)
    bmp.save(path, samples, like(samples))
    assert np.array_equal(np.atleast_3d(np.array(PIL.Image.open(path))), samples)
    other = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(other[:, :, :channels], samples)


def text(kind, head, values):
    return f"{kind}\n{head}\n".encode() + b"\n".join(str(v).encode() for v in values.ravel())


@pytest.mark.parametrize("peak", [1, 15, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("is_text", [False, True])
def test_the_highest_value_of_a_pnm_is_white(tmp_path, peak, channels, is_text):
    path = tmp_path / "frame.pnm"
    values = RNG.integers(0, peak + 1, (5, 6, channels))
    values[0, 0], values[0, 1] = 0, peak
    if is_text:
        kind = "P2" if channels == 1 else "P3"
        path.write_bytes(text(kind, f"# made by\n6 # width\n5\n{peak}", values))
    else:
        head = f"P{5 if channels == 1 else 6} 6 5\n#\n{peak}\n".encode()
        path.write_bytes(head + values.astype(">u2" if peak > 255 else "u1").tobytes())
    (source,) = formats.open_frames(path)
    formats.require_whole(path)
    white = 255 if peak < 256 else 65535
    assert source.info.dtype == (np.uint8 if peak < 256 else np.uint16)
    assert np.abs(source.read() - values * (white / peak)).max() <= 0.5


@pytest.mark.parametrize("width", [1, 7, 8, 9])
@pytest.mark.parametrize("is_text", [False, True])
def test_bits_of_a_pbm_are_black_where_they_are_set(tmp_path, width, is_text):
    path = tmp_path / "frame.pbm"
    bits = RNG.integers(0, 2, (3, width), np.uint8)
    rows = np.packbits(bits, axis=1).tobytes()
    digits = "\n".join("".join(map(str, row)) for row in bits).encode()
    path.write_bytes(
        f"P{1 if is_text else 4}\n{width} 3\n".encode() + (digits if is_text else rows)
    )
    assert np.array_equal(pnm.open(path)[0].read()[:, :, 0], 255 * (1 - bits))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
def test_pfm_stands_on_its_head_in_either_order_of_bytes(tmp_path, order, channels):
    path = tmp_path / "frame.pfm"
    values = RNG.random((4, 5, channels), np.float32)
    head = f"P{'f' if channels == 1 else 'F'}\n5 4\n{-1.0 if order == '<' else 1.0}\n".encode()
    path.write_bytes(head + values[::-1].astype(order + "f4").tobytes())
    assert np.array_equal(pnm.open(path)[0].read(), values)


def test_opencv_agrees_on_what_is_written(tmp_path, picture, like):
    for suffix, channels, dtype in ((".pgm", 1, "uint16"), (".ppm", 3, "uint8")):
        samples, path = picture(channels, dtype), tmp_path / f"frame{suffix}"
        pnm.save(path, samples, like(samples))
        other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.atleast_3d(other)[:, :, ::-1], samples)


def test_a_pnm_of_several_pictures_says_so(tmp_path, picture, like):
    path = tmp_path / "film.ppm"
    pnm.save(path, picture(), like(picture()))
    once = path.read_bytes()
    path.write_bytes(once + b"\n")
    assert pnm.open(path)[0].info.notices == ()
    path.write_bytes(once * 2)
    assert pnm.open(path)[0].info.notices == ("all but the first picture",)
    assert np.array_equal(pnm.open(path)[0].read(), picture())


@pytest.mark.parametrize(
    "content",
    [b"P5\n", b"P5 x 3 255\n123", b"P5 2 2 0\n1234", b"P5 2 2 70000\n12345678", b"P5 0 2 255\n",
     b"P2 2 2 255\n1 2 3", b"P2 2 2 255\n1 2 3 x", b"P6 2 2 255\n12345"],
)  # fmt: skip
def test_a_pnm_that_is_none_is_refused(tmp_path, content, complaint):
    path = tmp_path / "frame.pgm"
    path.write_bytes(content)
    complaint(path, lambda: (pnm.open(path), formats.require_whole(path)))
