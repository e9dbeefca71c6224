"""`fuse` in a notebook: what it shows, saves, warns of and is equal to."""

import base64
import inspect
import io
import json
import pydoc
import re
import warnings

import cv2
import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import FormatError, OptionError, Recipe
from hyperfocal.frame import FrameInfo
from hyperfocal.fusion import presets
from hyperfocal.io import formats
from hyperfocal.options import infos
from tests.fusion.test_fusion import write_stack

FAST = "select:measure=tenengrad,consistency=no"
FRAMES = as_type(scene(60, 90, 3)[1], np.uint8)


def test_a_fusion_is_one_line():
    told = repr(hyperfocal.fuse(FRAMES, method=FAST, step_um=2))
    assert told == f"<Fusion 90×60 uint8 RGB of 3 frames by {FAST}, depth 0…4 µm>"
    assert repr(hyperfocal.fuse([f[..., 0] for f in FRAMES], method="lp")) == (
        "<Fusion 90×60 uint8 grey of 3 frames by lp>"
    )


def pictures_in(shown):
    found = re.findall(r'src="data:image/png;base64,([^"]*)"', shown)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(each), np.uint8), 1) for each in found]


def test_a_notebook_shows_picture_and_depth():
    fusion = hyperfocal.fuse(FRAMES, method=FAST)
    shown = fusion._repr_html_()
    picture, depth = pictures_in(shown)
    np.testing.assert_array_equal(picture[:, :, ::-1], fusion.picture)
    assert depth.shape == picture.shape
    # Dark violet is near, yellow far.
    assert depth[:, :20].mean() < depth[:, 70:].mean()
    assert "3 frames of 90×60; nothing moved" in shown
    assert "depth 0…2 frames" in shown
    assert "<script" not in shown


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_notebook_shows_what_has_no_depth_and_any_type(dtype):
    frames = [np.tile(f[..., :1], (1, 12, 1)) for f in scene(60, 90, 3)[1]]
    frames = frames if dtype == np.float32 else as_type(frames, dtype)
    (picture,) = pictures_in(hyperfocal.fuse(frames, method="lp")._repr_html_())
    assert max(picture.shape) <= 420


def test_names_are_escaped_in_a_notebook(tmp_path):
    for number, samples in enumerate(FRAMES):
        formats.save(
            tmp_path / f"{number}.png",
            samples,
            FrameInfo("", 60, 90, 3, samples.dtype),
            suffix=".png",
        )
    (tmp_path / "<script>.txt").write_text("x")
    with warnings.catch_warnings(record=True):
        assert "<script" not in hyperfocal.fuse(tmp_path, method=FAST)._repr_html_()


def test_equality_says_whether_picture_and_maps_are_equal():
    one, same = (hyperfocal.fuse(FRAMES, method=FAST) for _ in range(2))
    other = hyperfocal.fuse(FRAMES[::-1], method=FAST)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != hyperfocal.fuse(FRAMES, method="lp")
    assert one != 3
    assert len({one, same, other}) == 2


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".npy"])
def test_save_writes_what_fuse_writes(tmp_path, suffix):
    write_stack(tmp_path)
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    told = {"depth": tmp_path / "a_depth.tif", "maps": tmp_path / "a_maps"}
    fusion = hyperfocal.fuse(tmp_path, first, method=FAST, step_um=3.0, **told)
    again = {"depth": tmp_path / "b_depth.tif", "maps": tmp_path / "b_maps"}
    fusion.save(second, **again)
    assert first.read_bytes() == second.read_bytes()
    assert told["depth"].read_bytes() == again["depth"].read_bytes()
    for path in told["maps"].iterdir():
        assert path.read_bytes() == (again["maps"] / path.name).read_bytes()


def test_a_fusion_that_says_nothing_of_its_frames_is_saved_with_its_maps(tmp_path):
    index = np.zeros((8, 9), np.uint16)
    index[:, 4:] = 2
    picture = np.full((8, 9, 3), 7, np.uint8)
    depth = index.astype(np.float32)
    made = hyperfocal.Fusion(picture, index, depth, np.ones_like(depth), None, None, {})
    made.save(tmp_path / "a.png", decision_map=tmp_path / "d.png", maps=tmp_path / "maps")
    assert np.array_equal(np.load(tmp_path / "maps" / "depth.npy"), depth)
    assert json.loads((tmp_path / "maps" / "about.json").read_text("utf-8"))["frames"] == [""] * 3


def test_save_refuses_what_fuse_refuses(tmp_path):
    fusion = hyperfocal.fuse(FRAMES, method="lp")
    fusion.save(tmp_path / "a.png")
    with pytest.raises(FormatError, match="exists"):
        fusion.save(tmp_path / "a.png")
    fusion.save(str(tmp_path / "a.png"), overwrite=True)
    with pytest.raises(OptionError, match="makes no maps"):
        fusion.save(tmp_path / "b.png", depth=tmp_path / "d.tif")
    with pytest.raises(FormatError, match="no known picture suffix"):
        fusion.save(tmp_path / "b.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_notices_are_warnings_that_a_program_can_catch(tmp_path):
    write_stack(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.warns(hyperfocal.Notice, match=r"left aside.*notes\.txt") as caught:
        report = hyperfocal.fuse(tmp_path, method=FAST).report
    assert [str(each.message) for each in caught] == report["notices"]
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", hyperfocal.Notice)
        with pytest.raises(hyperfocal.Notice):
            hyperfocal.fuse(tmp_path, method=FAST)
    with hyperfocal.Stacker() as stacker:
        for name in ("0.png", "1.png", "0.png"):
            stacker.add(tmp_path / name)
        with pytest.warns(hyperfocal.Notice, match="same picture"):
            stacker.finish()


def test_memory_is_an_amount_in_words_or_a_number():
    expected = hyperfocal.fuse(FRAMES, method=FAST)
    for memory in (10**9, "1GB", 1e9):
        assert hyperfocal.fuse(FRAMES, method=FAST, memory=memory) == expected
    assert Recipe(memory=10**9).memory_bytes == 10**9
    with pytest.raises(OptionError, match="write an amount such as 800MB"):
        hyperfocal.fuse(FRAMES, memory="lots")
    assert Recipe.from_json(Recipe(memory=10**9).to_json()).memory_bytes == 10**9


def test_presets_are_options_in_python_too():
    expected = hyperfocal.fuse(FRAMES, method="lp", exposure="none")
    assert hyperfocal.fuse(FRAMES, preset="fast") == expected
    assert hyperfocal.fuse(FRAMES, preset="fast", method="lp").report["method"] == "lp"
    for name in presets.names():
        recipe = Recipe().changed({"preset": name})
        assert vars(recipe).items() >= presets.options_of(name).items()
        # What is kept are the options, not the word.
        assert name not in recipe.to_json()
    with pytest.raises(OptionError, match=r"preset is 'quick'"):
        hyperfocal.fuse(FRAMES, preset="quick")


def test_help_lists_every_option_with_what_it_means():
    told = pydoc.plain(pydoc.render_doc(hyperfocal.fuse))
    assert " at 0x" not in told
    for info in infos(Recipe):
        assert f"{info.name}: " in told
        assert info.name in inspect.signature(hyperfocal.fuse).parameters
        words = " ".join(info.help.split()[:4])
        assert words in " ".join(told.split())
        assert words in " ".join(Recipe.__doc__.split())
    assert max(map(len, hyperfocal.fuse.__doc__.splitlines())) <= 112
    help_text = io.StringIO()
    pydoc.Helper(output=help_text).help(Recipe)
    assert "800MB" in help_text.getvalue()
