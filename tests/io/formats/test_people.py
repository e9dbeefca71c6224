"""Files and folders as people have them: transparency, odd depths, odd names, links, bombs."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

import hyperfocal
from hyperfocal.errors import FormatError, StackError
from hyperfocal.io import formats
from hyperfocal.io.formats import png, tiff

FAST = "select:measure=tenengrad,consistency=no"


def test_transparency_is_left_out_and_told(tmp_path, picture):
    samples = picture()
    for number in range(3):
        opaque = np.dstack([samples, samples[:, :, 0]])
        (tmp_path / f"{number}.png").write_bytes(imagecodecs.png_encode(opaque))
    command = [sys.executable, "-m", "hyperfocal", "fuse", tmp_path, "-o", tmp_path / "out.tif"]
    done = subprocess.run([*command, "--method", FAST], capture_output=True, text=True, check=True)
    told = done.stderr.splitlines()
    assert told[0] == "hyperfocal: note: transparency of 0.png and 2 more is left out"
    assert all(line.endswith("is the same picture as frame 1 (0.png)") for line in told[1:])
    assert np.array_equal(tiff.open(tmp_path / "out.tif")[0].read(), samples)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_few_bits_of_grey_become_eight(tmp_path, bits, photometric):
    path = tmp_path / "few.tif"
    values = np.arange(24, dtype=np.uint8).reshape(4, 6) % 2**bits
    packed = values.astype(bool) if bits == 1 else values
    tifffile.imwrite(path, packed, photometric=photometric, bitspersample=bits)
    (source,) = tiff.open(path)
    truth = values.astype(float) / (2**bits - 1)
    if photometric == "miniswhite":
        truth = 1 - truth
    assert source.read().dtype == source.info.dtype == np.uint8
    assert np.array_equal(source.read()[:, :, 0], np.rint(truth * 255))


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_palette_becomes_rgb(tmp_path, scale):
    path = tmp_path / "palette.tif"
    colours = np.random.default_rng(0).integers(0, 256, (3, 256))
    colours[:, 0] = 255
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(path, indices, photometric="palette", colormap=(colours * scale).astype("u2"))
    (source,) = tiff.open(path)
    assert source.info.channels == 3
    assert np.array_equal(source.read(), colours.T.reshape(16, 16, 3))


def test_a_tint_of_imagej_is_left_out_and_told(tmp_path):
    path = tmp_path / "tinted.tif"
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(
        path,
        indices,
        photometric="palette",
        colormap=np.zeros((3, 256), "u2") + 9,
        description="ImageJ=1.54f\nimages=1\n",
        metadata=None,
    )
    (source,) = tiff.open(path)
    assert np.array_equal(source.read()[:, :, 0], indices)
    assert "tints" in source.info.notices[0]


def test_eight_and_sixteen_bits_are_not_mixed(tmp_path, picture, like):
    for number, dtype in enumerate(["uint8", "uint16", "uint8"]):
        samples = picture(3, dtype)
        png.save(tmp_path / f"{number}.png", samples, like(samples))
    fusion = hyperfocal.fuse(tmp_path, method=FAST)
    assert fusion.report["frames"] == ["0.png", "2.png"]
    told = "1.png is of uint16 samples, the stack is of uint8; left out"
    assert told in fusion.report["notices"]
    (tmp_path / "2.png").unlink()
    with pytest.raises(StackError, match=r"frame 2 \(1.png\) has uint16 .* convert"):
        hyperfocal.open_stack(tmp_path)


def test_a_bomb_is_refused_when_the_stack_is_opened(tmp_path):
    side = 100_000
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    content = png.SIGNATURES[0]
    for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + name + body
        content += struct.pack(">I", zlib.crc32(name + body))
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(content)
    with pytest.raises(FormatError, match=r"0\.png declares 100000×100000"):
        hyperfocal.open_stack(tmp_path)


@pytest.mark.parametrize(
    "stem", ["Käfer – 甲虫 🐞", "with space and 'quotes'", "a[1]b*", "percent%20", "x" * 250]
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_names_of_every_kind_go_in_and_out(tmp_path, picture, like, stem, suffix):
    folder = tmp_path / stem[:200]
    folder.mkdir()
    for number in range(2):
        path = folder / f"{stem[:249]}{number}{suffix}"
        formats.save(path, picture(), like(picture()), suffix=suffix)
    out = folder / f"{stem}z{suffix}"
    fusion = hyperfocal.fuse(folder, out, method=FAST)
    assert len(fusion.report["frames"]) == 2
    assert formats.open_frames(out)[0].read().shape == fusion.picture.shape
    assert len(list(folder.iterdir())) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_a_name_that_is_no_text_is_told_in_one_line(tmp_path):
    odd = os.path.join(os.fsencode(tmp_path), b"\xff\xfe.png")
    for path in (odd, os.path.join(os.fsencode(tmp_path), b"b.png")):
        with open(path, "wb") as file:
            file.write(b"nothing")
    command = [sys.executable, "-m", "hyperfocal", "fuse", tmp_path, "-o", tmp_path / "out.tif"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_links_in_circles_and_to_nowhere_are_missing_frames(tmp_path, picture, like):
    for number in range(2):
        png.save(tmp_path / f"{number}.png", picture(), like(picture()))
    odd = tmp_path / "2.png"
    for target in ("2.png", "nowhere.png"):
        odd.symlink_to(target)
        with pytest.raises(FormatError, match=r"2\.png cannot be read"):
            hyperfocal.open_stack(tmp_path)
        with pytest.raises(FormatError, match=r"cannot be read"):
            hyperfocal.fuse([tmp_path / "0.png", odd], tmp_path / "out.png", method=FAST)
        odd.unlink()
    odd.symlink_to("2.png")
    hyperfocal.fuse(
        [tmp_path / "0.png", tmp_path / "1.png"], odd, method=FAST, overwrite=True
    )  # the link is replaced
    assert not odd.is_symlink()
    (tmp_path / "more").symlink_to(tmp_path)
    assert len(hyperfocal.open_stack(tmp_path)) == 2  # the result is no frame


def test_a_link_to_a_frame_is_a_frame(tmp_path, picture, like):
    (tmp_path / "links").mkdir()
    for number in range(2):
        png.save(tmp_path / f"{number}.png", picture(), like(picture()))
        (tmp_path / "links" / f"{number}.png").symlink_to(tmp_path / f"{number}.png")
    assert len(hyperfocal.open_stack(tmp_path / "links")) == 2
    with pytest.raises(FormatError, match="one of the frames"):
        hyperfocal.fuse(tmp_path / "links", tmp_path / "1.png", method=FAST, overwrite=True)


def test_a_second_result_replaces_the_first_and_nothing_else(tmp_path, picture):
    frames = [picture(), picture() // 2]
    out = tmp_path / "out.tif"
    for _ in range(2):
        hyperfocal.fuse(frames, out, method=FAST, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current


def test_raw_files_and_films_beside_pictures_are_left_out_and_told(tmp_path, picture, like):
    for number in range(2):
        png.save(tmp_path / f"{number}.png", picture(), like(picture()))
        (tmp_path / f"{number}.NEF").write_bytes(b"II*\0 the same picture, undeveloped")
    (tmp_path / "live.mov").write_bytes(b"\0\0\0\x14ftypqt  ")
    fusion = hyperfocal.fuse(tmp_path, method=FAST)
    assert fusion.report["frames"] == ["0.png", "1.png"]
    notice, same = fusion.report["notices"]
    assert "is the same picture as" in same
    told = "3 files are left aside, as no frames: 0.NEF, 1.NEF, live.mov; name RAW files"
    assert notice.startswith(told)


def test_a_folder_of_arrays_alone_is_a_stack(tmp_path, picture):
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", picture())
    assert len(hyperfocal.open_stack(tmp_path)) == 2


def test_a_refused_replacement_keeps_the_earlier_result(tmp_path, picture, monkeypatch):
    from hyperfocal.io import outputs

    pytest.importorskip("zarr")
    out = tmp_path / "out.zarr"
    hyperfocal.fuse([picture(), picture()], out, method=FAST)
    before = formats.open_frames(out)[0].read()
    real = os.replace

    def refuse(source, target):
        if Path(source).parent.name == "new":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(outputs.os, "replace", refuse)
    with pytest.raises(FormatError, match="No space"):
        hyperfocal.fuse([picture() // 2, picture() // 2], out, method=FAST, overwrite=True)
    assert np.array_equal(formats.open_frames(out)[0].read(), before)
    assert [path.name for path in tmp_path.iterdir()] == ["out.zarr"]


def test_frames_fit_by_how_they_are_shown_not_by_how_they_are_stored(tmp_path, picture, like, exif):
    samples = picture()
    stored = [samples, samples, np.rot90(samples).copy()]
    for number, (each, orientation) in enumerate(zip(stored, (1, 1, 6), strict=True)):
        path = tmp_path / f"{number}.png"
        formats.save(path, each, like(each, exif=exif(orientation)), suffix=".png")
    fusion = hyperfocal.fuse(tmp_path, method=FAST)
    assert fusion.picture.shape == samples.shape  # a portrait that the camera turned
    wide = samples[:, :70].copy()
    formats.save(tmp_path / "2.png", wide, like(wide, exif=exif(6)), suffix=".png")
    report = hyperfocal.fuse(tmp_path, method=FAST).report  # landscape, but shown as portrait
    assert "2.png is 48×70, the stack is 80×48; left out" in report["notices"]


def test_a_palette_and_grey_of_png_fuse_as_what_they_show(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (4, 3), np.uint8)
    for number in range(2):
        indices = np.kron(rng.integers(0, 4, (6, 10)), np.ones((8, 8))).astype(np.uint8)
        shown = colours[indices]
        palette = image.fromarray(indices, "P")
        palette.putpalette(colours.ravel().tolist())
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "g").mkdir(exist_ok=True)
        palette.save(tmp_path / "p" / f"{number}.png")
        image.fromarray(indices * np.uint8(80)).save(tmp_path / "g" / f"{number}.png")
    with hyperfocal.open_stack(tmp_path / "p") as stack:
        assert np.array_equal(stack.samples(1), shown)
    fusion = hyperfocal.fuse(tmp_path / "g", tmp_path / "out.png", method=FAST)
    assert fusion.picture.shape == (48, 80)
    assert formats.open_frames(tmp_path / "out.png")[0].info.channels == 1
