"""Stacks as microscopes write them: which planes are the frames, and how large things are."""

import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

import hyperfocal
from hyperfocal.io import formats
from hyperfocal.io.containers import tiff_directories as directories
from hyperfocal.io.containers import volumes
from hyperfocal.io.formats import ome_tiff, tiff
from hyperfocal.io.selection import Selection, split

FAST = "select:measure=tenengrad,consistency=no"


def planes(times=1, focuses=1, channels=1):
    """A different constant for each plane, T, Z, C first, and noise that tells files apart."""
    shape = (times, focuses, channels, 12, 16)
    return np.arange(np.prod(shape[:3]), dtype=np.uint16).reshape(*shape[:3], 1, 1) + np.zeros(
        shape, np.uint16
    )


def values(sources):
    return [int(source.read()[0, 0, 0]) for source in sources]


def write_imagej(path, samples, **metadata):
    tifffile.imwrite(
        path,
        samples,
        imagej=True,
        resolution=(1 / 0.25, 1 / 0.25),
        metadata={"axes": "TZCYX", "unit": "um", "spacing": 1.5, **metadata},
    )


def write_ome(path, samples, axes="TZCYX", **options):
    metadata = {"axes": axes, "PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeY": 0.25, "PhysicalSizeZ": 0.0015, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(path, samples, ome=True, metadata=metadata, **options)


WRITERS = {"imagej": write_imagej, "ome": write_ome}


@pytest.fixture(params=sorted(WRITERS))
def writer(request):
    return WRITERS[request.param]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.tif"


def test_focus_positions_are_the_frames(path, writer):
    writer(path, planes(focuses=5))
    sources = tiff.open(path)
    assert values(sources) == [0, 1, 2, 3, 4]
    assert sources[0].info.step_um == pytest.approx(1.5)
    assert sources[0].info.pixel_um == pytest.approx((0.25, 0.25))


def test_a_sweep_recorded_over_time_is_a_stack_without_a_step(path, writer):
    writer(path, planes(times=4))
    sources = tiff.open(path)
    assert values(sources) == [0, 1, 2, 3]
    assert sources[0].info.step_um is None
    assert sources[0].info.pixel_um == pytest.approx((0.25, 0.25))


def test_one_of_several_channels_and_times_is_chosen_by_number(path, writer, complaint):
    samples = planes(times=3, focuses=4, channels=2)
    writer(path, samples)
    assert "cells.tif:channel=1,time=1" in complaint(path, lambda: tiff.open(path))
    half = Selection(channel=2)
    assert "channel=2,time=1" in complaint(path, lambda: tiff.open(path, half))
    chosen = tiff.open(path, Selection(channel=2, time=3))
    assert values(chosen) == samples[2, :, 1, 0, 0].tolist()
    for wrong in (Selection(channel=3, time=1), Selection(channel=1, time=9)):
        assert "choose one of: 1, 2" in complaint(path, lambda wrong=wrong: tiff.open(path, wrong))


def test_a_choice_where_there_is_none_is_refused(path, complaint):
    tifffile.imwrite(path, planes(focuses=3)[0, :, 0], metadata=None, photometric="minisblack")
    assert "leave out" in complaint(path, lambda: tiff.open(path, Selection(channel=1)))
    png = path.with_suffix(".png")
    formats.save(png, planes()[0, 0, 0, :, :, None], tiff.open(path)[0].info, suffix=".png")
    assert "leave out" in complaint(png, lambda: formats.open_frames(png, Selection(time=1)))


def test_channels_without_focus_positions_say_what_to_do(path, writer, complaint):
    writer(path, planes(channels=3))
    assert "slices" in complaint(path, lambda: tiff.open(path))
    assert values(tiff.open(path, Selection(channel=3))) == [2]


def test_colour_frames_stay_in_colour(path, writer):
    samples = np.random.default_rng(0).integers(0, 255, (1, 4, 1, 12, 16, 3), np.uint8)
    if writer is write_ome:
        write_ome(path, samples[0, :, 0], "ZYXS", photometric="rgb")
    else:
        write_imagej(path, samples, axes="TZCYXS")
    assert np.array_equal([source.read() for source in tiff.open(path)], samples[0, :, 0])


def test_series_of_a_file_are_chosen_by_number(path, complaint):
    with tifffile.TiffWriter(path, ome=True) as writer:
        for first in (0, 10):
            writer.write(planes(focuses=3)[0, :, 0] + first, metadata={"axes": "ZYX"})
    assert "2 series (1, 2)" in complaint(path, lambda: tiff.open(path))
    assert values(tiff.open(path, Selection(series=2))) == [10, 11, 12]


def test_each_file_of_a_set_gives_its_own_planes(tmp_path):
    both = [tmp_path / "z0.ome.tif", tmp_path / "z1.ome.tif"]
    blocks = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="{path.name}">urn:uuid:{z}</UUID></TiffData>'
        for z, path in enumerate(both)
    )
    for z, path in enumerate(both):
        xml = (
            f'<OME xmlns="x" UUID="urn:uuid:{z}"><Image><Pixels DimensionOrder="XYZCT" SizeX="16" '
            f'SizeY="12" SizeZ="2" SizeC="1" SizeT="1" PhysicalSizeZ="2">{blocks}</Pixels></Image>'
            "</OME>"
        )
        tifffile.imwrite(path, planes()[0, 0, 0] + z, description=xml, metadata=None)
    with hyperfocal.open_stack(both) as stack:
        assert values(stack.sources) == [0, 1]
        assert stack.info.step_um == 2


def described(path, z, blocks, held=4):
    """A file of so many pages whose description declares `z` focus positions."""
    xml = (
        '<OME xmlns="x" UUID="urn:uuid:0"><Image><Pixels DimensionOrder="XYZCT" SizeX="16" '
        f'SizeY="12" SizeZ="{z}" SizeC="1" SizeT="1">{blocks}</Pixels></Image></OME>'
    )
    tifffile.imwrite(
        path,
        planes(focuses=held)[0, :, 0],
        description=xml,
        metadata=None,
        photometric="minisblack",
    )


@pytest.mark.parametrize("blocks", ["<TiffData/>", '<TiffData IFD="0" PlaneCount="7"/>', ""])
def test_planes_that_are_declared_and_not_there_are_told(path, blocks):
    described(path, 7, blocks)
    report = hyperfocal.fuse(path, method="select").report
    assert len(report["frames"]) == 4
    assert report["notices"] == ["cells.tif declares 7 planes and holds 4; the others are missing"]


def test_planes_in_other_files_and_absurd_numbers_are_no_mistake(path):
    elsewhere = '<TiffData FirstZ="4" IFD="0" PlaneCount="3"><UUID>urn:uuid:1</UUID></TiffData>'
    described(path, 7, '<TiffData IFD="0" PlaneCount="4"/>' + elsewhere)
    assert hyperfocal.fuse(path, method="select").report["notices"] == []
    described(path, 10**12, "<TiffData/>")
    assert "1000000000000" in hyperfocal.fuse(path, method="select").report["notices"][0]
    described(path, 4, "<TiffData/>")
    assert hyperfocal.fuse(path, method="select").report["notices"] == []


@pytest.mark.parametrize("xml", ["<OME", '<OME xmlns="x"><Image><Pixels SizeZ="x"/></Image></OME>'])
def test_a_description_that_cannot_be_read_is_told(path, xml, complaint):
    tifffile.imwrite(path, planes()[0, 0, 0], description=xml + " <OME ", metadata=None)
    with tifffile.TiffFile(path) as tif:
        if tif.is_ome:
            complaint(path, lambda: tiff.open(path))


def test_pages_are_read_one_by_one(path, writer, monkeypatch):
    writer(path, planes(focuses=6))
    sources = tiff.open(path)
    seen = []
    real = tifffile.TiffPage.asarray
    monkeypatch.setattr(
        tifffile.TiffPage, "asarray", lambda page, *a, **k: seen.append(1) or real(page, *a, **k)
    )
    sources[4].read()
    assert len(seen) == 1


@given(
    order=st.permutations("ZCT"),
    counts=st.fixed_dictionaries({axis: st.integers(1, 4) for axis in "ZCT"}),
)
def test_planes_are_numbered_as_arrays_are_laid_out(order, counts):
    found = volumes.numbered("".join(order), counts)
    shape = [counts[axis] for axis in reversed(order)]
    for place, plane in enumerate(found):
        index = dict(zip(reversed(order), np.unravel_index(place, shape), strict=True))
        assert plane == (index["Z"], index["C"], index["T"])


@pytest.mark.parametrize(
    ("length", "unit", "micrometres"),
    [(0.5, "µm", 0.5), ("250", "nm", 0.25), (-2, "Micron", 2), (1, "mm", 1000), (1, "pixel", None),
     (0, "µm", None), ("odd", "µm", None), (None, "µm", None), (1, None, None)],
)  # fmt: skip
def test_lengths_are_told_in_micrometres(length, unit, micrometres):
    assert volumes.micrometres(length, unit) == micrometres


def test_a_choice_is_written_behind_the_name(tmp_path, complaint):
    assert split("a/b.tif") == (tmp_path.__class__("a/b.tif"), Selection())
    assert split("C:\\a.tif:channel=2,time=1")[1] == Selection(channel=2, time=1)
    odd = tmp_path / "x.tif:channel=2"
    odd.write_bytes(b"")
    assert split(str(odd)) == (odd, Selection())
    for wrong in ("colour=1", "channel=0", "channel=red", "channel=", "time=1,"):
        assert "FILE:channel=2,time=1" in complaint(
            tmp_path, lambda wrong=wrong: split(f"{tmp_path}:{wrong}")
        )


@pytest.mark.parametrize("dtype", ome_tiff.DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_ome_tiff_keeps_pixel_size_and_holds_the_depth(
    tmp_path, picture, like, exif, dtype, channels
):
    from dataclasses import replace

    path, samples = tmp_path / "fused.ome.tif", picture(channels, dtype)
    depth = np.random.default_rng(0).random(samples.shape[:2], np.float32)
    info = replace(like(samples, exif=exif()), pixel_um=(0.1, 0.25), step_um=2.0)
    ome_tiff.save(path, samples, info, depth=depth)
    (source,) = formats.open_frames(path)
    assert np.array_equal(source.read(), samples)
    assert source.info.pixel_um == (0.1, 0.25)
    assert source.info.exif == exif()
    with tifffile.TiffFile(path) as tif:
        assert [series.name for series in tif.series] == ["fused", "depth"]
        assert np.array_equal(tif.series[0].asarray(), samples.squeeze())
        assert np.array_equal(tif.series[1].asarray(), depth)
        assert "Depth in µm" in tif.ome_metadata


def test_a_step_from_the_file_makes_a_depth_in_micrometres(tmp_path):
    samples = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    write_ome(tmp_path / "in.ome.tif", samples, "ZYX")
    out = tmp_path / "out.ome.tif"
    fusion = hyperfocal.fuse(tmp_path / "in.ome.tif", out, method=FAST, depth_page=True)
    assert (fusion.report["step_um"], fusion.report["step_from"]) == (pytest.approx(1.5), "file")
    plain = hyperfocal.fuse(samples, method=FAST)
    assert plain.report["step_from"] is None
    assert np.allclose(fusion.depth, plain.depth * 1.5)
    assert np.array_equal(tifffile.imread(out, series=1), fusion.depth)
    own = hyperfocal.fuse(tmp_path / "in.ome.tif", method=FAST, step_um=4)
    assert own.report["step_from"] == "option"
    assert np.allclose(own.depth, plain.depth * 4)
    assert formats.open_frames(out)[0].info.pixel_um == pytest.approx((0.25, 0.25))


def test_a_channel_is_fused_from_a_hyperstack(tmp_path):
    samples = planes(times=2, focuses=3, channels=2)
    write_imagej(tmp_path / "cells.tif", samples)
    fusion = hyperfocal.fuse(f"{tmp_path / 'cells.tif'}:channel=2,time=1", method=FAST)
    assert len(fusion.report["frames"]) == 3


def test_a_plain_tiff_holds_the_depth_as_a_second_page(tmp_path):
    samples = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8)
    out = tmp_path / "out.tif"
    fusion = hyperfocal.fuse(samples, out, method=FAST, depth_page=True)
    assert np.array_equal(tifffile.imread(out, key=1), fusion.depth)
    (source,) = formats.open_frames(out)
    assert np.array_equal(source.read(), fusion.picture)
    with pytest.raises(hyperfocal.FormatError, match="no place"):
        hyperfocal.fuse(samples, tmp_path / "out.png", method=FAST, depth_page=True)
    with pytest.raises(hyperfocal.OptionError, match="depth page"):
        hyperfocal.fuse(samples, tmp_path / "o.tif", method="lp", depth_page=True)


def write_set(folder, samples, *, names="c{c}_z{z}.ome.tif", companion=False):
    """A file a plane, as Micro-Manager and Bio-Formats write: Z and C first, 12 × 16."""
    focuses, channels = samples.shape[:2]
    places = [(z, c) for c in range(channels) for z in range(focuses)]
    files = {place: names.format(z=place[0], c=place[1]) for place in places}
    blocks = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" FirstC="{c}" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{z}-{c}</UUID></TiffData>'
        for (z, c), name in files.items()
    )
    parts = "".join(f'<Channel SamplesPerPixel="1" ID="{c}"/>' for c in range(channels))
    image = (
        f'<Image><Pixels DimensionOrder="XYZCT" SizeX="16" SizeY="12" SizeZ="{focuses}" '
        f'SizeC="{channels}" SizeT="1" PhysicalSizeZ="2">{parts}{blocks}</Pixels></Image>'
    )
    for (z, c), name in files.items():
        said = image
        if companion:
            said = '<BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:all"/>'
            (folder / "set.companion.ome").write_text(f'<OME xmlns="x">{image}</OME>')
        xml = f'<OME xmlns="x" UUID="urn:uuid:{z}-{c}">{said}</OME>'
        tifffile.imwrite(folder / name, samples[z, c], description=xml, metadata=None)
    return [folder / name for name in files.values()]


@pytest.mark.parametrize("companion", [False, True])
def test_one_file_of_a_set_stands_for_all(tmp_path, companion):
    paths = write_set(tmp_path, planes(focuses=4)[0], companion=companion)
    with hyperfocal.open_stack(paths[2]) as stack:
        assert values(stack.sources) == [0, 1, 2, 3]
        assert stack.info.step_um == 2
        assert [source.path for source in stack.sources] == paths


def test_a_channel_of_a_set_is_chosen_by_number(tmp_path, complaint):
    paths = write_set(tmp_path, planes(focuses=3, channels=2)[0])
    assert "channel=1" in complaint(paths[0], lambda: hyperfocal.open_stack(paths[0]))
    with hyperfocal.open_stack(f"{paths[0]}:channel=2") as stack:
        assert values(stack.sources) == [1, 3, 5]


def test_a_file_that_a_set_lacks_is_told(tmp_path):
    paths = write_set(tmp_path, planes(focuses=4)[0])
    paths[1].unlink()
    report = hyperfocal.fuse(paths[0], method="select").report
    assert report["frames"] == [path.name for path in (paths[0], *paths[2:])]
    assert f"{paths[1].name}, which {paths[0].name} names, is missing" in report["notices"]


def test_a_set_reaches_nothing_outside_of_its_folder(tmp_path):
    (tmp_path / "in").mkdir()
    outside = write_set(tmp_path, planes(focuses=2)[0], names="z{z}.ome.tif")
    (inside, _) = write_set(tmp_path / "in", planes(focuses=2)[0], names="z{z}.ome.tif")
    described = inside.read_bytes().replace(b'"z1.ome.tif"', b'"../z1.ome.tif"')
    with tifffile.TiffFile(inside) as tif:
        xml = tif.ome_metadata.replace('"z1.ome.tif"', f'"../{outside[1].name}"')
    assert described
    tifffile.imwrite(inside, planes()[0, 0, 0], description=xml, metadata=None)
    (tmp_path / "in" / "z1.ome.tif").unlink()
    with pytest.raises(hyperfocal.StackError, match="only one frame"):
        hyperfocal.open_stack(inside)


def test_a_file_that_is_a_stack_by_itself_stays_one(tmp_path):
    paths = []
    blocks = "".join(
        f'<TiffData IFD="0" FirstT="{t}" PlaneCount="3"><UUID FileName="t{t}.ome.tif">'
        f"urn:uuid:{t}</UUID></TiffData>"
        for t in range(2)
    )
    for t in range(2):
        paths.append(tmp_path / f"t{t}.ome.tif")
        xml = (
            f'<OME xmlns="x" UUID="urn:uuid:{t}"><Image><Pixels DimensionOrder="XYZCT" SizeX="16" '
            f'SizeY="12" SizeZ="3" SizeC="1" SizeT="2">{blocks}</Pixels></Image></OME>'
        )
        samples = planes(focuses=3)[0, :, 0] + np.uint16(10 * t)
        tifffile.imwrite(
            paths[t], samples, description=xml, metadata=None, photometric="minisblack"
        )
    with hyperfocal.open_stack(paths[1]) as stack:
        assert values(stack.sources) == [10, 11, 12]


def write_lsm(path, samples, compression=None):
    """As Zeiss's program: T, Z, C first; after each picture a preview that is marked as one."""
    times, focuses, channels, height, width = samples.shape
    info = np.zeros(1, tifffile.TIFF.CZ_LSMINFO)
    info["MagicNumber"], info["StructureSize"] = 67127628, info.dtype.itemsize
    info["DimensionX"], info["DimensionY"], info["DimensionZ"] = width, height, focuses
    info["DimensionChannels"], info["DimensionTime"] = channels, times
    for axis, size in zip("XYZ", (0.25e-6, 0.25e-6, 1.5e-6), strict=True):
        info[f"VoxelSize{axis}"] = size
    tag = [(34412, 1, info.nbytes, info.tobytes(), True)]
    with tifffile.TiffWriter(path, byteorder="<") as writer:
        for page in samples.reshape(-1, channels, height, width):
            writer.write(
                page if channels > 1 else page[0],
                photometric="minisblack",
                planarconfig="separate" if channels > 1 else None,
                extratags=tag,
                compression=compression,
                metadata=None,
            )
            small = page[0, ::2, ::2].astype(np.uint8)
            writer.write(small, photometric="minisblack", subfiletype=1, metadata=None)
            tag = []
    if compression is not None or channels == 2:
        _as_zeiss_does(path, channels, height * width * samples.itemsize)


def _as_zeiss_does(path, channels, byte_count):
    """Two bit depths stand at another place, and byte counts are those before compression."""
    with path.open("r+b") as file:
        layout, first = directories.layout_of(file.read(16))
        depths = file.seek(0, 2)
        file.write(struct.pack("<HH", 16, 16))
        for offset in directories.chain(file, first, layout)[::2]:
            for row in directories.rows(file, offset, layout):
                if row.tag == 258 and row.length == 2:
                    file.seek(row.position)
                    file.write(struct.pack("<I", depths))
                if row.tag == 279:
                    at = row.position if channels == 1 else struct.unpack("<I", row.field)[0]
                    file.seek(at)
                    file.write(struct.pack("<I", byte_count) * channels)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_a_channel_of_an_lsm_is_a_stack(tmp_path, compression, complaint):
    path = tmp_path / "cells.lsm"
    write_lsm(path, planes(focuses=4), compression)
    sources = formats.open_frames(path)
    assert values(sources) == [0, 1, 2, 3]
    assert sources[0].info.step_um == pytest.approx(1.5)
    assert sources[0].info.pixel_um == pytest.approx((0.25, 0.25))
    samples = planes(times=2, focuses=3, channels=2)
    write_lsm(path, samples, compression)
    formats.require_whole(path)
    assert "channel=1,time=1" in complaint(path, lambda: formats.open_frames(path))
    chosen = formats.open_frames(path, Selection(channel=2, time=2))
    assert values(chosen) == samples[1, :, 1, 0, 0].tolist()


def test_a_plain_tiff_called_lsm_is_read_as_one(tmp_path, picture):
    path = tmp_path / "one.lsm"
    tifffile.imwrite(path, picture(), photometric="rgb")
    assert np.array_equal(formats.open_frames(path)[0].read(), picture())
