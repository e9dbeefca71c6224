"""Stacks in folders of chunks: which planes are the frames, what is missing, what is written."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import hyperfocal
from hyperfocal.errors import FormatError, MissingExtra
from hyperfocal.io import formats
from hyperfocal.io.formats import ome_zarr
from hyperfocal.io.selection import Selection

zarr = pytest.importorskip("zarr")
FAST = "select:measure=tenengrad,consistency=no"


def write(path, planes, axes, *, version="0.5", scale=None, omero=None, group=None, **options):
    """An image as others write it; 0.4 is Zarr 2, 0.5 is Zarr 3."""
    kind = 2 if version == "0.4" else 3
    if group is None:
        group = zarr.open_group(str(path), mode="w", zarr_format=kind)
    chunks = options.pop("chunks", tuple(min(side, 16) for side in planes.shape))
    array = group.create_array(
        "0", shape=planes.shape, dtype=planes.dtype, chunks=chunks, **options
    )
    array[...] = planes
    units = {"t": {"unit": "second"}, "c": {}}
    described = [
        {"name": axis, "type": "space", **units.get(axis, {"unit": "micrometer"})} for axis in axes
    ]
    scale = [1.0] * len(axes) if scale is None else scale
    image = {
        "axes": described,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }
    told = {"multiscales": [image]} | ({"omero": omero} if omero else {})
    if version == "0.4":
        group.attrs.update(told)
    else:
        group.attrs["ome"] = {"version": version, **told}
    return group


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.ome.zarr"


def noise(*shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("dtype", ome_zarr.DTYPES)
def test_focus_positions_are_the_frames(path, version, dtype):
    planes = noise(5, 20, 30, dtype=dtype)
    write(path, planes, "zyx", version=version, scale=[1.5, 0.2, 0.25])
    sources = formats.open_frames(path)
    assert [source.info.name for source in sources][:2] == [f"{path.name}[0]", f"{path.name}[1]"]
    assert np.array_equal([source.read()[:, :, 0] for source in sources], planes)
    assert (sources[0].info.step_um, sources[0].info.pixel_um) == (1.5, (0.2, 0.25))
    formats.require_whole(path)


def test_a_channel_and_a_time_are_chosen(path, complaint):
    planes = noise(2, 3, 4, 20, 30)
    write(path, planes, "tczyx")
    assert ":channel=1,time=1" in complaint(path, lambda: formats.open_frames(path))
    chosen = formats.open_frames(path, Selection(channel=3, time=2))
    assert np.array_equal([source.read()[:, :, 0] for source in chosen], planes[1, 2])


def test_red_green_and_blue_are_one_frame_in_colour(path):
    planes = noise(3, 4, 20, 30)
    shown = {"channels": [{"color": colour} for colour in ("ff0000", "00FF00", "0000ff")]}
    write(path, planes, "czyx", omero=shown)
    sources = formats.open_frames(path)
    assert len(sources) == 4
    assert np.array_equal(sources[2].read(), np.moveaxis(planes[:, 2], 0, 2))


def test_images_that_bio_formats_numbers_are_series(path, complaint):
    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    for number in range(2):
        group = root.create_group(str(number))
        write(path, noise(3, 20, 30) + number, "zyx", version="0.4", group=group)
    assert "2 series" in complaint(path, lambda: formats.open_frames(path))
    second = formats.open_frames(path, Selection(series=2))
    assert np.array_equal(second[1].read()[:, :, 0], noise(3, 20, 30)[1] + 1)


def test_shards_are_read(path):
    planes = noise(4, 32, 32)
    write(path, planes, "zyx", chunks=(1, 16, 16), shards=(2, 32, 32))
    assert np.array_equal([s.read()[:, :, 0] for s in formats.open_frames(path)], planes)


def test_only_the_chunks_of_a_frame_are_read(path):
    write(path, noise(4, 16, 16), "zyx", chunks=(1, 16, 16))
    sources = formats.open_frames(path)
    for other in (0, 1, 3):
        (path / "0" / "c" / str(other) / "0" / "0").write_bytes(b"rubbish")
    assert np.array_equal(sources[2].read()[:, :, 0], noise(4, 16, 16)[2])
    with pytest.raises(FormatError, match="damaged"):
        sources[0].read()


def test_an_empty_corner_is_black_but_a_lost_frame_is_told(path, complaint):
    planes = noise(3, 32, 32)
    write(path, planes, "zyx", chunks=(1, 16, 16))
    (path / "0" / "c" / "1" / "0" / "0").unlink()
    planes[1, :16, :16] = 0
    assert np.array_equal(formats.open_frames(path)[1].read()[:, :, 0], planes[1])
    for chunk in (path / "0" / "c" / "1").rglob("?"):
        if chunk.is_file():
            chunk.unlink()
    assert "focus position 2" in complaint(path, lambda: formats.open_frames(path))


@pytest.mark.parametrize("part", [0, 0.3, 0.9])
def test_a_cut_chunk_or_description_is_told(path, part, complaint):
    write(path, noise(2, 16, 16), "zyx", chunks=(1, 16, 16))
    for file in (path / "0" / "c" / "0" / "0" / "0", path / "0" / "zarr.json", path / "zarr.json"):
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * part)])
        complaint(path, lambda: [source.read() for source in formats.open_frames(path)])
        file.write_bytes(content)


def test_what_is_no_ome_zarr_is_told(path, tmp_path, complaint):
    zarr.open_group(str(path), mode="w")
    assert "describes no image" in complaint(path, lambda: formats.open_frames(path))
    for axes, planes in (("qyx", noise(2, 8, 8)), ("zyx", noise(2, 8, 8, dtype=np.int32))):
        other = tmp_path / f"{axes}.zarr"
        write(other, planes, axes)
        complaint(other, lambda other=other: formats.open_frames(other))


@pytest.mark.parametrize("dtype", ome_zarr.DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_zarr_itself_reads_what_is_written(path, picture, like, dtype, channels):
    samples = picture(channels, dtype, 600, 30)
    depth = noise(600, 30, dtype=np.float32)
    ome_zarr.save(path, samples, replace(like(samples), pixel_um=(0.5, 0.25)), depth=depth)
    root = zarr.open_group(str(path), mode="r")
    planes = np.moveaxis(samples, 2, 0) if channels == 3 else samples[:, :, 0]
    assert np.array_equal(root["0"][...], planes)
    assert np.array_equal(root["depth/0"][...], depth)
    scale = root.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert scale[0]["scale"][-2:] == [0.5, 0.25]


def test_a_stack_goes_in_and_a_picture_comes_out(path, tmp_path):
    write(path, noise(3, 40, 50), "zyx", scale=[2.0, 0.5, 0.5])
    out = tmp_path / "out.ome.zarr"
    for _ in range(2):
        fusion = hyperfocal.fuse(path, out, method=FAST, depth_page=True, overwrite=True)
    assert np.array_equal(formats.open_frames(out)[0].read()[:, :, 0], fusion.picture)
    assert np.array_equal(zarr.open(str(out / "depth" / "0"), mode="r")[...], fusion.depth)
    assert fusion.report["step_from"] == "file"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cells.ome.zarr", "out.ome.zarr"]


def test_a_folder_that_is_no_picture_is_not_replaced(path, tmp_path):
    frames = noise(2, 20, 30, dtype=np.uint8)
    out = tmp_path / "mine.zarr"
    out.mkdir()
    (out / "diary.txt").write_text("dear")
    with pytest.raises(FormatError, match="is a folder"):
        hyperfocal.fuse(frames, out, method=FAST, overwrite=True)
    write(path, noise(3, 40, 50), "zyx")
    with pytest.raises(FormatError, match="one of the frames"):
        hyperfocal.fuse(path, path, method=FAST, overwrite=True)
    assert (out / "diary.txt").exists()


def test_folders_of_chunks_in_a_folder_are_frames(tmp_path):
    for number in range(2):
        write(tmp_path / f"{number}.zarr", noise(20, 30) + number, "yx")
    assert len(hyperfocal.open_stack(tmp_path)) == 2


def test_a_missing_library_gives_the_command(path, monkeypatch):
    write(path, noise(2, 20, 30), "zyx")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingExtra, match=r"pip install 'hyperfocal\[zarr\]'"):
        formats.open_frames(path)
