"""What holds for every format: what is written reads back, and no bad file gets through."""

import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperfocal import registry
from hyperfocal.errors import FormatError
from hyperfocal.io import formats
from tests.extras import cases, needs

ROOM = {name: registry.module("formats", name) for name in registry.names("formats")}
FORMATS = {name: each for name, each in ROOM.items() if hasattr(each, "save")}
FILES = {name: each for name, each in FORMATS.items() if not hasattr(each, "IS_FOLDER")}
# Those whose EXIF says how to turn them; the others' containers do, or nothing does.
TURNED = ["jpeg", "ome_tiff", "png", "tiff", "webp"]
HELD = [
    pytest.param(name, dtype, marks=needs(name))
    for name, each in FORMATS.items()
    for dtype in each.DTYPES
]
SUFFIXES = [
    pytest.param(suffix, marks=needs(name))
    for name, each in ROOM.items()
    for suffix in each.SUFFIXES
]
LOSS = {"jpeg": 5}  # sample values at quality 95; the others have none

TRUTH = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_one_line(error):
    assert "\n" not in str(error)


def channels_of(name):
    return getattr(FORMATS[name], "CHANNELS", (1, 3))


@pytest.fixture(params=sorted(FILES))
def written(request, tmp_path, picture, like):
    """A file of each format, too large for its header to be most of it."""
    path = tmp_path / f"frame{FORMATS[request.param].SUFFIXES[0]}"
    noise = np.random.default_rng(0).integers(0, 20, (200, 300, 3), np.uint8)
    samples = picture(height=200, width=300) // 2 + noise
    FORMATS[request.param].save(path, samples, like(samples))
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "dtype"), HELD)
def test_what_is_written_reads_back_equal(
    name, dtype, channels, order, tmp_path, picture, like, exif, icc
):
    samples = picture(channels, dtype)
    path = tmp_path / "frame.part"
    info = like(samples, icc=icc(channels), exif=exif(1, order), pixel_um=(0.5, 0.25))
    FORMATS[name].save(path, samples, info)
    (source,) = FORMATS[name].open(path)
    if channels not in channels_of(name):
        assert source.info.channels == 3
        samples, info = np.repeat(samples, 3, axis=2), replace(info, icc=None)
    for field in ("icc", "exif", "pixel_um"):
        wanted = getattr(info, field) if field in FORMATS[name].METADATA else None
        assert getattr(source.info, field) == wanted, field
    assert source.info.name == path.name
    assert source.info.notices == ()
    assert source.read().dtype == source.info.dtype == samples.dtype
    assert source.read().shape == samples.shape
    assert np.abs(source.read().astype(float) - samples).max() <= LOSS.get(name, 0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 16000), (16000, 3)])
@pytest.mark.parametrize(("name", "dtype"), HELD)
def test_tiny_and_long_frames_read_back(name, dtype, shape, tmp_path, picture, like):
    samples = picture(3, dtype, *shape)
    FORMATS[name].save(tmp_path / "frame", samples, like(samples))
    (source,) = FORMATS[name].open(tmp_path / "frame")
    assert np.abs(source.read().astype(float) - samples).max() <= LOSS.get(name, 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("orientation", TRUTH)
@pytest.mark.parametrize("name", TURNED)
def test_orientation_is_applied_exactly_once(
    name, orientation, channels, tmp_path, picture, like, exif
):
    samples = picture(channels)
    upright, turned = tmp_path / "upright", tmp_path / "turned"
    FORMATS[name].save(upright, samples, like(samples))
    FORMATS[name].save(turned, samples, like(samples, exif=exif(orientation, ">")))
    (source,) = FORMATS[name].open(turned)
    truth = TRUTH[orientation](FORMATS[name].open(upright)[0].read())
    assert np.array_equal(source.read(), truth)
    assert (source.info.height, source.info.width) == truth.shape[:2]
    assert source.info.exif == exif(1, ">")


@pytest.mark.parametrize("name", TURNED)
def test_a_meaningless_orientation_turns_nothing(name, tmp_path, picture, like, exif):
    samples = picture()
    FORMATS[name].save(tmp_path / "frame", samples, like(samples, exif=exif(9)))
    (source,) = FORMATS[name].open(tmp_path / "frame")
    assert source.read().shape == samples.shape
    assert source.info.exif == exif(1)


@pytest.mark.parametrize("name", cases(FORMATS))
def test_metadata_that_does_not_fit_is_left_out(name, tmp_path, picture, like, icc):
    samples = picture(channels=1)
    FORMATS[name].save(tmp_path / "frame", samples, like(samples, icc=icc(3), exif=None))
    (source,) = FORMATS[name].open(tmp_path / "frame")
    assert source.info.icc is None


@pytest.mark.parametrize("name", cases(FORMATS))
def test_exif_that_is_no_exif_does_no_harm(name, tmp_path, picture, like):
    samples = picture()
    FORMATS[name].save(tmp_path / "frame", samples, like(samples, exif=b"II*\0\xff\xff\xff\xff!"))
    assert FORMATS[name].open(tmp_path / "frame")[0].read().shape == samples.shape


@FEW
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused_or_lacks_nothing(written, part):
    cut = written.with_name(f"cut{written.suffix}")
    content = written.read_bytes()
    cut.write_bytes(content[: int(len(content) * part)])
    try:
        (source,) = formats.open_frames(cut)
        samples = source.read()
    except FormatError as error:
        assert_one_line(error)
    else:  # a check sum behind the end mark, say
        assert np.array_equal(samples, formats.open_frames(written)[0].read())


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_cut_file_is_found_without_decoding_it(written, part, complaint):
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * part)])
    complaint(written, lambda: formats.require_whole(written))


@FEW
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1)
)
def test_a_damaged_file_gives_samples_or_one_line(written, flips):
    damaged = written.with_name(f"damaged{written.suffix}")
    content = bytearray(written.read_bytes())
    for place, value in flips:
        content[int(place**4 * len(content))] = value  # mostly in the headers
    damaged.write_bytes(content)
    try:
        for source in formats.open_frames(damaged):
            formats.require_whole(damaged)
            info = source.info
            assert source.read().shape == (info.height, info.width, info.channels)
    except FormatError as error:
        assert_one_line(error)


def test_opening_reads_headers_alone(written, complaint):
    written.write_bytes(written.read_bytes()[: 4500 if written.suffix == ".jxl" else 1500])
    (source,) = formats.open_frames(written)
    assert (source.info.height, source.info.width) == (200, 300)
    complaint(written, source.read)


def test_opening_takes_no_memory(written):
    formats.open_frames(written)
    tracemalloc.start()
    formats.open_frames(written)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 300 * 3


def test_a_file_that_changed_after_opening_is_refused(written, picture, like, complaint):
    (source,) = formats.open_frames(written)
    formats.save(written, picture(), like(picture()), suffix=written.suffix)
    assert "changed" in complaint(written, source.read)


def test_a_cut_header_is_refused(written, complaint):
    written.write_bytes(written.read_bytes()[:20])
    complaint(written, lambda: formats.open_frames(written))


def test_a_suffix_that_lies_is_found_out(written, tmp_path):
    if written.suffix == ".tif":
        pytest.importorskip("rawpy")  # what tells whether a TIFF named .dng is one
    for suffix in (each.SUFFIXES[0] for each in ROOM.values()):
        lying = tmp_path / f"lying{suffix.upper()}"
        lying.write_bytes(written.read_bytes())
        assert formats.open_frames(lying)[0].read().shape == (200, 300, 3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_picture_is_refused(suffix, tmp_path, complaint):
    for name, content in {"none": None, "empty": b"", "text": b"Not a picture at all."}.items():
        path = tmp_path / (name + suffix)
        if content is not None:
            path.write_bytes(content)
        complaint(path, lambda path=path: formats.open_frames(path))
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    complaint(folder, lambda: formats.open_frames(folder))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_refused(written, complaint):
    written.chmod(0)
    assert "ermission" in complaint(written, lambda: formats.open_frames(written))


def test_an_unknown_suffix_lists_the_known(tmp_path, picture, like):
    path = tmp_path / "frame.xyz"
    path.write_bytes(b"something")
    with pytest.raises(FormatError, match=r"frame\.xyz .*\.png.*\.tif"):
        formats.open_frames(path)
    with pytest.raises(FormatError, match=r"\.jpg"):
        formats.save(path, picture(), like(picture()), suffix=".xyz")


@pytest.mark.parametrize("name", cases(FORMATS))
def test_a_folder_that_is_missing_gives_the_reason(name, tmp_path, picture, like, complaint):
    path = tmp_path / "missing" / "frame"
    message = complaint(path, lambda: FORMATS[name].save(path, picture(), like(picture())))
    assert "No such file" in message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_gives_the_reason(picture, like, complaint):
    full, samples = Path("/dev/full"), picture(height=400, width=400)
    for each in FILES.values():
        message = complaint(full, lambda each=each: each.save(full, samples, like(samples)))
        assert "No space" in message


def test_a_depth_that_does_not_fit_names_formats_that_do(tmp_path, picture, like, complaint):
    for suffix in formats.writable_suffixes():
        for dtype in {"uint8", "uint16", "float32"} - set(formats.dtypes(suffix)):
            samples, path = picture(3, dtype), tmp_path / "frame"

            def save(path=path, samples=samples, suffix=suffix):
                formats.save(path, samples, like(samples), suffix=suffix)

            assert dtype in complaint(path, save)
            assert not path.exists()


def test_suffixes_are_known_in_any_case():
    for suffix in formats.suffixes():
        for written in (suffix, suffix.upper(), suffix.title()):
            assert formats.is_known(Path(f"IMG_0142{written}")), written
            assert formats.suffix_of(Path(f"IMG_0142{written}")) == suffix
    for other in ("IMG_0142", "IMG_0142.txt", "tif", ".tif.bak"):
        assert not formats.is_known(Path(other)), other


def test_a_suffix_of_two_parts_goes_before_one_of_one():
    assert formats.suffix_of(Path("a.b.OME.TIF")) == ".ome.tif"
    assert formats.suffix_of(Path("ome.tif")) == ".tif"
    assert formats.suffix_of(Path("a.b.tif")) == ".tif"


def test_formats_that_are_only_read_say_so(tmp_path, picture, like):
    for suffix in set(formats.suffixes()) - set(formats.writable_suffixes()):
        with pytest.raises(FormatError, match=r"only read.*\.png"):
            formats.save(tmp_path / "frame", picture(), like(picture()), suffix=suffix)


@pytest.mark.parametrize("name", ROOM)
def test_every_format_says_what_it_is(name):
    each = ROOM[name]
    assert set(each.METADATA) <= {"icc", "exif", "pixel_um"}
    assert set(each.DTYPES) <= {"uint8", "uint16", "float32"}
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in each.SUFFIXES)


def test_no_two_formats_share_a_suffix():
    assert len(formats.suffixes()) == len(set(formats.suffixes()))


def test_colours_that_a_format_cannot_describe_are_refused_early(tmp_path):
    wide = bytes(16) + b"RGB " + bytes(200)
    with pytest.raises(FormatError, match="colour profile"):
        formats.require_profile(tmp_path / "a.jxl", wide)
    formats.require_profile(tmp_path / "a.jxl", imagecodecs.cms_profile("srgb"))
    formats.require_profile(tmp_path / "a.tif", wide)


def test_the_documentation_lists_every_format():
    page = Path(__file__).parents[3] / "docs" / "formats.md"
    lines = page.read_text("utf-8").splitlines()
    rows = [line.split("|")[1:-1] for line in lines if "| `." in line]
    listed = {suffix for row in rows for suffix in re.findall(r"`(\.[^`]+)`", row[1])}
    assert listed == set(formats.suffixes())
    for _, suffixes, _, written, carried, _ in rows:
        suffix = re.findall(r"`(\.[^`]+)`", suffixes)[0]
        assert (suffix in formats.writable_suffixes()) == (written.strip() != "no"), suffix
        told = {"ICC": "icc", "EXIF": "exif", "pixel size": "pixel_um"}
        assert {told[n] for n in told if n in carried} == set(formats.metadata(suffix)), suffix
        if suffix in formats.writable_suffixes():
            assert ("depth map" in written) == formats.holds_depth(suffix), suffix
            for dtype, name in (("uint8", "8"), ("uint16", "16"), ("float32", "float32")):
                assert (name in re.findall(r"\w+", written)) == (dtype in formats.dtypes(suffix))
