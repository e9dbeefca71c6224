"""Frames pushed one at a time give what they give at once, and can be looked at in between."""

import threading

import numpy as np
import pytest
from moving import moving_stack, similarity
from scenes import as_type, psnr, scene

import hyperfocal
from hyperfocal import OptionError, Recipe, Stacker, StackError, registry
from hyperfocal.io import formats

MAPS = ("picture", "decision", "depth", "confidence", "initial_decision", "activity")
SLOW = {"sr": "sr:step=4,tolerance=40", "nsct": "nsct"}


def pushed(frames, recipe):
    with Stacker(recipe) as stacker:
        for number, frame in enumerate(frames):
            stacker.add(frame)
            if number in (1, 2):
                stacker.preview()  # nothing changes by asking
        return stacker.finish()


@pytest.mark.parametrize("name", registry.names("methods"))
def test_pushed_one_by_one_is_fused_at_once(name):
    _, frames, _ = scene(64, 96, 3)
    recipe = Recipe(method=SLOW.get(name, name))
    at_once = hyperfocal.fuse(as_type(frames, np.uint8), method=recipe.method)
    one_by_one = pushed(as_type(frames, np.uint8), recipe)
    for field in MAPS:
        one, other = getattr(at_once, field), getattr(one_by_one, field)
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one, other), field


def test_frames_that_moved_are_placed_alike():
    _, frames = moving_stack([similarity(1, 0, (2.4 * number, 0)) for number in range(4)])
    one_by_one = pushed(frames, Recipe(method="prism"))
    at_once = hyperfocal.fuse(frames, method="prism")
    assert not at_once.report["alignment"]["untouched"]
    assert np.array_equal(one_by_one.picture, at_once.picture)


def test_the_preview_comes_closer_to_the_truth_with_every_frame():
    sharp, frames, _ = scene(160, 240, 4)
    found = []
    with Stacker(Recipe(align="none")) as stacker:
        for frame in as_type(frames, np.uint16):
            stacker.add(frame)
            picture = stacker.preview()
            assert picture.dtype == np.uint16
            found.append(psnr(picture / 65535, sharp))
    assert (np.diff(found) > 0).all()
    assert found[-1] > psnr(np.mean(frames, 0), sharp) + 5


def test_the_preview_of_frames_that_moved_is_placed_on_the_first():
    _, frames = moving_stack([similarity(1, 0, (3.0 * number, 0)) for number in range(4)])
    still, _ = moving_stack([similarity()] * 4)
    with Stacker() as stacker:
        for frame in frames:
            stacker.add(frame)
        picture = stacker.preview() / 255
    inner = (slice(20, -20), slice(30, -30))
    unplaced = np.mean(frames, 0) / 255
    assert psnr(picture[inner], still[inner]) > psnr(unplaced[inner], still[inner]) + 5


def test_files_are_added_by_their_names(tmp_path):
    _, frames, _ = scene(64, 96, 3)
    paths = []
    for number, samples in enumerate(as_type(frames, np.uint8)):
        paths.append(tmp_path / f"{number}.png")
        info = hyperfocal.open_stack([samples], fewest=1).info
        formats.save(paths[-1], samples, info, suffix=".png")
    with Stacker(Recipe(method="select")) as stacker:
        for path in paths:
            stacker.add(path)
        fusion = stacker.finish(tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()
    assert np.array_equal(fusion.picture, hyperfocal.fuse(paths, method="select").picture)


def test_what_cannot_be_is_one_line_and_nothing_is_lost(tmp_path):
    _, frames, _ = scene(64, 96, 3)
    frames = as_type(frames, np.uint8)
    stacker = Stacker(Recipe(method="lp"))
    with pytest.raises(StackError, match="no frame yet"):
        stacker.preview()
    stacker.add(frames[0])
    with pytest.raises(StackError, match="one frame"):
        stacker.finish()
    with pytest.raises(StackError, match="is 50×64, the stack is 96×64"):
        stacker.add(frames[1][:, :50])
    with pytest.raises(hyperfocal.FormatError, match="absent"):
        stacker.add(tmp_path / "absent.png")
    stacker.add(frames[1])
    with pytest.raises(OptionError, match="no option 'paper'"):
        stacker.finish(paper=1)
    assert len(stacker) == 2
    fusion = stacker.finish()
    with pytest.raises(StackError, match="finished already"):
        stacker.finish()
    with pytest.raises(StackError, match="add frames to a new Stacker"):
        stacker.add(frames[2])
    assert stacker.fusion is fusion
    stacker.close()
    with pytest.raises(StackError, match="closed"):
        stacker.add(frames[2])
    assert stacker.fusion is fusion


def test_two_threads_on_one_stacker_are_told():
    _, frames, _ = scene(64, 96, 2)
    inside, done = threading.Event(), threading.Event()

    def wait(stage, index, count):
        inside.set()
        assert done.wait(20)

    stacker = Stacker(Recipe(method="lp"), on_step=wait)
    for frame in as_type(frames, np.uint8):
        stacker.add(frame)
    thread = threading.Thread(target=stacker.finish)
    thread.start()
    assert inside.wait(20)
    with pytest.raises(StackError, match="another thread uses this Stacker"):
        stacker.add(frames[0])
    done.set()
    thread.join()
    assert stacker.fusion is not None
