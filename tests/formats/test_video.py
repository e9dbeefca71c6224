"""Films: every frame in its order, whichever is asked for, and films that are cut."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

import hyperfocal
from hyperfocal import formats
from hyperfocal.formats import video

FAST = "select:measure=tenengrad,consistency=no"
KINDS = [(".avi", "FFV1"), (".mkv", "FFV1"), (".avi", "MJPG"), (".mp4", "mp4v"), (".mov", "mp4v")]


def write(path, code, count=8):
    """Frames of even grey, each 25 brighter than the one before, with a red half."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 10, (80, 48))
    assert writer.isOpened()
    for index in range(count):
        frame = np.full((48, 80, 3), 25 * index, np.uint8)
        frame[:, :40, 2] = 255
        writer.write(frame)
    writer.release()


@pytest.fixture(params=KINDS, ids=lambda kind: "".join(kind))
def film(request, tmp_path):
    suffix, code = request.param
    write(tmp_path / f"film{suffix}", code)
    return tmp_path / f"film{suffix}"


def test_every_frame_is_the_right_one_in_any_order(film):
    sources = formats.open_frames(film)
    assert len(sources) == 8
    for index in (0, 1, 2, 7, 3, 3, 0):
        samples = sources[index].read()
        assert samples.shape == (48, 80, 3)
        assert abs(int(samples[24, 70, 1]) - 25 * index) < 8
        assert samples[24, 10, 0] > 230  # red, not blue


def test_a_film_fuses_and_is_decoded_once(film, monkeypatch):
    opened = []
    real = formats._films.opened
    monkeypatch.setattr(formats._films, "opened", lambda path: opened.append(path) or real(path))
    fusion = hyperfocal.fuse(film, method=FAST)
    assert len(fusion.report["frames"]) == 8
    assert len(opened) <= 2  # the first frame when it is opened, then all of them


@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.97])
def test_a_cut_film_is_told_when_it_is_opened(film, part, complaint):
    content = film.read_bytes()
    film.write_bytes(content[: int(len(content) * part)])
    complaint(film, lambda: (formats.open_frames(film), formats.require_whole(film)))


def test_a_film_of_unknown_length_is_counted(film, monkeypatch):
    class Untold:
        def __init__(self, capture):
            self.capture = capture

        def get(self, what):
            return -1.0

    real = video.opened
    monkeypatch.setattr(video, "opened", lambda path: Untold(real(path)))
    assert len(video.open(film)) == 8


def test_a_damaged_film_is_one_line_on_the_command_line(tmp_path):
    write(tmp_path / "film.mkv", "FFV1")
    content = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "film.mkv").write_bytes(content[:300])
    command = [sys.executable, "-m", "hyperfocal", "fuse", tmp_path / "film.mkv", "-o", "out.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "film.mkv" in done.stderr
