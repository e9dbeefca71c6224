import struct
import zlib

import imagecodecs
import numpy as np
import pytest

from hyperfocal.io.formats import png

PALETTE = ("PLTE", bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]))


def chunk(name: str, content: bytes) -> bytes:
    body = name.encode() + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def file_of(width, depth, colour, row: bytes, *before, after=(), height=1) -> bytes:
    chunks = [
        ("IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        *before,
        ("IDAT", zlib.compress(b"\0" + row)),
        *after,
        ("IEND", b""),
    ]
    return png.SIGNATURES[0] + b"".join(chunk(name, content) for name, content in chunks)


@pytest.mark.parametrize(
    ("content", "samples"),
    [
        (file_of(8, 1, 0, b"\xa8"), [255, 0, 255, 0, 255, 0, 0, 0]),
        (file_of(4, 2, 0, b"\x1b"), [0, 85, 170, 255]),
        (file_of(2, 4, 0, b"\x1b"), [17, 187]),
        (file_of(2, 16, 0, b"\x01\x02\xfe\xff"), [258, 65279]),
        (file_of(1, 16, 2, b"\x01\x02\xfe\x00\5\6"), [[258, 65024, 1286]]),
        (file_of(4, 2, 3, b"\x1b", PALETTE), [[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]),
        (file_of(1, 8, 3, b"\2", PALETTE, ("tRNS", b"\0\1\2")), [[0, 255, 0]]),
        (file_of(2, 8, 4, b"\x01\x02\xfe\xff"), [1, 254]),
        (file_of(1, 8, 6, b"\x01\x02\xfe\x00"), [[1, 2, 254]]),
        (file_of(2, 8, 0, b"\2\1", ("tRNS", b"\0\1")), [2, 1]),
        (file_of(2, 8, 0, b"\2\1", ("gAMA", struct.pack(">I", 200000))), [2, 1]),
    ],
)
def test_every_kind_of_png_gives_its_exact_samples(content, samples, tmp_path):
    (tmp_path / "frame.png").write_bytes(content)
    (source,) = png.open(tmp_path / "frame.png")
    truth = np.atleast_3d(np.array([samples]))
    assert np.array_equal(source.read(), truth)
    assert source.info.channels == truth.shape[2]


@pytest.mark.parametrize(
    ("content", "is_told"),
    [
        (file_of(2, 8, 0, b"\2\1"), False),
        (file_of(1, 8, 2, b"\1\2\3"), False),
        (file_of(4, 2, 3, b"\x1b", PALETTE), False),
        (file_of(2, 8, 4, b"\x01\x02\xfe\xff"), True),
        (file_of(1, 8, 6, b"\x01\x02\xfe\x00"), True),
        (file_of(2, 8, 0, b"\2\1", ("tRNS", b"\0\1")), True),
        (file_of(1, 8, 3, b"\2", PALETTE, ("tRNS", b"\0\1\2")), True),
    ],
)
def test_transparency_that_is_left_out_is_told(content, is_told, tmp_path):
    (tmp_path / "frame.png").write_bytes(content)
    notices = png.open(tmp_path / "frame.png")[0].info.notices
    assert notices == (("transparency",) if is_told else ())


def test_orientation_behind_the_samples_counts_too(tmp_path, exif):
    (tmp_path / "frame.png").write_bytes(
        file_of(2, 8, 0, b"\1\2", after=[("eXIf", exif(orientation=8))])
    )
    (source,) = png.open(tmp_path / "frame.png")
    assert source.read()[:, :, 0].tolist() == [[2], [1]]


@pytest.mark.parametrize("colour", [2, 3, 6])
def test_a_png_that_declares_the_impossible_is_refused_when_read(colour, tmp_path, complaint):
    path = tmp_path / "bomb.png"
    path.write_bytes(file_of(100_000, 8, colour, b"\1" * 1000, PALETTE, height=100_000))
    (source,) = png.open(path)
    assert source.info.width == 100_000
    assert "100000×100000" in complaint(path, source.read)


def test_a_png_of_no_kind_or_size_is_refused(tmp_path, complaint):
    path = tmp_path / "odd.png"
    for content in (file_of(2, 8, 5, b"\1\2"), file_of(0, 8, 0, b""), file_of(2, 8, 0, b"")):
        path.write_bytes(content)
        complaint(path, lambda: png.open(path)[0].read())


def test_a_profile_that_unpacks_without_end_is_refused(tmp_path, complaint):
    path = tmp_path / "bomb.png"
    bomb = ("iCCP", b"p\0\0" + zlib.compress(bytes(64 << 20)))
    path.write_bytes(file_of(1, 8, 0, b"\1", bomb))
    complaint(path, lambda: png.open(path))


def test_another_reader_sees_the_same_samples(tmp_path, picture, like):
    samples = picture(3, "uint16")
    png.save(tmp_path / "frame.png", samples, like(samples))
    assert np.array_equal(imagecodecs.imread(tmp_path / "frame.png", codec="png"), samples)
