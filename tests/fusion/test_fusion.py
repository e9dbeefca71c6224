"""The whole figure: frames in, picture out, against scenes with a known answer."""

import numpy as np
import pytest
from scenes import as_type, psnr, scene, texture

import hyperfocal
from hyperfocal import Cancelled, OptionError, StackError, registry
from hyperfocal.frame import FrameInfo
from hyperfocal.io import formats
from tests.extras import cases

FAST = "select:measure=tenengrad,consistency=no"
# Sparse representation takes minutes for a picture with the values it is published with.
# DenseFuse and DeepFuse decode a picture from features, so that not even equal frames come back;
# tests/methods/test_learned.py says what they do keep.
METHODS = [
    "sr:step=4,tolerance=60" if name == "sr" else name
    for name in registry.names("methods")
    if name not in ("dense_fuse", "deep_fuse")
]


@pytest.mark.parametrize("method", cases(METHODS))
@pytest.mark.parametrize("frame_count", [2, 3])
def test_every_method_beats_every_frame_and_their_mean(method, frame_count):
    sharp, frames, _ = scene(160, 240, frame_count)
    fused = hyperfocal.fuse(frames, method=method).picture
    best = max(psnr(other, sharp) for other in [*frames, np.mean(frames, 0)])
    assert psnr(fused, sharp) > best + 3


@pytest.mark.parametrize("method", [FAST, "select", "sesf"])
def test_the_decision_is_right_away_from_the_seams(method):
    _, frames, truth = scene(150, 240, 3)
    fusion = hyperfocal.fuse(frames, method=method)
    near_seam = np.abs(np.arange(240)[:, None] - [80, 160]).min(1) < 12
    wrong = (fusion.decision != truth)[:, ~near_seam]
    assert wrong.mean() < 0.002
    assert np.abs(fusion.depth - truth)[:, ~near_seam].mean() < 0.01


@pytest.mark.parametrize("method", [FAST, "select", "sesf", "lp"])
def test_tiles_give_what_the_whole_gives(method):
    _, frames, _ = scene(400, 90, 3)
    whole = hyperfocal.fuse(frames, method=method)
    tiled = hyperfocal.fuse(frames, method=method, memory=str(80 * 90 * 170))
    assert np.abs(whole.picture - tiled.picture).max() < 2e-3
    if whole.decision is not None:
        assert (whole.decision != tiled.decision).mean() < 1e-4
        assert np.abs(whole.confidence - tiled.confidence).max() < 1e-3


@pytest.mark.parametrize("method", cases(METHODS))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_equal_frames_come_out_as_they_went_in(dtype, method):
    frame = as_type([texture(40, 50)], dtype)[0]
    fused = hyperfocal.fuse([frame, frame, frame], method=method).picture
    assert fused.dtype == dtype
    if method.startswith("sr"):  # leaves out what its tolerance lets it
        assert psnr(fused / np.iinfo(dtype).max, frame / np.iinfo(dtype).max) > 30
    else:
        assert np.array_equal(fused, frame)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_hard_decision_takes_samples_unchanged(dtype):
    _, frames, _ = scene(60, 80, 2)
    samples = as_type(frames, dtype)
    fusion = hyperfocal.fuse(samples, method=FAST)
    chosen = np.where(fusion.decision[:, :, None] == 0, *samples)
    assert np.array_equal(fusion.picture, chosen)


def test_no_value_leaves_the_range_of_the_frames():
    _, frames, _ = scene(80, 100, 3)
    picture = hyperfocal.fuse(frames, method="select").picture
    assert (picture <= np.max(frames, 0) + 1e-6).all()
    assert (picture >= np.min(frames, 0) - 1e-6).all()


def test_swapping_a_pair_swaps_the_decision():
    _, frames, _ = scene(120, 150, 2)
    one = hyperfocal.fuse(frames, method="sesf")
    other = hyperfocal.fuse(frames[::-1], method="sesf")
    assert (one.decision == other.decision).mean() < 0.002
    assert np.abs(one.picture - other.picture).mean() < 1e-3


def test_grey_arrays_come_back_without_a_channel_axis():
    frames = [texture(30, 40, channels=1)[:, :, 0] for _ in range(2)]
    assert hyperfocal.fuse(frames, method=FAST).picture.shape == (30, 40)


@pytest.mark.parametrize("method", cases(METHODS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2000), (60, 2), (2, 2)])
def test_the_smallest_and_thinnest_pictures_fuse(shape, method):
    frames = as_type([texture(*shape, seed=seed) for seed in range(2)], np.uint8)
    assert hyperfocal.fuse(frames, method=method).picture.shape == (*shape, 3)


@pytest.mark.parametrize("method", cases(METHODS))
@pytest.mark.parametrize("level", [0, 255])
def test_flat_and_black_stacks_fuse(level, method):
    frames = [np.full((40, 50, 3), level, np.uint8)] * 3
    assert (hyperfocal.fuse(frames, method=method).picture == level).all()


def write_stack(folder, dtype=np.uint8, suffix=".png", count=3):
    sharp, frames, _ = scene(60, 90, count)
    for number, samples in enumerate(as_type(frames, dtype)):
        like = FrameInfo("", 60, 90, 3, samples.dtype)
        formats.save(folder / f"{number}{suffix}", samples, like, suffix=suffix)
    return sharp


def test_files_in_and_files_out(tmp_path):
    write_stack(tmp_path, np.uint16, ".tif")
    names = {name: tmp_path / f"{name}.tif" for name in ("out", "decision_map", "depth")}
    for _ in range(2):  # the second run must not take the first one's results for frames
        fusion = hyperfocal.fuse(tmp_path, **names, method=FAST, overwrite=True)
    read = {name: formats.open_frames(path)[0].read() for name, path in names.items()}
    assert len(fusion.report["frames"]) == 3
    assert np.array_equal(read["out"], fusion.picture)
    assert np.array_equal(read["decision_map"][:, :, 0], fusion.decision)
    assert np.array_equal(read["depth"][:, :, 0], fusion.depth)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.tif",
        "1.tif",
        "2.tif",
        "decision_map.tif",
        "depth.tif",
        "out.tif",
    ]


def test_maps_as_png_run_from_black_to_white(tmp_path):
    write_stack(tmp_path, count=3)
    hyperfocal.fuse(
        tmp_path, decision_map=tmp_path / "i.png", depth=tmp_path / "d.png", method=FAST
    )
    decision = formats.open_frames(tmp_path / "i.png")[0].read()
    depth = formats.open_frames(tmp_path / "d.png")[0].read()
    assert set(np.unique(decision)) == {0, 128, 255}
    assert depth.dtype == np.uint16
    assert (depth.min(), depth.max()) == (0, 65535)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "0.png"}, "is one of the frames"),
        ({"out": "taken.png"}, "exists"),
        ({"out": "a.png", "depth": "a.png"}, "two outputs"),
        ({"out": "a.gif2"}, "suffix"),
        ({"out": "nowhere/a.png"}, "does not exist"),
        ({"out": "more"}, "suffix|folder"),
        ({"out": "a.png", "depth": "d.png", "method": "lp"}, "without deciding"),
        ({"out": "a.png", "memory": "lots"}, "memory"),
        ({"out": "a.png", "memory": "1KB"}, "--memory"),
        ({"out": "a.png", "align": "magic"}, "align"),
        ({"out": "a.png", "method": "sesf:radius=-1"}, "radius"),
        ({"out": "a.png", "method": "sesf:engine=abacus"}, "engine"),
    ],
)
def test_what_cannot_be_written_or_meant_is_refused_before_any_work(tmp_path, options, message):
    write_stack(tmp_path)
    (tmp_path / "taken.png").write_bytes(b"mine")
    (tmp_path / "more").mkdir()
    before = sorted(tmp_path.rglob("*"))
    options = {
        key: tmp_path / value if key in ("out", "depth") else value
        for key, value in options.items()
    }
    frames = [tmp_path / f"{number}.png" for number in range(3)]
    with pytest.raises(hyperfocal.HyperfocalError, match=message) as caught:
        hyperfocal.fuse(frames, **options)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "taken.png").read_bytes() == b"mine"


def test_16_bit_does_not_go_into_a_jpeg(tmp_path):
    write_stack(tmp_path, np.uint16)
    with pytest.raises(hyperfocal.FormatError, match="uint16"):
        hyperfocal.fuse(tmp_path, tmp_path / "out.jpg", method=FAST)


def test_cancelling_leaves_nothing_behind(tmp_path):
    write_stack(tmp_path)

    def stop(stage, index, count):
        if stage == "blend":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        hyperfocal.fuse(tmp_path, tmp_path / "out.png", method=FAST, on_step=stop)
    assert len(list(tmp_path.iterdir())) == 3


def test_progress_counts_every_stage_to_its_end():
    _, frames, _ = scene(60, 80, 3)
    seen = []
    hyperfocal.fuse(frames, method=FAST, on_step=lambda *step: seen.append(step))
    assert [step for step in seen if step[0] == "measure"] == [("measure", n, 3) for n in (1, 2, 3)]
    assert seen[-1] == ("write", 1, 1)


def test_a_measure_of_ones_own_is_taken_as_an_object():
    class Brightness:
        halo = 0
        grid = 1

        def survey(self, frame):
            return None

        def __call__(self, tile, surveyed=None):
            return tile

    from hyperfocal.methods.select import Select

    frames = [np.full((8, 8), level, np.uint8) for level in (10, 200, 30)]
    fused = hyperfocal.fuse(frames, method=Select(measure=Brightness(), consistency=False))
    assert (fused.picture == 200).all()


def test_what_is_no_method_is_refused():
    with pytest.raises((StackError, OptionError)):
        hyperfocal.fuse([np.zeros((4, 4), np.uint8)] * 2, method=object())


def test_metadata_of_the_first_frame_come_out_again(tmp_path):
    samples = as_type(scene(60, 90, 2)[1], np.uint8)
    profile = bytes(16) + b"RGB " + bytes(200)  # a header that names its colours
    for number, frame in enumerate(samples):
        like = FrameInfo("", 60, 90, 3, frame.dtype, icc=profile)
        formats.save(tmp_path / f"{number}.png", frame, like, suffix=".png")
    hyperfocal.fuse(tmp_path, tmp_path / "out.png", method=FAST)
    assert formats.open_frames(tmp_path / "out.png")[0].info.icc == profile


def test_all_maps_are_written_as_arrays_and_as_tiff(tmp_path):
    write_stack(tmp_path)
    fusion = hyperfocal.fuse(tmp_path, maps=tmp_path / "maps", method="select", step_um=2.5)
    arrays = {path.stem: np.load(path) for path in (tmp_path / "maps").glob("*.npy")}
    tiffs = {
        path.stem: formats.open_frames(path)[0].read()[:, :, 0]
        for path in (tmp_path / "maps").glob("*.tif")
    }
    assert set(arrays) == {
        "decision_initial",
        "decision",
        "activity",
        "depth",
        "confidence",
        "covered",
    }
    assert all(np.array_equal(arrays[name], tiffs[name]) for name in arrays)
    assert arrays["decision"].dtype == np.uint16
    assert arrays["depth"].max() == pytest.approx(5.0)
    assert np.array_equal(arrays["decision_initial"], fusion.initial_decision)
    with pytest.raises(hyperfocal.FormatError, match="not empty"):
        hyperfocal.fuse(tmp_path, maps=tmp_path / "maps", method="select")
