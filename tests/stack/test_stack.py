"""Opening a stack and refusing what does not fit."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from scenes import as_type, texture

from hyperfocal.errors import FormatError, StackError
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.stack.opening import open_stack
from hyperfocal.stack.stack import natural_key


def write(path, samples):
    height, width, channels = samples.shape
    like = FrameInfo(path.name, height, width, channels, samples.dtype)
    formats.save(path, samples, like, suffix=path.suffix)


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 10):
        write(tmp_path / f"img{number}.png", as_type([texture(20, 30, seed=number)], np.uint8)[0])
    return tmp_path


def names_of(stack):
    return [source.info.name for source in stack.sources]


def test_a_folder_is_sorted_as_people_count(folder):
    assert names_of(open_stack(folder)) == ["img1.png", "img2.png", "img10.png"]
    assert names_of(open_stack(str(folder / "img*.png"))) == ["img1.png", "img2.png", "img10.png"]


def test_a_list_keeps_its_order(folder):
    stack = open_stack([folder / "img10.png", folder / "img2.png"])
    assert names_of(stack) == ["img10.png", "img2.png"]


def test_natural_order():
    assert sorted(["b", "a10", "A2", "a1"], key=natural_key) == ["a1", "A2", "a10", "b"]


def test_other_files_of_a_folder_are_ignored_and_told(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "more").mkdir()
    stack = open_stack(folder)
    assert len(stack) == 3
    assert stack.ignored == ("notes.txt",)


def test_an_earlier_result_in_the_folder_is_no_frame(folder):
    (folder / "img3.png").write_bytes((folder / "img2.png").read_bytes())
    assert len(open_stack(folder, exclude=[folder / "img3.png"])) == 3


def test_one_frame_or_none_is_refused(tmp_path):
    with pytest.raises(StackError, match="no frame"):
        open_stack(tmp_path)
    write(tmp_path / "a.png", np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(StackError, match="only one frame"):
        open_stack(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.png"):
        open_stack([tmp_path / "gone.png", tmp_path / "gone2.png"])


def test_arrays_of_every_kind_are_frames():
    grey = texture(10, 12, channels=1)[:, :, 0]
    assert open_stack([grey, grey]).info.channels == 1
    assert len(open_stack(np.stack([grey] * 3))) == 3
    assert open_stack(as_type([texture(10, 12)] * 2, np.uint16)).info.dtype == np.uint16
    assert open_stack([grey.astype(np.float64)] * 2).info.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    frames = [texture(10, 12), texture(10, 12)]
    frames[1][3, 4, 0] = bad
    stack = open_stack(frames)
    with pytest.raises(StackError, match=r"frame 2 \(array 2\)"):
        stack.read(1)


@pytest.mark.parametrize("shape", [(5,), (5, 5, 2), (5, 5, 4), (0, 5), (2, 5, 5, 3)])
def test_arrays_of_other_shapes_are_refused(shape):
    with pytest.raises(StackError, match="shape"):
        open_stack([np.zeros(shape, np.uint8)] * 2)


def test_only_two_frames_are_kept(folder):
    stack = open_stack(folder)
    first = stack.samples(0)
    assert stack.samples(0) is first
    stack.samples(1)
    stack.samples(2)
    assert stack.samples(0) is not first


def test_grey_is_the_same_in_chunks_and_rows():
    frame = texture(700, 20)
    stack = open_stack([frame, frame])
    whole = stack.grey(0)
    assert np.array_equal(stack.grey(0, slice(100, 650)), whole[100:650])
    assert whole == pytest.approx(frame @ np.float32([0.2126, 0.7152, 0.0722]), abs=1e-6)


def test_each_frame_is_decoded_once_when_the_picture_is_made_in_tiles(folder):
    stack = open_stack(folder)
    decoded = []
    real = stack._decoded
    stack._decoded = lambda index: decoded.append(index) or real(index)
    stack.spool()
    rows = [stack.read(index, slice(5, 9)) for _ in range(3) for index in range(3)]
    stack.close()
    assert sorted(decoded) == [0, 1, 2]
    assert np.array_equal(rows[1], open_stack(folder).read(1)[5:9])


def test_what_was_spooled_goes_away_even_after_an_error(folder):
    with contextlib.suppress(KeyboardInterrupt), open_stack(folder) as stack:
        stack.spool()
        stack.read(0, slice(0, 3))
        scratch = Path(stack._spool._folder.path)
        assert {path.name for path in scratch.iterdir()} == {"owner", "0.raw"}
        raise KeyboardInterrupt
    assert not scratch.exists()


def test_a_scratch_disk_that_cannot_be_written_is_told(folder):
    with open_stack(folder) as stack:
        stack.spool()
        shutil.rmtree(stack._spool._folder.path)
        with pytest.raises(StackError, match="TMPDIR"):
            stack.load(0)


@pytest.fixture
def larger(tmp_path):
    for number in (1, 2):
        write(tmp_path / f"img{number}.png", as_type([texture(300, 310, seed=number)], np.uint8)[0])
    return tmp_path


def test_the_next_frame_is_read_ahead(larger):
    with open_stack(larger) as stack:
        stack.load(0, then=1)
        index, ahead = stack._ahead
        assert index == 1
        assert np.array_equal(ahead.result(), stack.samples(1))


def test_a_frame_that_takes_longer_to_hand_over_than_to_decode_is_not_read_ahead(folder):
    with open_stack(folder) as stack:
        stack.load(0, then=1)
        assert stack._ahead is None


def test_an_error_in_a_frame_read_ahead_is_raised_when_it_is_needed(larger):
    whole = (larger / "img2.png").read_bytes()
    with open_stack(larger) as stack:
        (larger / "img2.png").write_bytes(whole[: len(whole) // 2])
        stack.load(0, then=1)
        with pytest.raises(FormatError, match=r"img2\.png"):
            stack.load(1)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_frame_that_is_cut_off_is_found_when_the_stack_is_opened(tmp_path, suffix):
    for number in range(5):
        samples = as_type([texture(60, 70, seed=number)], np.uint8)[0]
        write(tmp_path / f"f{number}{suffix}", samples)
    cut = tmp_path / f"f3{suffix}"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 9 // 10])
    with pytest.raises(FormatError, match="f3"):
        open_stack(tmp_path)
