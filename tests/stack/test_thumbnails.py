"""Frames that do not belong are named, those of the stack are not."""

from types import SimpleNamespace

import numpy as np
import pytest

from hyperfocal.frame import FrameInfo
from hyperfocal.stack.thumbnails import WatchedSource, similarity_warnings
from tests.batch.shoots import views


def seen(frames):
    """Sources whose frames have been read."""
    sources = []
    for number, frame in enumerate(frames):
        info = FrameInfo(f"{number}.png", *frame.shape, frame.dtype)
        source = WatchedSource(SimpleNamespace(info=info, read=lambda frame=frame: frame))
        source.read()
        sources.append(source)
    return sources


def at_angles(degrees):
    """Frames whose thumbnails correlate by the cosine of the angles between them."""
    sources = []
    for number, angle in enumerate(np.deg2rad(degrees)):
        source = WatchedSource(SimpleNamespace(info=FrameInfo(f"{number}", 9, 9, 1, np.uint8)))
        source.thumbnail = np.zeros(1024, np.float32)
        source.thumbnail[:2] = np.cos(angle), np.sin(angle)
        source.checksum = number
        sources.append(source)
    return sources


def odd(sources):
    return [
        int(line.split()[1]) - 1 for line in similarity_warnings(sources) if "another scene" in line
    ]


@pytest.mark.parametrize("at", [(5, 6), (0, 3)])
def test_strangers_do_not_vouch_for_each_other(at):
    frames, strangers = views(5, seed=1), views(2, seed=2)
    for place, stranger in zip(at, strangers, strict=True):
        frames.insert(place, stranger)
    assert odd(seen(frames)) == list(at)
    assert odd(seen(views(7, seed=1))) == []


def test_a_frame_is_odd_where_more_than_half_of_the_others_are_unlike_it():
    # cos 41° is above 0.75, cos 42° below.
    assert odd(at_angles([0, 0, 0, 41])) == []
    assert odd(at_angles([0, 0, 0, 42])) == [3]
    assert odd(at_angles([0, 20, 40, 60])) == []


def test_half_of_the_frames_may_be_odd_but_not_more():
    chain = at_angles([-50, -15, 15, 50])
    assert odd(chain) == [0, 3]
    (line,) = similarity_warnings(at_angles([0, 50, 100, 150]))
    assert line.startswith("the frames seem to show different scenes")
