"""Which files of a folder are frames, which of them fit, and what is told of the rest."""

import shutil
import struct
import subprocess
import sys

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from scenes import as_type, psnr, scene, texture

import hyperfocal
from hyperfocal.alignment.crop import Rectangle
from hyperfocal.alignment.resampling import PlacedSource
from hyperfocal.errors import FormatError, StackError
from hyperfocal.io import formats
from hyperfocal.stack.opening import open_stack, remarks_of
from tests.batch.shoots import exif_of
from tests.batch.shoots import write as write_with_exif

from .test_stack import names_of, write

FAST = "select:measure=tenengrad,consistency=no"


def frame(seed=1, shape=(20, 30, 3), dtype=np.uint8):
    return as_type([texture(*shape[:2], seed=seed, channels=shape[2])], dtype)[0]


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 10):
        write(tmp_path / f"img{number}.png", frame(number))
    return tmp_path


IMGS = ["img1.png", "img2.png", "img10.png"]


def told(frames, **options):
    """Names of the frames, and what is told of them."""
    with open_stack(frames, **options) as stack:
        return names_of(stack), remarks_of(stack)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".MPO", ".lsm", ".dat", ".jpg", ".TIF", "", ".JPG_large"])
@pytest.mark.parametrize("kind", [".png", ".jpg", ".tif", ".bmp", ".ppm", ".gif"])
def test_the_first_bytes_say_what_a_file_is(tmp_path, suffix, kind):
    for number in range(2):
        ok, content = cv2.imencode(kind, frame(number)) if kind != ".gif" else (True, None)
        assert ok
        path = tmp_path / f"a{number}{suffix}"
        if content is None:
            PIL.Image.fromarray(frame(number)).save(path, "GIF")
        else:
            path.write_bytes(content.tobytes())
    names, remarks = told(tmp_path)
    assert (names, remarks) == ([f"a0{suffix}", f"a1{suffix}"], [])


def test_what_is_left_aside_is_named_in_one_line_whatever_its_suffix(folder):
    for name in ("a.xyz", "b.xyz", "Thumbs.db", "notes.txt", "sound.wav", ".hidden"):
        (folder / name).write_bytes(b"no picture")
    (folder / "0.NEF").write_bytes(b"II*\0 raw")
    names, (line,) = told(folder)
    assert names == IMGS
    assert line == (
        "6 files are left aside, as no frames: 0.NEF, a.xyz, b.xyz and 3 more; name RAW files, "
        "films and arrays by a pattern to fuse them"
    )
    (folder / "0.NEF").unlink()
    assert told(folder)[1] == [
        "5 files are left aside, as no frames: a.xyz, b.xyz, notes.txt and 2 more"
    ]


def test_the_notes_of_files_left_aside_come_before_the_work(folder, tmp_path_factory):
    (folder / "notes.txt").write_text("no picture")
    content = bytearray((folder / "img10.png").read_bytes())
    content[100] ^= 255  # found when it is decoded
    (folder / "img10.png").write_bytes(content)
    out = tmp_path_factory.mktemp("out") / "out.png"
    command = [sys.executable, "-m", "hyperfocal", "fuse", folder, "-o", out, "--method", FAST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    note, error = done.stderr.splitlines()
    assert note == "hyperfocal: note: 1 file is left aside, as no frames: notes.txt"
    assert "img10.png is damaged" in error
    assert done.returncode == 2


def test_where_no_frame_is_found_the_files_that_are_there_are_named(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.xyz").write_bytes(b"a kind that nobody reads")
    with pytest.raises(StackError, match=r"no frame in .*0\.xyz, 1\.xyz, 2\.xyz and 2 more"):
        open_stack(tmp_path)


def test_copies_that_programs_leave_behind_are_no_frames(folder):
    for name in ("img1.png_original", "img2.png.bak", "IMG10.THM"):
        shutil.copy(folder / "img1.png", folder / name)
    names, (line,) = told(folder)
    assert names == IMGS
    assert "img1.png_original" in line
    assert "THM" in line


def test_what_only_looks_like_a_picture_is_left_aside(folder):
    (folder / "odd.dat").write_bytes((folder / "img1.png").read_bytes()[:20])
    (folder / "raw.cap").write_bytes(b"II*\0\x08\0\0\0")
    names, (line,) = told(folder)
    assert names == IMGS
    assert line == "2 files are left aside, as no frames: odd.dat, raw.cap"
    with pytest.raises(FormatError, match=r"odd\.dat"):
        open_stack([folder / "img1.png", folder / "odd.dat"])


@pytest.mark.parametrize("name", ["in [1]", "in [a-c] {x} 50%", "a*b", "what?"])
def test_a_folder_that_exists_is_taken_as_it_is_called(folder, name):
    inside = folder / name / "deep [2]"
    inside.mkdir(parents=True)
    for picture in IMGS:
        shutil.copy(folder / picture, inside)
    assert told(inside)[0] == IMGS
    assert told(str(inside / "img*.png"))[0] == IMGS
    assert told(str(inside / "img[12].png"))[0] == IMGS[:2]
    with pytest.raises(FormatError, match="No such file"):
        open_stack([inside / "none.png", inside / "img1.png"])
    assert told(str(folder / "*" / "deep [[]2]" / "*.png"))[0] == IMGS


def test_a_pattern_takes_pictures_and_tells_the_rest(folder):
    (folder / "notes.txt").write_text("no picture")
    expected = IMGS, ["1 file is left aside, as no frames: notes.txt"]
    assert told(str(folder / "*")) == expected
    assert told([*(folder / name for name in IMGS), folder / "notes.txt"]) == expected
    with pytest.raises(StackError, match=r"no frame in what was given \(notes\.txt"):
        open_stack([folder / "notes.txt"] * 2)


# ---------------------------------------------------------------- results among the frames


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".ome.tif", ".webp", ".jxl"])
def test_own_results_are_no_frames(folder, suffix):
    for name in ("fused", "again"):
        hyperfocal.fuse([folder / each for each in IMGS], folder / f"{name}{suffix}", method=FAST)
    names, (line,) = told(folder)
    assert names == IMGS
    assert line == f"again{suffix}, fused{suffix} are made by hyperfocal and left out"


def test_own_maps_are_no_frames_of_a_grey_stack(tmp_path):
    grey = (20, 30, 1)
    for number in range(3):
        write(tmp_path / f"{number}.png", frame(number, grey))
    maps = {"decision_map": tmp_path / "decision.png", "depth": tmp_path / "depth.png"}
    hyperfocal.fuse(tmp_path, tmp_path / "out.png", method=FAST, **maps)
    names, (line,) = told(tmp_path)
    assert names == ["0.png", "1.png", "2.png"]
    assert line == "decision.png, depth.png, out.png are made by hyperfocal and left out"


def test_slabs_are_frames_where_there_is_nothing_else(folder):
    for name in ("a_slab01", "a_slab02"):
        hyperfocal.fuse([folder / each for each in IMGS], folder / f"{name}.png", method=FAST)
    for name in IMGS:
        (folder / name).unlink()
    assert told(folder) == (["a_slab01.png", "a_slab02.png"], [])


def composite(kind, order="<"):
    """EXIF that says how the picture came to be, as cameras write it."""
    child = struct.pack(order + "HHHIHHI", 1, 42080, 3, 1, kind, 0, 0)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "HHHIII", 1, 34665, 4, 1, 26, 0) + child


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("order", "<>")
def test_a_composite_of_the_camera_is_no_frame(folder, kind, order, suffix):
    write_with_exif(folder / f"img11{suffix}", frame(11), composite(kind, order))
    names, (line,) = told(folder)
    assert names == IMGS
    assert line == f"img11{suffix} is put together by the camera, as EXIF says, and left out"


@pytest.mark.parametrize("kind", [0, 1])
def test_what_exif_says_is_no_composite_is_a_frame(folder, kind):
    write_with_exif(folder / "img11.png", frame(11), composite(kind))
    assert told(folder) == ([*IMGS, "img11.png"], [])


def test_a_telephone_that_marks_its_pictures_as_composites_takes_frames(tmp_path):
    for number in range(6):
        kind = 2 if number % 3 else 1
        write_with_exif(tmp_path / f"{number}.jpg", frame(number), composite(kind))
    assert told(tmp_path) == ([f"{number}.jpg" for number in range(6)], [])


# ---------------------------------------------------------------- frames of one kind


ODD = {
    "img11.png is 34×20, the stack is 30×20; left out": ((20, 34, 3), np.uint8),
    "img11.png is of uint16 samples, the stack is of uint8; left out": ((20, 30, 3), np.uint16),
    "img11.png is grey, the stack is in colour; left out": ((20, 30, 1), np.uint8),
}


@pytest.mark.parametrize("line", ODD)
@pytest.mark.parametrize("name", ["img11.png", "img0.png"])
def test_an_odd_frame_is_left_out_wherever_it_stands(folder, line, name):
    shape, dtype = ODD[line]
    write(folder / name, frame(11, shape, dtype))
    assert told(folder) == (IMGS, [line.replace("img11.png", name)])
    with pytest.raises(StackError, match=rf"frame \d \({name if name > 'img1.' else 'img1.png'}"):
        open_stack(folder, is_strict=True)


def test_the_kind_of_most_is_the_stacks_and_of_as_many_the_first(tmp_path):
    sizes = [(20, 34, 3), (20, 30, 3), (20, 30, 3), (20, 34, 3), (24, 30, 3), (20, 30, 1)]
    for number, shape in enumerate(sizes):
        write(tmp_path / f"{number}.png", frame(number, shape))
    names, lines = told(tmp_path)
    assert names == ["0.png", "3.png"]
    assert lines == [
        "1.png, 2.png, 5.png are 30×20, the stack is 34×20; left out",
        "4.png is 30×24, the stack is 34×20; left out",
    ]


def test_where_no_two_frames_are_alike_the_first_that_differs_is_named(tmp_path):
    for number, shape in enumerate([(20, 34, 3), (20, 30, 3), (24, 30, 3)]):
        write(tmp_path / f"{number}.png", frame(number, shape))
    with pytest.raises(StackError, match=r"frame 2 \(1\.png\) is 30×20, the stack is 34×20"):
        open_stack(tmp_path)


def test_arrays_that_do_not_fit_are_a_mistake():
    with pytest.raises(StackError, match=r"frame 3 \(array 3\) is 31×20"):
        open_stack([frame(), frame(), frame(3, (20, 31, 3))])


@pytest.mark.parametrize("sizes", [[(20, 30), (20, 29), (20, 29)], [(21, 30), (20, 31), (20, 30)]])
def test_sizes_a_pixel_apart_are_cropped_to_one(tmp_path, sizes):
    frames = [frame(number, (21, 31, 3)) for number in range(3)]
    for number, (height, width) in enumerate(sizes):
        write(tmp_path / f"{number}.png", frames[number][:height, :width].copy())
    height, width = (min(sides) for sides in zip(*sizes, strict=True))
    with open_stack(tmp_path) as stack:
        for number in range(3):
            assert np.array_equal(stack.samples(number), frames[number][:height, :width])
        (line,) = remarks_of(stack)
    larger = [f"{n}.png" for n, size in enumerate(sizes) if size != (height, width)]
    verb = "is" if len(larger) == 1 else "are"
    assert line == (
        f"{', '.join(larger)} {verb} a pixel larger than the others and cropped to {width}×{height}"
    )


def test_sizes_in_a_row_of_single_pixels_do_not_creep(tmp_path):
    for number, width in enumerate([30, 31, 32, 33]):
        write(tmp_path / f"{number}.png", frame(number, (20, width, 3)))
    names, _ = told(tmp_path)
    assert names == ["0.png", "1.png", "2.png"]


# ---------------------------------------------------------------- orientation


def oriented(flag):
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, flag, 0, 0)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize(
    ("flags", "usual"),
    [((1, 6, 1, 1, 8), 1), ((6, 6, 1, 6), 6), ((3, 1, 3), 3), ((6, 1, 1, 6), 6), ((8, 6, 8), 8)],
)
def test_flags_that_disagree_are_those_of_most(tmp_path, flags, usual, suffix):
    for number, flag in enumerate(flags):
        write_with_exif(tmp_path / f"{number}{suffix}", frame(number), oriented(flag))
        write_with_exif(tmp_path / f"u{number}{suffix}", frame(number), oriented(usual))
    frames = [tmp_path / f"{number}{suffix}" for number in range(len(flags))]
    with open_stack(frames) as stack:
        for number, path in enumerate(frames):
            right = formats.open_frames(path.with_name(f"u{path.name}"))[0]
            assert np.array_equal(stack.samples(number), right.read())
            assert stack.sources[number].info.exif == right.info.exif
        (line,) = remarks_of(stack)
    odd = [f"{n}{suffix}" for n, flag in enumerate(flags) if flag != usual]
    assert line.startswith(", ".join(odd))
    assert line.endswith("marked as turned otherwise than most frames, and taken as they are")


def test_flags_that_agree_with_what_is_stored_are_left_alone(tmp_path):
    upright = frame(1)
    write_with_exif(tmp_path / "0.png", upright, oriented(1))
    write_with_exif(tmp_path / "1.png", upright, oriented(1))
    write_with_exif(tmp_path / "2.png", np.rot90(upright).copy(), oriented(6))
    with open_stack(tmp_path) as stack:
        assert np.array_equal(stack.samples(2), upright)
        assert remarks_of(stack) == []


def test_a_frame_left_out_takes_no_line_with_it(folder):
    (folder / "notes.txt").write_text("no picture")
    write(folder / "img11.png", np.full((20, 30, 3), 90, np.uint8))
    with open_stack(folder) as stack:
        assert all("notes.txt" in source.info.remarks[0] for source in stack.sources)


def test_exif_time_is_read_beside_it(tmp_path):
    write_with_exif(tmp_path / "0.png", frame(0), exif_of(3))
    info = formats.capture_info(formats.open_frames(tmp_path / "0.png")[0].info.exif)
    assert (info.is_composite, info.software) == (False, None)


# ---------------------------------------------------------------- transparency


def clear(path, samples, mask):
    """A picture that is transparent outside of a mask, by another program."""
    opacity = np.where(mask, 255, 0).astype(np.uint8)
    if path.suffix == ".tif":
        both = np.dstack([samples * mask[:, :, None], opacity])
        tifffile.imwrite(path, both, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
    else:
        both = np.dstack([samples * mask[:, :, None], opacity])
        options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
        PIL.Image.fromarray(both).save(path, **options)


def insets(shape, count, step=3):
    """Masks of pictures that lost more of their borders the further they are from the middle."""
    for number in range(count):
        inset = 2 + step * abs(number - count // 2)
        mask = np.zeros(shape, bool)
        mask[inset : shape[0] - inset, inset : shape[1] - inset] = True
        yield mask


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("method", [FAST, "prism", "lp"])
def test_transparent_borders_are_no_frames_around_the_picture(tmp_path, suffix, method):
    sharp, frames, _ = scene(120, 180, 5)
    for number, mask in enumerate(insets((120, 180), 5)):
        samples = as_type([frames[number]], np.uint8)[0]
        clear(tmp_path / f"{number}{suffix}", samples, mask)
    fusion = hyperfocal.fuse(tmp_path, method=method, align="none")
    opaque = hyperfocal.fuse(as_type(frames, np.uint8), method=method, align="none")
    whole, inside = np.s_[:, :], np.s_[24:-24, 24:-24]
    reached, possible = (
        [psnr(each.picture[part] / 255, sharp[part]) for part in (whole, inside)]
        for each in (fusion, opaque)
    )
    assert reached[1] > possible[1] - 0.5  # where all frames have data
    assert reached[0] > 22  # bands near the border are sharp in frames that lack it; black: 13
    names = f"0{suffix}, 1{suffix}, 3{suffix} and 1 more"
    told = f"{names}: transparent places have no data, the other frames' are taken"
    assert told in fusion.report["notices"]
    assert any("is transparent in all frames" in line for line in fusion.report["notices"])
    assert not any(line.startswith("transparency") for line in fusion.report["notices"])


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_transparency_that_is_alike_in_all_frames_is_left_out_as_before(tmp_path, share):
    mask = np.ones((20, 30), bool)
    mask[:, : round(30 * (1 - share))] = False
    for number in range(3):
        clear(tmp_path / f"{number}.png", frame(number), mask)
    with open_stack(tmp_path) as stack:
        assert remarks_of(stack) == []
        assert stack.info.notices == ("transparency",)
        assert stack.covered(0) is None
        assert np.array_equal(stack.samples(1), frame(1) * mask[:, :, None])


def test_frames_that_are_turned_and_cropped_have_their_transparency_so(tmp_path):
    mask = np.zeros((21, 30), bool)
    mask[4:, :] = True
    for number, flag in enumerate((6, 6, 6)):
        exif = oriented(flag)
        both = np.dstack([frame(number, (21, 30, 3)), np.where(mask, 255, 0)]).astype(np.uint8)
        height = 21 - (number == 0)
        PIL.Image.fromarray(both[:height]).save(tmp_path / f"{number}.png", exif=exif)
        mask = ~mask[::-1]
    with open_stack(tmp_path) as stack:
        assert (stack.info.height, stack.info.width) == (30, 20)
        assert stack.covered(0).shape == (30, 20)
        covered = stack.covered(0)
    assert covered.any()
    assert not covered.all()


def test_other_samples_of_a_tiff_are_no_transparency(tmp_path):
    for number in range(2):
        other = np.zeros((20, 30), np.uint8)
        other[:, number * 10 : number * 10 + 10] = 9
        tifffile.imwrite(
            tmp_path / f"{number}.tif",
            np.dstack([frame(number), other]),
            photometric="rgb",
            extrasamples=["unspecified"],
            metadata=None,
        )
    with open_stack(tmp_path) as stack:
        assert stack.covered(0) is None
        assert np.array_equal(stack.samples(1), frame(1))


def test_transparent_places_stay_so_when_frames_are_placed(tmp_path):
    """The last of three frames lies 3 px aside and lacks its left half."""
    wide = texture(80, 140, seed=5)
    frames = as_type([wide[:, 10:130], wide[:, 10:130], wide[:, 13:133]], np.uint8)
    masks = np.ones((3, 80, 120), bool)
    masks[2, :, :60] = False
    for number, (samples, mask) in enumerate(zip(frames, masks, strict=True)):
        clear(tmp_path / f"{number}.png", samples, mask)
    with open_stack(tmp_path) as stack:
        matrix = np.array([[1, 0, -3.0], [0, 1, 0], [0, 0, 1]])
        placed = PlacedSource(stack.sources[2], matrix, Rectangle(5, 75, 10, 110))
        covered = placed.covered(slice(0, 70))
        whole = stack.covered(2)
        assert np.array_equal(covered, whole[5:75, 7:107])
        assert np.array_equal(placed.covered(slice(20, 31)), covered[20:31])
    assert np.array_equal(covered[0], np.arange(100) + 7 >= 60 + 8)
