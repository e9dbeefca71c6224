"""Files of several pictures: moving GIF, PNG, WebP and AVIF, and bursts in one HEIC."""

import struct
import zlib

import imagecodecs
import numpy as np
import PIL.features
import PIL.Image
import PIL.ImageSequence
import pytest

import hyperfocal
from hyperfocal.errors import FormatError
from hyperfocal.io import formats
from hyperfocal.io.formats import gif, heif, png

from .test_formats import TRUTH, assert_one_line

FAST = "select:measure=tenengrad,consistency=no"
RNG = np.random.default_rng(0)


def burst(count=4, height=30, width=44):
    """Pictures that change in parts, so that writers make patches of them."""
    pictures = [np.full((height, width, 3), 90, np.uint8)]
    for place in range(1, count):
        picture = pictures[-1].copy()
        picture[place * 3 : place * 3 + 9, 4 * place : 4 * place + 11] = RNG.integers(0, 256, 3)
        pictures.append(picture)
    return pictures


def save(path, pictures, **options):
    first, *others = [PIL.Image.fromarray(each) for each in pictures]
    first.save(path, save_all=True, append_images=others, **options)


def seen(path, kind=""):
    """What another reader shows."""
    if kind == "gif restored":  # Pillow keeps the first picture all the same
        return list(imagecodecs.gif_decode(path.read_bytes())[..., :3])
    with PIL.Image.open(path) as film:
        return [np.array(each.convert("RGB")) for each in PIL.ImageSequence.Iterator(film)]


KINDS = {
    "gif": {},
    "gif cleared": {"disposal": 2},
    "gif restored": {"disposal": 3},
    "webp": {"lossless": True},
    "webp mixed": {"allow_mixed": True, "quality": 80},
    "png": {},
    "png cleared": {"disposal": 1},
    "png restored": {"disposal": 2},
    "png blended": {"blend": 1},
    "png apart": {"default_image": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_of_a_moving_one_is_a_frame(tmp_path, kind):
    path = tmp_path / f"sweep.{kind.split()[0]}"
    save(path, burst(), **KINDS[kind])
    sources = formats.open_frames(path)
    truth = seen(path, kind)[int("apart" in kind) :]
    names = [source.info.name for source in sources]
    assert names == [f"{path.name}[{number}]" for number in range(len(truth))]
    assert len(truth) == 4 - ("apart" in kind)
    for source, picture in zip(sources, truth, strict=True):
        assert np.array_equal(source.read(), picture)
    assert np.array_equal(sources[1].read(), truth[1])  # back again
    formats.require_whole(path)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_pictures_of_noise_are_read_as_they_were_written(tmp_path, suffix):
    pictures = [RNG.integers(0, 6, (20, 30, 3), np.uint8) * 51 for _ in range(3)]
    path = tmp_path / f"sweep{suffix}"
    save(path, pictures, **({"lossless": True} if suffix == ".webp" else {}))
    read = [source.read() for source in formats.open_frames(path)]
    assert np.array_equal(read, pictures)


def test_a_moving_picture_is_fused_like_a_folder_of_its_frames(tmp_path):
    pictures = [RNG.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(4)]
    save(tmp_path / "sweep.webp", pictures, lossless=True)
    fusion = hyperfocal.fuse(tmp_path / "sweep.webp", method=FAST)
    assert np.array_equal(fusion.picture, hyperfocal.fuse(pictures, method=FAST).picture)


def test_one_picture_of_a_file_keeps_the_files_name(tmp_path):
    for suffix in (".gif", ".webp", ".png"):
        save(tmp_path / f"still{suffix}", burst(1))
        (source,) = formats.open_frames(tmp_path / f"still{suffix}")
        assert source.info.name == f"still{suffix}"
        assert not source.is_sequential


def test_a_gif_of_greys_is_grey(tmp_path):
    grey = RNG.integers(0, 256, (20, 30), np.uint8)
    save(tmp_path / "grey.gif", [grey])
    (source,) = gif.open(tmp_path / "grey.gif")
    assert np.array_equal(source.read()[:, :, 0], grey)


@pytest.mark.parametrize("interlace", [0, 1])
def test_an_interlaced_gif_and_one_of_few_colours_are_read(tmp_path, interlace):
    for colours in (2, 3, 5, 200):
        image = PIL.Image.fromarray(RNG.integers(0, 256, (21, 30, 3), np.uint8)).quantize(colours)
        image.save(tmp_path / "a.gif", interlace=interlace)
        (source,) = gif.open(tmp_path / "a.gif")
        assert np.array_equal(source.read(), np.array(image.convert("RGB")))


def test_transparency_of_a_gif_is_told(tmp_path):
    image = PIL.Image.fromarray(RNG.integers(0, 256, (21, 30, 3), np.uint8)).quantize(9)
    image.save(tmp_path / "a.gif", transparency=3)
    (source,) = gif.open(tmp_path / "a.gif")
    assert source.info.notices == ("transparency",)
    assert np.array_equal(source.read(), np.array(image.convert("RGB")))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.95])
def test_a_moving_picture_that_is_cut_is_refused(tmp_path, suffix, part, complaint):
    path = tmp_path / f"sweep{suffix}"
    save(path, [RNG.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(4)])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    complaint(path, lambda: (formats.open_frames(path), formats.require_whole(path)))


def test_a_gif_without_an_end_mark_is_whole(tmp_path):
    path = tmp_path / "a.gif"
    save(path, burst())
    path.write_bytes(path.read_bytes().removesuffix(b";"))
    formats.require_whole(path)
    assert np.array_equal(formats.open_frames(path)[3].read(), seen(path)[3])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("seed", range(30))
def test_damage_gives_samples_or_one_line(tmp_path, suffix, seed):
    path, rng = tmp_path / f"sweep{suffix}", np.random.default_rng(seed)
    save(path, burst())
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 4):
        content[place] = rng.integers(256)
    path.write_bytes(content)
    try:
        for source in formats.open_frames(path):
            source.read()
    except FormatError as error:
        assert_one_line(error)


def test_sixteen_bits_of_a_moving_png_are_kept(tmp_path):
    """By hand, because few programs write it."""
    frames = RNG.integers(0, 65536, (2, 3, 4), np.uint16)

    def chunk(name, content):
        return png._chunk(name, content)

    def control(number):
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 4, 3, 0, 0, 1, 10, 0, 0))

    def rows(frame):
        return zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in frame))

    content = png.SIGNATURES[0] + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 3, 16, 0, 0, 0, 0))
    content += chunk(b"acTL", struct.pack(">II", 2, 0)) + control(0)
    content += chunk(b"IDAT", rows(frames[0])) + control(1)
    late = rows(frames[1])
    content += chunk(b"fdAT", struct.pack(">I", 2) + late[:9])
    content += chunk(b"fdAT", struct.pack(">I", 3) + late[9:]) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(content)
    read = [source.read()[:, :, 0] for source in png.open(tmp_path / "deep.png")]
    assert np.array_equal(read, frames)


def test_a_moving_avif_gives_all_its_frames(tmp_path):
    if not PIL.features.check("avif"):
        pytest.skip("Pillow has no AVIF here")
    path, pictures = tmp_path / "sweep.avif", burst(5)
    save(path, pictures, quality=100)
    sources = formats.open_frames(path)
    assert len(sources) == 5
    for source, picture in zip(sources, pictures, strict=True):
        assert np.abs(source.read().astype(int) - picture).mean() < 4
    assert np.array_equal(sources[1].read(), sources[1].read())
    formats.require_whole(path)


@pytest.fixture
def write_heic():
    pillow_heif = pytest.importorskip("pillow_heif")

    def write(path, pictures, primary=0, **options):
        file = pillow_heif.HeifFile()
        for picture in pictures:
            height, width, _ = picture.shape
            file.add_frombytes("RGB", (width, height), np.ascontiguousarray(picture).tobytes())
        file.save(path, quality=100, primary_index=primary, **options)

    return write


@pytest.mark.parametrize("primary", [0, 2])
def test_all_pictures_of_a_burst_in_one_heic_are_frames(tmp_path, write_heic, primary):
    path, pictures = tmp_path / "burst.heic", burst(height=64, width=96)
    write_heic(path, pictures, primary)
    sources = formats.open_frames(path)
    assert [source.info.name for source in sources] == [f"burst.heic[{k}]" for k in range(4)]
    for source, picture in zip(sources, pictures, strict=True):
        assert np.abs(source.read().astype(int) - picture).mean() < 4
        assert not source.info.notices


def test_thumbnails_of_a_heic_are_no_frames(tmp_path, write_heic):
    path, pictures = tmp_path / "a.heic", burst(1, height=256, width=320)
    write_heic(path, pictures, thumbnails=[64])
    (source,) = formats.open_frames(path)
    assert source.info.name == "a.heic"
    assert source.read().shape == (256, 320, 3)


def test_where_the_library_sees_other_pictures_the_first_is_read_and_told(
    tmp_path, write_heic, monkeypatch
):
    path, pictures = tmp_path / "burst.heic", burst(height=64, width=96)
    write_heic(path, pictures, 1)
    real = heif._library(path)

    class Library:
        def open_heif(self, file, **options):
            return [1] if file == path else real.open_heif(file)

    monkeypatch.setattr(heif, "_library", lambda path: Library())
    (source,) = heif.open(path)
    assert source.info.notices == ("all but the first picture",)
    assert np.abs(source.read().astype(int) - pictures[1]).mean() < 4


@pytest.mark.parametrize("suffix", [".avif", ".heic"])
@pytest.mark.parametrize("orientation", TRUTH)
def test_a_container_that_turns_can_be_turned_otherwise(tmp_path, picture, suffix, orientation):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    tags = PIL.Image.Exif()
    tags[274] = orientation
    path = tmp_path / f"a{suffix}"
    PIL.Image.fromarray(picture()).save(path, quality=100, exif=tags.tobytes())
    (source,) = formats.open_frames(path)
    assert source.orientation == orientation
    plain = source.oriented(1).read()
    assert plain.shape == picture().shape
    assert np.abs(plain.astype(int) - picture()).max() <= 6


def test_a_moving_jpeg_xl_says_what_it_is(tmp_path, complaint):
    path = tmp_path / "a.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(np.stack(burst()), lossless=True))
    assert "moving picture" in complaint(path, lambda: formats.open_frames(path))
