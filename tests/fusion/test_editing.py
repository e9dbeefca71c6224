"""A finished picture is painted, and painted back."""

import numpy as np
import pytest
from moving import moving_stack, similarity
from scenes import as_type, scene

import hyperfocal
from hyperfocal import OptionError, Recipe, Stacker, StackError, Stroke
from hyperfocal.fusion.retouch import RIM
from hyperfocal.stack.stack import Stack

MIDDLE = ((70.0, 40.0, 1.0), (90.0, 46.0, 1.0))


def stroke(source, **options):
    return Stroke(source, MIDDLE, **{"radius": 8.0, "hardness": 1.0, "match": False} | options)


def finished(frames, method="select:consistency=no", **options):
    stacker = Stacker(Recipe(method=method, align="none", exposure="none", **options))
    for frame in frames:
        stacker.add(frame)
    stacker.finish()
    return stacker


@pytest.fixture
def frames():
    return as_type(scene(96, 160, 4)[1], np.uint8)


@pytest.mark.parametrize("method", ["select:consistency=no", "prism", "lp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_stroke_shows_its_frame_and_changes_nothing_else(method, channels):
    frames = as_type(scene(96, 160, 4, channels=channels)[1], np.uint8)
    with finished(frames, method) as stacker:
        before = stacker.fusion
        rows, columns = stacker.paint(stroke("array 4"))
        after = stacker.fusion
        frame = frames[3].reshape(after.picture.shape)
        assert np.array_equal(after.picture[42:45, 75:85], frame[42:45, 75:85])
        outside = np.ones((96, 160), bool)
        outside[rows, columns] = False
        assert outside.mean() > 0.8
        for name in ("picture", "decision", "depth", "confidence"):
            old, new = getattr(before, name), getattr(after, name)
            assert (old is None) == (new is None)
            assert old is None or np.array_equal(old[outside], new[outside]), name
        if after.decision is not None:
            assert (after.decision[42:45, 75:85] == 3).all()
            assert after.depth[43, 80] == pytest.approx(3, abs=1e-5)
        assert np.array_equal(stacker.compose(slice(40, 50)), after.picture[40:50])


def test_strokes_are_taken_back_one_by_one(frames):
    with finished(frames) as stacker:
        pictures = [stacker.fusion.picture]
        for source in ("array 4", "array 1"):
            stacker.paint(stroke(source, opacity=0.6))
            pictures.append(stacker.fusion.picture)
        assert not np.array_equal(pictures[1], pictures[2])
        assert [each.source for each in stacker.strokes] == ["array 4", "array 1"]
        for wanted in pictures[1::-1]:
            stacker.undo()
            assert np.array_equal(stacker.fusion.picture, wanted)
        with pytest.raises(OptionError, match="no stroke is left"):
            stacker.undo()


def test_what_is_restored_is_as_it_was_fused(frames):
    with finished(frames) as stacker:
        before = stacker.fusion
        stacker.paint(stroke("array 4"))
        stacker.paint(stroke("restore", radius=20))
        for name in ("picture", "decision"):
            assert np.array_equal(getattr(stacker.fusion, name), getattr(before, name))


def test_another_result_can_be_painted_in(frames):
    other = hyperfocal.fuse(frames, method="lp", align="none", exposure="none")
    with finished(frames) as stacker:
        decision = stacker.fusion.decision
        stacker.paint(stroke("lp"), {"lp": other})
        assert np.array_equal(stacker.fusion.picture[43, 75:85], other.picture[43, 75:85])
        # lp decides nothing, so that the decision stays and is sure of nothing.
        assert np.array_equal(stacker.fusion.decision, decision)
        assert stacker.fusion.confidence[43, 80] == 0


def test_a_stroke_lies_on_the_scene_wherever_the_picture_was_cropped():
    _, frames = moving_stack([similarity(1, 0, (4.0 * number, 0)) for number in range(4)])
    found = []
    for keep_size in (False, True):
        with Stacker(Recipe(method="select", keep_size=keep_size)) as stacker:
            for frame in frames:
                stacker.add(frame)
            area = stacker.finish().report["alignment"]["area"]
            stacker.paint(Stroke("array 1", ((150.0, 90.0, 1.0),), 15.0, match=False))
            row, column = 90 - area["top"], 150 - area["left"]
            found.append(stacker.fusion.picture[row - 5 : row + 6, column - 5 : column + 6])
    assert np.array_equal(*found)


def test_only_the_rows_of_a_stroke_and_its_rim_are_read(frames, monkeypatch):
    read, asked = Stack.read, []

    def counted(self, index, rows=slice(None), **options):
        pixels = read(self, index, rows, **options)
        asked.append(len(pixels))
        return pixels

    with finished(frames) as stacker:
        monkeypatch.setattr(Stack, "read", counted)
        rows, _ = stacker.paint(stroke("array 4"))
    assert sum(asked) <= rows.stop - rows.start + 2 * RIM
    assert rows.stop - rows.start <= 6 + 2 * 8 + 3


def test_the_painted_picture_is_saved_with_its_maps(frames, tmp_path):
    with finished(frames) as stacker:
        stacker.paint(stroke("array 4"))
        stacker.save(tmp_path / "out.tif", depth=tmp_path / "depth.tif")
        saved = hyperfocal.open_stack(tmp_path / "out.tif", fewest=1)
        assert np.array_equal(saved.samples(0), stacker.fusion.picture)
        depth = hyperfocal.open_stack(tmp_path / "depth.tif", fewest=1).read(0)[:, :, 0]
        assert np.array_equal(depth, stacker.fusion.depth)
        with pytest.raises(hyperfocal.FormatError, match="exists"):
            stacker.save(tmp_path / "out.tif")
        stacker.save(tmp_path / "out.tif", overwrite=True)
        with pytest.raises(OptionError, match="no output 'paper'"):
            stacker.save(tmp_path / "b.tif", paper=1)


def test_strokes_that_cannot_be_are_one_line_and_change_nothing(frames):
    black = np.zeros_like(frames[0])
    with Stacker(Recipe(method="select")) as stacker:
        for frame in (black, *frames):
            stacker.add(frame)
        with pytest.raises(StackError, match="call finish before you paint"):
            stacker.paint(stroke("array 2"))
        stacker.finish()
        before = stacker.fusion.picture
        with pytest.raises(OptionError, match="array 1 was left out of the stack"):
            stacker.paint(stroke("array 1"))
        with pytest.raises(OptionError, match="array 9 is not there"):
            stacker.paint(stroke("array 9"))
        with pytest.raises(OptionError, match="outside the picture"):
            stacker.paint(Stroke("array 2", ((900.0, 40.0, 1.0),)))
        small = hyperfocal.fuse([frame[:50] for frame in frames], method="lp")
        with pytest.raises(StackError, match="another size"):
            stacker.paint(stroke("small"), {"small": small})
        assert stacker.strokes == ()
        assert np.array_equal(stacker.fusion.picture, before)
        with pytest.raises(OptionError, match="radius"):
            stroke("array 2", radius=float("nan"))


def test_pictures_of_slabs_are_not_painted(frames, tmp_path):
    with Stacker(Recipe(method="select", slab="3:1")) as stacker:
        for frame in frames:
            stacker.add(frame)
        fusion = stacker.finish(tmp_path / "out.tif")
        assert fusion.picture.shape == frames[0].shape
        with pytest.raises(StackError, match="slabs cannot be painted"):
            stacker.paint(stroke("array 2"))
