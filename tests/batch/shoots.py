"""Shoots with a known answer, and frames with a camera's facts in them."""

import struct
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
from scenes import as_type, scene, texture

from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from hyperfocal.io.containers import tiff_directories as directories

START = datetime(2026, 5, 17, 9, 0, 0)
FAST = ["--method", "select:consistency=no"]


def write(path, samples, exif=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = samples.shape
    like = FrameInfo(path.name, height, width, channels, samples.dtype, exif=exif)
    formats.save(path, samples, like, suffix=path.suffix)
    return path


def write_stack(folder, count=3, *, seed=0, height=60, width=90, names="{}.png"):
    """A small stack whose frames are each sharp in one band."""
    _, frames, _ = scene(height, width, count, seed=seed)
    paths = []
    for number, samples in enumerate(as_type(frames, np.uint8)):
        paths.append(write(folder / names.format(number), samples))
    return paths


def views(count, *, seed, height=60, width=80):
    """Frames of a scene with shapes of its own, blurred more and more towards one side."""
    light = np.random.default_rng(seed).random((3, 4, 1), np.float32)
    light = np.kron(light, np.ones((height // 3, width // 4, 1), np.float32))
    _, frames, _ = scene(*light.shape[:2], count, seed=seed)
    return as_type([np.clip(0.8 * light + 0.2 * frame, 0, 1) for frame in frames], np.uint8)


def exif_of(
    seconds=None,
    *,
    f_number=None,
    iso=None,
    exposure_s=None,
    digits=None,
    ratio=None,
    focal_mm=None,
):
    """An EXIF block of a frame taken so long after START; `ratio` is its SubjectDistance."""
    layout = directories.Layout("<", False)
    entries = {}
    if seconds is not None:
        text = (START + timedelta(seconds=seconds)).strftime("%Y:%m:%d %H:%M:%S").encode() + b"\0"
        entries[36867] = directories.Entry(2, len(text), text, 0)
    if digits is not None:
        text = digits.encode() + b"\0"
        entries[37521] = directories.Entry(2, len(text), text.ljust(4, b"\0")[:4], 0)
    for tag, value in ((33434, exposure_s), (33437, f_number), (37386, focal_mm)):
        if value is not None:
            packed = struct.pack("<II", round(value * 10_000), 10_000)
            entries[tag] = directories.Entry(5, 1, packed, 0)
    if ratio is not None:
        entries[37382] = directories.Entry(5, 1, struct.pack("<II", *ratio), 0)
    if iso is not None:
        entries[34855] = directories.Entry(3, 1, struct.pack("<HH", iso, 0), 0)
    child = directories.Directory(entries)
    root = directories.Directory({34665: directories.Entry(4, 1, b"", 0, child)})
    return b"II*\0\x08\0\0\0" + directories.pack(root, layout, start=8)


def started(*arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "hyperfocal", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def plain_frame(seed=0, height=60, width=90):
    return as_type([texture(height, width, seed=seed)], np.uint8)[0]
