"""Films: every frame in its order, whichever is asked for, and films that are cut."""

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import hyperfocal
from hyperfocal.io import formats
from hyperfocal.io.containers import video as video_decoder
from hyperfocal.io.formats import video

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
    real = video_decoder.opened
    monkeypatch.setattr(video_decoder, "opened", lambda path: opened.append(path) or real(path))
    fusion = hyperfocal.fuse(film, method=FAST)
    assert len(fusion.report["frames"]) == 8
    assert len(opened) <= 2  # the first frame when it is opened, then all of them


NAMES = [
    "http:127.0.0.1:{port}?x.avi",
    "tcp:127.0.0.1:{port}?x.avi",
    "subfile,,start,0,end,0,,:other.avi",
    "concat:other.avi|other.avi",
    "pipe:x.avi",
    "film%d.avi",
    "file:other.avi",
    "-i.avi",
]


@pytest.fixture
def listener():
    """A port, and what has come to it."""
    server, came = socket.create_server(("127.0.0.1", 0)), []

    def listen():
        with contextlib.suppress(OSError):
            while True:
                came.append(server.accept()[0].close())

    thread = threading.Thread(target=listen)
    thread.start()
    yield server.getsockname()[1], came
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


@pytest.mark.parametrize("name", NAMES)
def test_a_film_s_name_is_no_address(tmp_path, monkeypatch, listener, name):
    port, came = listener
    name = name.format(port=port)
    write(tmp_path / "source.avi", "FFV1", count=3)
    (tmp_path / "in").mkdir()
    shutil.copy(tmp_path / "source.avi", tmp_path / "in" / name)
    write(tmp_path / "other.avi", "FFV1", count=5)
    monkeypatch.chdir(tmp_path / "in")
    shutil.move(tmp_path / "other.avi", tmp_path / "in" / "other.avi")
    sources = formats.open_frames(Path(name))
    assert len(sources) == 3
    assert abs(int(sources[2].read()[24, 70, 1]) - 50) < 8
    assert came == []


@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.97])
def test_a_cut_film_is_told_when_it_is_opened(film, part, complaint):
    content = film.read_bytes()
    film.write_bytes(content[: int(len(content) * part)])
    if part == 0.05:
        complaint(film, lambda: formats.open_frames(film))
    else:  # a film whose index is at its end cannot be opened without, others can
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


def test_bits_that_are_lost_are_told(tmp_path):
    path = tmp_path / "deep.mkv"
    depth = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    code = cv2.VideoWriter.fourcc(*"FFV1")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10, (80, 48), depth)
    for index in range(3):
        writer.write(np.full((48, 80), 77 + 5000 * index, np.uint16))
    writer.release()
    fusion = hyperfocal.fuse(path, method=FAST)
    assert fusion.report["notices"] == [
        "deep.mkv has 16 bits, of which 8 are read; export its frames as 16-bit TIFF to keep them"
    ]


def test_films_of_8_bits_lose_none(film):
    assert formats.open_frames(film)[0].info.remarks == ()


@pytest.mark.parametrize(
    ("tag", "bits"),
    [
        (b"I420", 8),
        (b"Y42B", 8),
        (b"BGR\0", 8),
        (b"Y800", 8),
        (b"Y3\x0b\x0a", 10),  # HEVC Main 10
        (b"Y3\x0a\x0a", 10),  # ProRes 422
        (b"\x0c\x0b3Y", 12),  # the same from the other end
        (b"G3\0\x10", 16),
        (b"Y1\0\x0a", 10),
        (b"RGB0", 16),  # 48, bits of a pixel
        (b"0RGB", 16),
        (b"P010", 10),
        (b"\0\0\0\0", 8),
    ],
)
def test_the_depth_of_a_pixel_format(tag, bits):
    assert video_decoder.bits_of(int.from_bytes(tag, "little")) == bits
    assert video_decoder.bits_of(int.from_bytes(tag, "little", signed=True)) == bits


def test_a_film_that_gives_no_frame_says_what_to_do(tmp_path, complaint, monkeypatch):
    write(tmp_path / "film.mkv", "FFV1")

    def nothing(self, index):
        raise EOFError("frame 1 cannot be decoded")  # as for AV1 without a decoder

    monkeypatch.setattr(video_decoder.Film, "frame", nothing)
    path = tmp_path / "film.mkv"
    assert "export its frames" in complaint(path, lambda: formats.open_frames(path))
