"""Files that a run writes: where they are made, and what is left when that fails."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import FormatError
from hyperfocal.io import formats, outputs

FAST = "select:measure=tenengrad,consistency=no"


def frames_of(count=3):
    return as_type(scene(60, 90, count)[1], np.uint8)


def on_a_disk_of_its_own(folder):
    """`os.replace` where everything outside this folder lies on another file system."""
    replace = os.replace

    def within(source, place):
        if not (Path(source).is_relative_to(folder) and Path(place).is_relative_to(folder)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, place)

    return within


@pytest.mark.parametrize("out", ["out.png", "out.tif", "out.ome.tif", "out.ome.zarr"])
def test_results_are_made_on_the_disk_that_they_stay_on(tmp_path, monkeypatch, out):
    if out.endswith("zarr"):
        pytest.importorskip("zarr")
    names = {"decision_map": "i.png", "depth": "d.tif", "maps": "maps", "transforms": "t.json"}
    monkeypatch.setattr(os, "replace", on_a_disk_of_its_own(tmp_path))
    hyperfocal.fuse(
        frames_of(),
        tmp_path / out,
        method=FAST,
        **{kind: tmp_path / name for kind, name in names.items()},
    )
    outputs.write_text(tmp_path / "state.json", "{}")
    assert {path.name for path in tmp_path.iterdir()} == {out, *names.values(), "state.json"}


def test_a_text_that_cannot_be_put_in_its_place_leaves_nothing_beside(tmp_path):
    (tmp_path / "state.json").mkdir()
    with pytest.raises(FormatError, match=r"state\.json cannot be written"):
        outputs.write_text(tmp_path / "state.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_picture_that_cannot_be_put_in_its_place_leaves_nothing_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", on_a_disk_of_its_own(tmp_path / "elsewhere"))
    with pytest.raises(FormatError, match=r"a\.tif cannot be written"):
        hyperfocal.fuse(frames_of(), tmp_path / "a.tif", method=FAST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step_um", [None, 2.5, 400.0])
def test_a_depth_map_as_png_runs_over_all_levels_whatever_the_step(tmp_path, step_um):
    path = tmp_path / "depth.png"
    fusion = hyperfocal.fuse(frames_of(), method=FAST, depth=path, step_um=step_um)
    made = formats.open_frames(path)[0].read()[:, :, 0]
    assert np.array_equal(made, np.array([0, 32768, 65535])[fusion.decision])
