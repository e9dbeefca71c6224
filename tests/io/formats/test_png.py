import struct
import subprocess
import sys
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


@pytest.mark.parametrize(
    "chunk",
    [
        ("iCCP", b"p\0\0" + zlib.compress(bytes(64 << 20))),  # unpacks without end
        ("iCCP", b"p\0\0" + zlib.compress(imagecodecs.cms_profile("srgb"))[:40]),
        ("iCCP", b"p\0\0no zlib at all"),
        ("iCCP", b""),
    ],
)
def test_a_damaged_profile_is_left_out_and_told(chunk, tmp_path):
    path = tmp_path / "frame.png"
    path.write_bytes(file_of(2, 8, 0, b"\1\2", chunk))
    (source,) = png.open(path)
    assert source.read()[:, :, 0].tolist() == [[1, 2]]
    assert source.info.icc is None
    assert source.info.notices == ("the damaged colour profile",)


@pytest.mark.parametrize(
    "chunk", [("tEXt", b""), ("cHRM", bytes(31)), ("pHYs", b""), ("tIME", b""), ("eXIf", b"no")]
)
def test_damaged_remarks_of_a_png_are_passed_over(chunk, tmp_path):
    path = tmp_path / "frame.png"
    path.write_bytes(file_of(2, 8, 0, b"\1\2", chunk))
    assert png.open(path)[0].read()[:, :, 0].tolist() == [[1, 2]]


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
PASSES += [(0, 1, 1, 2)]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def rows_of(samples, depth, passes):
    rows = b""
    for left, top, across, down in passes:
        for row in samples[top::down, left::across]:
            wide = row.reshape(-1, 1).astype(">u2").view(np.uint8)
            bits = np.unpackbits(wide, axis=1)[:, -depth:]
            rows += b"\0" + np.packbits(bits).tobytes() if bits.size else b""
    return rows


@pytest.mark.parametrize(
    ("colour", "depth"),
    [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 4), (3, 8), (4, 8),
     (4, 16), (6, 8), (6, 16)],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(13, 11), (1, 1), (3, 2)])
@pytest.mark.parametrize("is_clear", [False, True])
def test_an_interlaced_png_is_read_as_a_plain_one(colour, depth, shape, is_clear, tmp_path):
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 2**depth, (*shape, SAMPLES[colour]))
    palette = chunk("PLTE", rng.integers(0, 256, 3 * 2**depth, np.uint8).tobytes())
    read = []
    for is_interlaced, passes in enumerate(([(0, 0, 1, 1)], PASSES)):
        header = struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour, 0, 0, is_interlaced)
        content = chunk("IHDR", header) + palette * (colour == 3)
        if is_clear and colour < 4:
            content += chunk("tRNS", {0: b"\0\1", 2: b"\0\1" * 3, 3: b"\0\x80"}[colour])
        content += chunk("IDAT", zlib.compress(rows_of(samples, depth, passes)))
        path = tmp_path / f"{is_interlaced}.png"
        path.write_bytes(png.SIGNATURES[0] + content + chunk("IEND", b""))
        read.append(png._decode(path))
        assert png.open(path)[0].read().shape[:2] == shape
    assert np.array_equal(*read)


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("has_exif", [False, True])
def test_xmp_tells_the_orientation_where_exif_does_not(tmp_path, exif, is_compressed, has_exif):
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    packet += b'tiff:Orientation="8"/></x:xmpmeta>'
    text = b"XML:com.adobe.xmp\0" + bytes((is_compressed, 0)) + b"\0\0"
    text += zlib.compress(packet) if is_compressed else packet
    others = [("iTXt", text), ("iTXt", b"Comment\0\0\0\0\0words")]
    others += [("eXIf", exif(orientation=3))] * has_exif
    (tmp_path / "frame.png").write_bytes(file_of(2, 8, 0, b"\1\2", after=others))
    (source,) = png.open(tmp_path / "frame.png")
    truth = [[2, 1]] if has_exif else [[2], [1]]
    assert source.read()[:, :, 0].tolist() == truth
    assert (source.info.height, source.info.width) == np.shape(truth)


def test_another_reader_sees_the_same_samples(tmp_path, picture, like):
    samples = picture(3, "uint16")
    png.save(tmp_path / "frame.png", samples, like(samples))
    assert np.array_equal(imagecodecs.imread(tmp_path / "frame.png", codec="png"), samples)


def test_reading_a_png_prints_nothing(tmp_path):
    """In a process of its own, because libpng's words come when it ends."""
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    content = chunk("IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 1)) + chunk("tIME", b"")
    content += chunk("iCCP", b"p\0\0no profile") + chunk("pHYs", b"")
    content += chunk("IDAT", zlib.compress(rows_of(image, 8, PASSES))) + chunk("IEND", b"")
    path = tmp_path / "a.png"
    path.write_bytes(png.SIGNATURES[0] + content)
    program = f"from hyperfocal.io import formats; from pathlib import Path; \
formats.open_frames(Path({str(path)!r}))[0].read()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_an_interlaced_png_that_is_damaged_is_refused(tmp_path, part, complaint):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    packed = bytearray(zlib.compress(rows_of(image, 8, PASSES)))
    packed[int(part * len(packed))] ^= 255
    content = chunk("IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 1))
    content += chunk("IDAT", bytes(packed)) + chunk("IEND", b"")
    path = tmp_path / "a.png"
    path.write_bytes(png.SIGNATURES[0] + content)
    complaint(path, png.open(path)[0].read)
