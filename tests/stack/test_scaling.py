"""Results do not depend on the scale of the samples."""

import numpy as np
import pytest
from moving import blurred_in_bands, moving_stack, natural, similarity
from scenes import as_type, psnr

import hyperfocal
from hyperfocal import registry
from hyperfocal.stack.scaling import scale_of

# Those that are not slow with the values they are published with.
METHODS = [name for name in registry.names("methods") if name not in ("sr", "nsct", "imf")]


def deep(count=4):
    picture = 0.02 + 0.96 * natural(120, 180, seed=2)
    frames = [blurred_in_bands(picture, number, count) for number in range(count)]
    return picture, as_type([np.clip(frame, 0, 1) for frame in frames], np.uint16)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_few_bits_in_sixteen_are_fused_as_all_of_them_are(name, bits):
    sharp, full = deep()
    few = [frame >> (16 - bits) for frame in full]
    wanted = psnr(hyperfocal.fuse(full, method=name).picture / 65535, sharp)
    picture = hyperfocal.fuse(few, method=name).picture
    assert picture.dtype == np.uint16
    assert picture.max() < 2**bits
    assert psnr((picture + 0.5) / 2**bits, sharp) > wanted - 0.6


@pytest.mark.parametrize("name", ["prism", "sesf", "select", "lp", "gf"])
@pytest.mark.parametrize("scale", [255.0, 4095.0, 1e-3])
def test_floats_in_any_unit_are_fused_as_those_from_0_to_1_are(name, scale):
    sharp, full = deep()
    unit = [frame / np.float32(65535) for frame in full]
    wanted = psnr(hyperfocal.fuse(unit, method=name).picture, sharp)
    picture = hyperfocal.fuse([frame * np.float32(scale) for frame in unit], method=name).picture
    assert psnr(picture / scale, sharp) > wanted - 0.1


@pytest.mark.parametrize("name", ["prism", "select"])
def test_frames_of_few_bits_that_moved_and_flicker_are_brought_together(name):
    _still, frames = moving_stack([similarity(1, 0, (2.4 * n, 0)) for n in range(4)])
    gains = (1.0, 0.8, 1.0, 0.9)
    full = [(f * (g * 200)).astype(np.uint16) for f, g in zip(frames, gains, strict=True)]
    few = [frame >> 6 for frame in full]
    one, other = (hyperfocal.fuse(each, method=name) for each in (full, few))
    assert other.report["alignment"]["exposure_matched"]
    assert other.picture.shape == one.picture.shape
    assert psnr(other.picture / 1023, one.picture / 65535) > 45


def test_samples_that_fill_their_range_are_not_touched():
    _, full = deep()
    for frames, scale in (
        (full, 1.0),
        ([frame >> 8 for frame in full], 256.0),
        ([(frame >> 8).astype(np.uint8) for frame in full], 1.0),
        ([(frame >> 12).astype(np.uint8) for frame in full], 1.0),
        ([frame / np.float32(65535) for frame in full], 1.0),
        ([frame / np.float32(40000) for frame in full], 1.0),
        ([frame / np.float32(16) for frame in full], 2.0**-12),
        ([frame * 0 for frame in full], 1.0),
    ):
        with hyperfocal.open_stack(frames) as stack:
            assert scale_of(stack) == scale


def test_a_stroke_takes_its_frame_in_the_scale_of_the_files():
    _, full = deep()
    frames = [frame >> 6 for frame in full]
    recipe = hyperfocal.Recipe(method="select", align="none", exposure="none")
    with hyperfocal.Stacker(recipe) as stacker:
        for frame in frames:
            stacker.add(frame)
        stacker.finish()
        stacker.paint(hyperfocal.Stroke("array 4", ((60.0, 60.0),), 12.0, hardness=1, match=False))
        assert np.array_equal(stacker.fusion.picture[55:65, 55:65], frames[3][55:65, 55:65])
