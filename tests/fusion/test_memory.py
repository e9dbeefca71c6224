"""Peak memory depends on the picture, not on how many frames there are."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from scenes import as_type, texture

from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats

pytestmark = pytest.mark.slow

PROGRAM = """
import sys, hyperfocal
hyperfocal.fuse(sys.argv[2:], method=sys.argv[1])
print(hyperfocal.fusion.api.peak_memory_bytes())
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    paths = []
    for number in range(4):
        # Shifted, so that frames are placed and resampled too.
        shifted = np.roll(texture(700, 900), 3 * number, axis=1)
        samples = as_type([shifted], "uint8")[0]
        paths.append(folder / f"{number}.tif")
        formats.save(paths[-1], samples, FrameInfo("", 700, 900, 3, samples.dtype), suffix=".tif")
    return [str(path) for path in paths]


def peak(method, paths):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, method, *paths], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The same frames as the pages of one file, 4 and 64 of them, as ImageJ writes stacks."""
    folder = tmp_path_factory.mktemp("pages")
    shifted = [np.roll(texture(700, 900), 3 * number, axis=1) for number in range(4)]
    frames = as_type(shifted, "uint8")
    for count in (4, 64):
        with tifffile.TiffWriter(folder / f"{count}.tif", imagej=True) as writer:
            writer.write(np.stack(frames * (count // 4)), metadata={"axes": "ZYXS"})
    return folder


def test_4_and_64_pages_peak_alike(pages):
    method = "select:measure=tenengrad,consistency=no"
    few = max(peak(method, [str(pages / "4.tif")]) for _ in range(2))
    assert peak(method, [str(pages / "64.tif")]) < few + 12e6


@pytest.mark.parametrize("method", ["select", "sesf", "lp", "gf", "prism"])
def test_4_and_64_frames_peak_alike(method, files):
    few = max(peak(method, files) for _ in range(2))
    many = peak(method, files * 16)
    # One frame more in memory would be 1.9 MB as samples and 7.6 MB as pixels; 60 are 110 MB.
    assert many < few + 12e6
