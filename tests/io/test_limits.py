"""What files declare is a claim: each of these small files once took minutes or gigabytes."""

import io
import json
import math
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile

import hyperfocal
from hyperfocal.errors import FormatError
from hyperfocal.io import formats, limits
from hyperfocal.io.containers import tiff_directories as directories
from hyperfocal.io.metadata import exif


@pytest.fixture
def refused(tmp_path):
    """The one line of a file's refusal, which comes within a second."""

    def refuse(name, content, pattern):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        start = time.perf_counter()
        with pytest.raises(FormatError, match=pattern) as caught:
            hyperfocal.fuse([path, path] if name.endswith(("png", "jpg")) else path, align="none")
        assert time.perf_counter() - start < 10
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse


def chunk(name, content):
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def zeros(count):
    pack = zlib.compressobj(9)
    parts = [pack.compress(bytes(min(1 << 20, count - at))) for at in range(0, count, 1 << 20)]
    return b"".join(parts) + pack.flush()


def png(width, height, idat):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def table(rows, following=0):
    packed = b"".join(struct.pack("<HHII", *row) for row in rows)
    return struct.pack("<H", len(rows)) + packed + struct.pack("<I", following)


def tiff(pages=1, description=b"", width=16, extra=()):
    """A grey one whose pages share their 256 bytes of samples; `extra` rows for the first."""
    block = 300 + 12 * len(extra)
    samples_at, content = 8 + block * pages, b"II*\0\x08\0\0\0"
    for page in range(pages):
        rows = [(256, 4, 1, width), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1)]
        rows += [(262, 3, 1, 1), (273, 4, 1, samples_at), (277, 3, 1, 1), (278, 4, 1, 16)]
        rows += [(279, 4, 1, 256), *(extra if not page else ())]
        if description and not page:
            rows.append((270, 2, len(description) + 1, samples_at + 256))
        following = 8 + block * (page + 1) if page < pages - 1 else 0
        content += table(sorted(rows), following).ljust(block, b"\0")
    return content + bytes(range(256)) + description + b"\0"


def npy(shape, body=b"", kind="|u1"):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + body


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def heif(brand, items, extents):
    rows = b"".join(struct.pack(">HHH", item, 0, extents) for item in range(items))
    iloc = box(b"iloc", bytes(6) + struct.pack(">H", items) + rows)
    handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
    meta = box(b"meta", bytes(4) + handler + box(b"pitm", bytes(4) + b"\0\1") + iloc)
    return box(b"ftyp", brand + bytes(4) + brand + b"mif1") + meta


@pytest.mark.parametrize("count", [2, 300, 5000])
def test_pointers_to_one_directory_are_followed_once(count):
    block = b"II*\0\x08\0\0\0" + table([(34665, 4, 1, 8)] * count)
    start = time.perf_counter()
    assert exif.orientation_of(block) == 1
    read = directories.read(io.BytesIO(block), 8, directories.Layout("<", False))
    assert not read.entries  # it points at itself alone
    assert time.perf_counter() - start < 1


def test_of_a_tag_that_is_there_twice_the_first_counts():
    block = b"II*\0\x08\0\0\0" + table([(274, 3, 1, 6), (274, 3, 1, 8)])
    assert exif.orientation_of(block) == 6


def test_all_values_of_a_directory_together_are_bounded():
    rows = [(tag, 7, 1 << 20, 8) for tag in range(40000, 40200)]
    block = b"II*\0\x08\0\0\0" + table(rows).ljust(2 << 20, b"\0")
    read = directories.read(io.BytesIO(block), 8, directories.Layout("<", False))
    held = sum(len(entry.value) for entry in read.entries.values())
    assert held == limits.LARGEST_DIRECTORY


def test_directories_that_lie_on_each_other_are_refused():
    content = bytearray(b"II*\0\x08\0\0\0" + bytes(120000))
    at = 8
    for _ in range(50):
        content[at : at + 2] = struct.pack("<H", 5000)
        content[at + 2 + 60000 : at + 6 + 60000] = struct.pack("<I", at + 1000)
        at += 1000
    with pytest.raises(ValueError, match="longer than the file"):
        directories.chain(io.BytesIO(bytes(content)), 8, directories.Layout("<", False))


@pytest.mark.parametrize("shape", [(10**9, 64, 64), (2**32 - 1, 1, 1, 3), (2 * 10**6, 4, 4)])
def test_an_array_of_more_frames_than_its_file_holds(refused, shape):
    refused("a.npy", npy(shape, bytes(100)), "cut off")


def test_an_array_of_more_frames_than_a_stack_has(refused):
    refused("a.npy", npy((70000, 2, 2), bytes(280000)), "70000 frames")


@pytest.mark.parametrize(("brand", "name"), [(b"heic", "a.heic"), (b"avif", "a.avif")])
def test_places_of_no_bytes(refused, brand, name):
    if name == "a.heic":
        pytest.importorskip("pillow_heif")
    refused(name, heif(brand, 2000, 65535), "places of no bytes")


def test_pictures_of_no_width_behind_a_page(refused):
    told = b"ImageJ=1.53\nimages=10000000000\nslices=10000000000\n"
    refused("a.tif", tiff(description=told, width=0), "declares 10000000000 images")


def test_an_ome_description_that_tells_of_each_plane_many_times(refused):
    pixels = '<Pixels DimensionOrder="XYZCT" SizeX="16" SizeY="16" SizeZ="500">'
    xml = f'<?xml version="1.0"?><OME><Image>{pixels}{"<TiffData/>" * 20000}</Pixels></Image></OME>'
    refused("a.ome.tif", tiff(500, xml.encode()), "more than 1000 planes")


def test_a_picture_that_is_larger_than_its_file_can_hold_names_the_option(refused, tmp_path):
    content = png(5000, 4000, zeros(4000 * 5001))
    told = refused("a.png", content, "5000×4000")
    assert "--largest-picture 20" in told
    path = tmp_path / "a.png"
    fused = hyperfocal.fuse([path, path], method="select", align="none", largest_picture=20)
    assert fused.picture.shape == (4000, 5000)


def test_a_large_picture_in_a_large_file_needs_no_option(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (3000, 6000), np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(noise, level=1))
    formats.require_readable(formats.open_frames(path)[0])


def test_more_scans_than_an_encoder_writes(refused):
    flat = np.zeros((64, 64), np.uint8)
    content = cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = content.rindex(b"\xff\xda")
    bomb = content[:-2] + content[last:-2] * 400 + content[-2:]
    refused("a.jpg", bomb, "scans, more than 64")


def test_a_png_with_more_samples_than_it_declares_is_not_inflated(refused):
    refused("a.png", png(16, 16, zeros(256 << 20)), "more samples")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("kind", ["zlib", "zstd", "lzma", "deflate"])
def test_a_strip_that_inflates_to_more_than_it_declares(tmp_path, kind):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression=kind, metadata=None)
    encode = {"zstd": imagecodecs.zstd_encode, "lzma": imagecodecs.lzma_encode}
    bomb = encode.get(kind, imagecodecs.zlib_encode)(bytes(1 << 30))
    with tifffile.TiffFile(path, mode="r+b") as tif:
        page = tif.pages.first
        place = tif.filehandle.size
        page.tags["StripOffsets"].overwrite(place)
        page.tags["StripByteCounts"].overwrite(len(bomb))
    with path.open("ab") as file:
        file.write(bomb)
    program = (
        "import sys; from pathlib import Path\n"
        "from hyperfocal.errors import FormatError\n"
        "from hyperfocal.io import formats\n"
        "try: formats.open_frames(Path(sys.argv[1]))[0].read()\n"
        "except FormatError: pass\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 500_000  # kB


def zarr_folder(path, **options):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path), mode="w", zarr_format=options.pop("zarr_format", 3))
    data = np.arange(3 * 40 * 56, dtype=np.uint16).reshape(3, 40, 56)
    options = {"chunks": (1, 40, 56), **options}
    array = group.create_array("0", shape=data.shape, dtype=data.dtype, **options)
    array[...] = data
    axes = [{"name": axis, "type": "space"} for axis in "zyx"]
    told = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    group.attrs.update({"ome": told} if group.metadata.zarr_format == 3 else told)
    return path


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def first_chunk(folder):
    return next(p for p in sorted((folder / "0").rglob("*")) if p.is_file() and p.name[0].isdigit())


WAYS = {
    "zlib": ({"id": "zlib", "level": 1}, lambda data: zlib.compress(data, 9)),
    "gzip": ({"id": "gzip", "level": 1}, lambda data: imagecodecs.gzip_encode(data, level=9)),
    "zstd": ({"id": "zstd", "level": 1}, imagecodecs.zstd_encode),
    "bz2": ({"id": "bz2", "level": 1}, lambda data: imagecodecs.bz2_encode(data, level=9)),
    "lzma": ({"id": "lzma"}, imagecodecs.lzma_encode),
    "lz4": (
        {"id": "lz4"},
        lambda data: struct.pack("<I", len(data)) + imagecodecs.lz4_encode(data),
    ),
    "blosc": (
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
        lambda data: imagecodecs.blosc_encode(data, level=5),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_chunk_that_inflates_to_more_than_the_array_declares(refused, tmp_path, way):
    folder = zarr_folder(tmp_path / "a.ome.zarr", zarr_format=2)
    told, encode = WAYS[way]
    change(folder / "0/.zarray", compressor=told, filters=None)
    data = np.arange(40 * 56, dtype=np.uint16).tobytes()
    for number in range(3):
        (folder / f"0/{number}.0.0").write_bytes(encode(data))
    assert [s.read().max() for s in formats.open_frames(folder)] == [2239] * 3
    first_chunk(folder).write_bytes(encode(bytes(300 << 20)))
    refused("a.ome.zarr", None, "inflates to more than")


def test_a_chunk_in_a_shard_that_inflates_to_more(refused, tmp_path):
    folder = zarr_folder(tmp_path / "a.ome.zarr", chunks=(1, 20, 28), shards=(1, 40, 56))
    assert [s.read().max() for s in formats.open_frames(folder)] == [2239, 4479, 6719]
    bomb = imagecodecs.zstd_encode(bytes(300 << 20))
    index = b"".join(struct.pack("<QQ", 0, len(bomb)) for _ in range(4))
    check = bytes(4)
    first_chunk(folder).write_bytes(bomb + index + check)
    refused("a.ome.zarr", None, "inflates to more than")


@pytest.mark.parametrize("filters", [[{"id": "pickle"}], [{"id": "zlib"}, {"id": "zlib"}]])
def test_ways_of_compression_that_hide_something_are_refused(refused, tmp_path, filters):
    folder = zarr_folder(tmp_path / "a.ome.zarr", zarr_format=2)
    change(folder / "0/.zarray", compressor=None, filters=filters)
    refused("a.ome.zarr", None, "pickle|twice")


@pytest.mark.parametrize(
    "values",
    [{"shape": [10**9, 40, 56]}, {"shape": [3, 10**4, 10**4], "chunks": [1, 1, 1]},
     {"shape": [3, 10**6, 10**6]}, {"chunks": [1, 10**6, 10**6]}],
)  # fmt: skip
def test_an_array_of_more_than_its_folder_holds(refused, tmp_path, values):
    folder = zarr_folder(tmp_path / "a.ome.zarr", zarr_format=2)
    change(folder / "0/.zarray", **values)
    refused("a.ome.zarr", None, "a.ome.zarr")


def test_a_plane_whose_chunks_are_mostly_missing_is_found_by_the_one_that_is_there(tmp_path):
    folder = zarr_folder(tmp_path / "a.ome.zarr", chunks=(1, 2, 2))
    for chunk_path in sorted((folder / "0" / "c").rglob("*")):
        if chunk_path.is_file() and chunk_path.parts[-2:] != ("19", "27"):
            chunk_path.unlink()
    frames = [source.read() for source in formats.open_frames(folder)]
    assert [math.ceil(frame.max()) for frame in frames] == [2239, 4479, 6719]
    for chunk_path in (folder / "0" / "c" / "1").rglob("27"):
        chunk_path.unlink()
    with pytest.raises(FormatError, match="focus position 2"):
        formats.open_frames(folder)


def test_a_patch_that_is_larger_than_the_picture(tmp_path):
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\0"
    path = tmp_path / "a.gif"
    head = b"GIF89a" + struct.pack("<HH", 16, 16) + bytes((0x80, 0, 0)) + bytes(range(6))
    path.write_bytes(head + frame + frame + b";")
    with pytest.raises(FormatError, match="65535×65535"):
        formats.open_frames(path)[0].read()


def test_thousands_of_pages_take_milliseconds_each(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(3000))
    start = time.process_time()
    assert len(formats.open_frames(path)) == 3000
    formats.require_whole(path)
    assert (time.process_time() - start) / 3000 < 3e-3
