import struct

import cv2
import numpy as np
import pytest
import tifffile

from hyperfocal.io.formats import tiff


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stack.tif"


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("dtype", tiff.DTYPES)
def test_each_page_is_a_frame(path, picture, bigtiff, byteorder, compression, dtype):
    pages = [picture(3, dtype, 40, 60), picture(3, dtype, 40, 60)[::-1]]
    with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder=byteorder) as writer:
        for page in pages:
            writer.write(page, photometric="rgb", compression=compression)
    sources = tiff.open(path)
    assert [source.info.name for source in sources] == ["stack.tif[0]", "stack.tif[1]"]
    for source, page in zip(sources, pages, strict=True):
        assert source.read().dtype == np.dtype(dtype)
        assert np.array_equal(source.read(), page)


SIZES = {"big": (40, 60), "same": (40, 60), "small": (4, 6), "tiny": (2, 3)}


@pytest.mark.parametrize(
    ("pages", "frames"),
    [
        (["big", "small"], [0]),
        (["big", "small", "tiny"], [0]),
        (["big", "small", "small"], [0]),
        (["small", "big"], [1]),
        (["small", "big", "same", "tiny"], [1, 2]),
        (["small", "small", "small", "big"], [0, 1, 2]),
        (["big", "same", "small"], [0, 1]),
    ],
)
def test_previews_that_are_not_marked_are_no_frames_and_are_told(path, picture, pages, frames):
    with tifffile.TiffWriter(path) as writer:
        for number, page in enumerate(pages):
            samples = picture(3, "uint8", *SIZES[page]) // 2 + number
            writer.write(samples, photometric="rgb", metadata=None)
    sources = tiff.open(path)
    kept = {SIZES[pages[index]] for index in frames}
    assert len(kept) == 1
    assert [int(source.read()[0, 0, 0]) for source in sources] == [
        int(picture(3, "uint8", *SIZES[pages[index]])[0, 0, 0] // 2 + index) for index in frames
    ]
    told = {"the page of 60×40", "the page of 6×4", "the page of 3×2"}
    assert set(sources[0].info.notices) == {
        text for text in told if text in {f"the page of {SIZES[p][1]}×{SIZES[p][0]}" for p in pages}
    } - {f"the page of {w}×{h}" for h, w in kept}
    assert not any(source.info.notices for source in sources[1:])


def test_a_preview_of_a_kind_that_cannot_be_read_does_no_harm(path, picture):
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(), photometric="rgb", metadata=None)
        writer.write(np.zeros((6, 10, 4), np.uint8), photometric="separated", metadata=None)
    (source,) = tiff.open(path)
    assert np.array_equal(source.read(), picture())


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_with_alpha_becomes_rgb(path, depth):
    """By hand, because no library writes it: TIFF 6.0, sections 5 and 18."""
    count = 2**depth
    rng = np.random.default_rng(0)
    indices = rng.integers(0, count, (5, 8), np.uint8)
    colours = rng.integers(0, 256, (3, count), np.uint8)
    both = np.dstack([indices, np.full_like(indices, count - 1)])
    bits = np.unpackbits(both.reshape(5, 16, 1), axis=2)[:, :, -depth:]
    rows = np.packbits(bits.reshape(5, -1), axis=1).tobytes()
    table = (colours.astype("<u2") * 257).tobytes()
    tags = [
        (256, 3, 1, 8), (257, 3, 1, 5), (258, 3, 2, depth | depth << 16), (259, 3, 1, 1),
        (262, 3, 1, 3), (273, 4, 1, 8), (277, 3, 1, 2), (278, 3, 1, 5), (279, 4, 1, len(rows)),
        (320, 3, 3 * count, 8 + len(rows)), (338, 3, 1, 2),
    ]  # fmt: skip
    start = 8 + len(rows) + len(table)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<I", start) + rows + table
    path.write_bytes(head + struct.pack("<H", len(tags)) + entries + bytes(4))
    (source,) = tiff.open(path)
    assert source.info.notices == ("transparency",)
    assert np.array_equal(source.read(), colours.T[indices])


def test_thumbnails_and_masks_are_no_frames(path, picture):
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(), photometric="rgb")
        writer.write(picture(height=6, width=10), photometric="rgb", subfiletype=1)
        writer.write(np.zeros((48, 80), bool), photometric="mask", subfiletype=4)
        writer.write(picture(), photometric="rgb")
    assert [source.info.name for source in tiff.open(path)] == ["stack.tif[0]", "stack.tif[3]"]


def test_a_file_of_thumbnails_alone_is_refused(path, picture, complaint):
    tifffile.imwrite(path, picture(), photometric="rgb", subfiletype=1)
    assert "thumbnails" in complaint(path, lambda: tiff.open(path))


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_planes_and_tiles_give_the_same_frame(path, picture, tile):
    samples = picture()
    tifffile.imwrite(
        path, np.moveaxis(samples, 2, 0), photometric="rgb", planarconfig="separate", tile=tile
    )
    assert np.array_equal(tiff.open(path)[0].read(), samples)


def test_white_as_zero_is_turned_round(path, picture):
    samples = picture(1, "uint16")
    tifffile.imwrite(path, 65535 - samples[:, :, 0], photometric="miniswhite")
    assert np.array_equal(tiff.open(path)[0].read(), samples)


def test_alpha_is_ignored(path, picture):
    samples = picture()
    tifffile.imwrite(
        path, np.dstack([samples, samples[:, :, 0]]), photometric="rgb", extrasamples=["unassalpha"]
    )
    assert np.array_equal(tiff.open(path)[0].read(), samples)


def test_jpeg_inside_tiff_is_read_as_rgb(path, picture):
    samples = picture()
    tifffile.imwrite(path, samples, photometric="rgb", compression="jpeg")
    assert np.abs(tiff.open(path)[0].read().astype(int) - samples).max() <= 8


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (np.zeros((8, 8), np.int16), {}),
        (np.zeros((8, 8), np.float64), {}),
        (np.zeros((8, 8), np.float16), {}),
        (np.zeros((8, 8, 4), np.uint8), {"photometric": "separated"}),
        (np.zeros((8, 8, 3), np.uint8), {"photometric": "cielab"}),
        (np.zeros((8, 8, 5), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}),
        (np.zeros((4, 16, 16), np.uint8), {"volumetric": True, "tile": (4, 16, 16)}),
    ],
)
def test_what_cannot_be_read_honestly_is_refused_when_opened(path, samples, options, complaint):
    photometric = options.pop("photometric", "minisblack")
    tifffile.imwrite(path, samples, photometric=photometric, **options)
    assert "convert it" in complaint(path, lambda: tiff.open(path))


def test_twelve_bits_in_sixteen_are_refused_when_opened(path, picture, complaint):
    tifffile.imwrite(path, picture(1, "uint16"), photometric="minisblack")
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["BitsPerSample"].overwrite(12)
    assert "12-bit" in complaint(path, lambda: tiff.open(path))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_cut_stack_does_not_become_a_shorter_one(path, picture, part, compression, complaint):
    with tifffile.TiffWriter(path) as writer:
        for _ in range(5):
            writer.write(picture(), photometric="rgb", compression=compression)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    complaint(path, lambda: tiff.open(path)[-1].read())


def test_a_tile_that_was_never_written_is_refused(path, picture, complaint):
    tifffile.imwrite(path, picture(), photometric="rgb", rowsperstrip=16)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        offsets = tif.pages[0].tags["StripOffsets"]
        offsets.overwrite([*offsets.value[:-1], 0])
    assert "holes" in complaint(path, tiff.open(path)[0].read)


@pytest.mark.parametrize("compression", [1, 8])
def test_a_tiff_that_declares_the_impossible_is_refused_when_read(path, compression, complaint):
    side = 100_000
    tags = [(256, side), (257, side), (258, 8), (259, compression), (262, 1), (273, 8)]
    tags += [(277, 1), (278, side), (279, 100)]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, 108)
        + bytes(100)
        + struct.pack("<H", len(tags))
        + table
        + bytes(4)
    )
    (source,) = tiff.open(path)
    assert "100000×100000" in complaint(path, source.read)


def test_directories_that_go_in_circles_are_refused(path, picture, complaint):
    tifffile.imwrite(path, picture(), photometric="rgb", metadata=None)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        end = page.offset + 2 + 12 * len(page.tags)
    content = bytearray(path.read_bytes())
    content[end : end + 4] = struct.pack("<I", page.offset)
    path.write_bytes(content)
    complaint(path, lambda: tiff.open(path))


def test_an_exif_directory_inside_itself_is_left_out(path, picture, like, exif):
    samples = picture()
    block = bytearray(exif())
    child = block.index(struct.pack("<H", 33434)) - 2
    block[child + 2 : child + 14] = struct.pack("<HHII", 34665, 4, 1, child)
    tiff.save(path, samples, like(samples, exif=bytes(block)))
    assert np.array_equal(tiff.open(path)[0].read(), samples)


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {"metadata": {"axes": "YX"}}])
def test_a_description_of_the_stack_is_not_carried(path, picture, options):
    tifffile.imwrite(path, picture(1)[:, :, 0], photometric="minisblack", software=False, **options)
    assert b"ImageJ" not in (tiff.open(path)[0].info.exif or b"")
    assert tiff.open(path)[0].info.exif is None


def test_imagej_tells_height_and_width_of_a_pixel_each(path, picture):
    options = {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 3.0}}
    stack = np.stack([picture(1)[:, :, 0]] * 2)
    tifffile.imwrite(path, stack, resolution=(4.0, 0.5), **options)  # pixels in 1 µm, x and y
    info = tiff.open(path)[0].info
    assert info.pixel_um == pytest.approx((2.0, 0.25))
    assert info.step_um == 3.0


def test_a_caption_is_carried(path, picture):
    tifffile.imwrite(path, picture(), photometric="rgb", description="A beetle", metadata=None)
    assert b"A beetle\0" in (tiff.open(path)[0].info.exif or b"")


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_images_behind_a_single_page_are_frames(path, compression, byteorder, complaint):
    samples = np.random.default_rng(0).integers(0, 65535, (4, 8, 9), np.uint16)
    options = {"imagej": True, "compression": compression, "byteorder": byteorder}
    options["metadata"] = {"axes": "ZYX"}
    tifffile.imwrite(path, samples, photometric="minisblack", **options)
    with tifffile.TiffFile(path) as tif:
        first = tif.pages[0]
        end = first.offset + 2 + 12 * len(first.tags)
        samples_end = first.dataoffsets[0] + samples.nbytes
    content = bytearray(path.read_bytes())
    content[end : end + 4] = bytes(4)
    path.write_bytes(content)
    if compression:
        assert "4 images" in complaint(path, lambda: tiff.open(path))
        return
    assert np.array_equal([source.read()[:, :, 0] for source in tiff.open(path)], samples)
    path.write_bytes(content[: samples_end - 1])
    complaint(path, lambda: tiff.open(path))


@pytest.mark.parametrize("dtype", tiff.DTYPES)
def test_another_reader_sees_the_same_samples(path, picture, like, exif, dtype):
    samples = picture(3, dtype)
    tiff.save(path, samples, like(samples, exif=exif()))
    other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(other[:, :, ::-1], samples)
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags["ExifTag"].value
    assert tags["ExposureTime"] == (1, 125)
    assert tags["MakerNote"] == b"note"


def test_bigtiff_is_written_as_exactly(path, picture, like, exif):
    samples = picture()
    tiff.write(path, samples, like(samples, exif=exif()), is_big=True)
    (source,) = tiff.open(path)
    assert path.read_bytes()[:4] == b"II+\0"
    assert np.array_equal(source.read(), samples)
    assert source.info.exif == exif()


def test_xmp_tells_the_orientation_where_the_page_does_not(path, picture):
    packet = b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    told = [(700, 1, len(packet), packet, True)]
    tifffile.imwrite(path, picture(), photometric="rgb", extratags=told, metadata=None)
    assert np.array_equal(tiff.open(path)[0].read(), np.rot90(picture(), -1))
    told += [(274, 3, 1, 1, True)]
    tifffile.imwrite(path, picture(), photometric="rgb", extratags=told, metadata=None)
    assert np.array_equal(tiff.open(path)[0].read(), picture())
