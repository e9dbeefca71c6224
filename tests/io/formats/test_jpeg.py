import cv2
import imagecodecs
import numpy as np
import pytest

from hyperfocal.io import formats
from hyperfocal.io.formats import jpeg


def test_a_progressive_jpeg_cut_anywhere_is_refused(tmp_path, picture, complaint):
    path = tmp_path / "frame.jpg"
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 4]
    content = cv2.imencode(".jpg", picture(), options)[1].tobytes()
    path.write_bytes(content)
    assert jpeg.open(path)[0].read().shape == (48, 80, 3)
    for end in range(1, len(content), 7):
        path.write_bytes(content[:end])
        complaint(path, lambda: jpeg.open(path)[0].read())


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_frame(
    tmp_path, picture, like, exif, complaint
):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples, exif=exif() + imagecodecs.jpeg8_encode(samples)))
    path.write_bytes(path.read_bytes()[:-2])
    assert "cut off" in complaint(path, jpeg.open(path)[0].read)


def test_what_follows_the_end_is_ignored(tmp_path, picture, like):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples))
    before = jpeg.open(path)[0].read()
    path.write_bytes(path.read_bytes() + b"\xff\xd8 a second picture")
    assert np.array_equal(jpeg.open(path)[0].read(), before)


def test_another_reader_sees_the_same_samples(tmp_path, picture, like):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples))
    other = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert np.abs(other.astype(int) - jpeg.open(path)[0].read()).max() <= 1


def test_a_profile_longer_than_a_segment_reads_back(tmp_path, picture, like, icc):
    samples, profile = picture(), icc(3, length=200_000)
    jpeg.save(tmp_path / "frame", samples, like(samples, icc=profile))
    assert jpeg.open(tmp_path / "frame")[0].info.icc == profile


def test_parts_of_a_profile_are_put_together_by_their_numbers(tmp_path, picture, like, icc):
    path, samples, profile = tmp_path / "frame.jpg", picture(), icc(3, length=200_000)
    jpeg.save(path, samples, like(samples, icc=profile))
    start, *parts = path.read_bytes().split(b"\xff\xe2")
    *parts, last = parts
    assert len(parts) == 3
    end = 2 + 12 + 2 + 200_000 - 3 * 65_519  # length, name, number and count, content
    last, rest = last[:end], last[end:]
    path.write_bytes(b"\xff\xe2".join([start, last, *reversed(parts)]) + rest)
    (source,) = jpeg.open(path)
    assert source.info.icc == profile
    assert source.read().shape == samples.shape
    path.write_bytes(b"\xff\xe2".join([start, *parts]) + rest)
    assert jpeg.open(path)[0].info.icc is None  # its last part is missing


def test_colours_are_as_fine_as_brightness(tmp_path, like):
    samples = np.zeros((16, 32, 3), np.uint8)
    samples[:, ::2, 0] = samples[:, 1::2, 2] = 200
    jpeg.save(tmp_path / "frame.jpg", samples, like(samples))
    made = jpeg.open(tmp_path / "frame.jpg")[0].read()
    assert np.abs(made.astype(int) - samples).max() < 20
    content = (tmp_path / "frame.jpg").read_bytes()
    header = content.index(b"\xff\xc0") + 10
    assert content[header + 1 : header + 9 : 3] == b"\x11\x11\x11"


def test_exif_longer_than_a_segment_is_left_out(tmp_path, picture, like, exif):
    samples = picture()
    jpeg.save(tmp_path / "frame", samples, like(samples, exif=exif() + bytes(70_000)))
    assert jpeg.open(tmp_path / "frame")[0].info.exif is None


def test_cmyk_is_refused_when_opened(tmp_path, complaint):
    path = tmp_path / "print.jpg"
    samples = np.zeros((8, 8, 4), np.uint8)
    path.write_bytes(imagecodecs.jpeg8_encode(samples, colorspace="CMYK", outcolorspace="CMYK"))
    assert "CMYK" in complaint(path, lambda: jpeg.open(path))


@pytest.mark.parametrize(("at", "value"), [(0, 12), (1, 0), (5, 2)])
def test_an_odd_frame_header_is_refused(at, value, tmp_path, picture, like, complaint):
    path, samples = tmp_path / "frame.jpg", picture(height=200)
    jpeg.save(path, samples, like(samples))
    content = bytearray(path.read_bytes())
    header = content.index(b"\xff\xc0") + 4
    content[header + at : header + at + 2] = bytes((value, content[header + at + 1] * (at != 1)))
    path.write_bytes(content)
    complaint(path, lambda: jpeg.open(path))


def test_a_jpeg_that_declares_the_impossible_is_refused_when_read(
    tmp_path, picture, like, complaint
):
    path, samples = tmp_path / "bomb.jpg", picture()
    jpeg.save(path, samples, like(samples))
    content = bytearray(path.read_bytes())
    sides = content.index(b"\xff\xc0") + 5
    content[sides : sides + 4] = b"\xff\x00\xff\x00"
    path.write_bytes(content)
    assert "65280×65280" in complaint(path, jpeg.open(path)[0].read)


def test_sides_that_jpeg_cannot_count_are_refused(tmp_path, like, complaint):
    samples = np.zeros((65_501, 1, 1), np.uint8)
    path = tmp_path / "frame"
    assert ".tif" in complaint(path, lambda: jpeg.save(path, samples, like(samples)))


STRAY = [b"\0\0\0", b"\xff\0", b"\xff\xff", b"\x12\xff\0\x34", b"\xff\xd0\0", b"x" * 3000]


@pytest.mark.parametrize("stray", STRAY)
@pytest.mark.parametrize("place", range(4))
def test_stray_bytes_between_segments_are_passed_over(tmp_path, picture, like, exif, place, stray):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples, exif=exif(6)))
    content, ends = path.read_bytes(), [2]
    truth = jpeg.open(path)[0].read()
    while content[ends[-1] + 1] != 0xDA:
        ends.append(ends[-1] + 2 + int.from_bytes(content[ends[-1] + 2 : ends[-1] + 4], "big"))
    at = ends[1 + place] if place < 3 else ends[-1]
    path.write_bytes(content[:at] + stray + content[at:])
    jpeg.is_whole(path)
    (source,) = jpeg.open(path)
    assert source.info.exif == exif(1)
    assert np.array_equal(source.read(), truth)
    assert truth.shape == (80, 48, 3)


def test_a_whole_jpeg_without_a_picture_is_not_called_cut(tmp_path, complaint):
    path = tmp_path / "frame.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0\0\4ab\xff\xd9")
    assert "describes no picture" in complaint(path, lambda: jpeg.open(path))


@pytest.mark.parametrize("has_exif", [False, True])
def test_xmp_tells_the_orientation_where_exif_does_not(tmp_path, picture, like, exif, has_exif):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples, exif=exif(1) if has_exif else None))
    packet = b"http://ns.adobe.com/xap/1.0/\0<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>"
    packet += b"<r xmlns:t='http://ns.adobe.com/tiff/1.0/'><t:Orientation>6</t:Orientation></r>"
    content = path.read_bytes()
    path.write_bytes(content[:2] + jpeg._segment(0xE1, packet) + content[2:])
    shape = (48, 80, 3) if has_exif else (80, 48, 3)
    assert jpeg.open(path)[0].read().shape == shape


def test_a_profile_of_which_a_part_is_missing_is_told(tmp_path, picture, like, icc):
    path, samples = tmp_path / "frame.jpg", picture()
    jpeg.save(path, samples, like(samples, icc=icc(3, length=100_000)))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"ICC_PROFILE\0\1\2", b"ICC_PROFILE\0\3\2"))
    (source,) = jpeg.open(path)
    assert source.info.icc is None
    assert source.info.notices == ("the damaged colour profile",)


def test_the_first_picture_of_an_mpo_is_read_and_the_others_told(tmp_path, picture):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "shot.MPO"
    first, second = (image.fromarray(each) for each in (picture(), picture()[::2, ::2]))
    first.save(path, "MPO", save_all=True, append_images=[second], quality=95)
    (source,) = formats.open_frames(path)
    assert source.info.notices == ("all but the first picture",)
    assert np.abs(source.read().astype(int) - picture()).max() <= 12
    first.save(path, "JPEG", quality=95)
    assert formats.open_frames(path)[0].info.notices == ()
