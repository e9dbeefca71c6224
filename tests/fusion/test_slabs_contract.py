"""Every method, in slabs and whole, with every kind of map: made, or refused before any work."""

import itertools
import os

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import HyperfocalError, registry
from hyperfocal.cli.main import main
from hyperfocal.io import formats
from hyperfocal.methods import has_depth

METHODS = {name: name for name in registry.names("methods")} | {"sr": "sr:step=4,tolerance=40"}
WANTED = {
    "depth": ["--depth", "depth.tif"],
    "maps": ["--maps", "maps"],
    "page": ["--depth-page"],
    "decision": ["--decision-map", "decision.tif"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    _, frames, _ = scene(64, 96, 5)
    for number, samples in enumerate(as_type(frames, np.uint8)):
        info = hyperfocal.open_stack([samples], fewest=1).info
        formats.save(folder / f"{number}.png", samples, info, suffix=".png")
    return folder


def ended(arguments):
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("name", METHODS)
def test_maps_of_slabs_and_of_the_whole(folder, tmp_path, monkeypatch, capsys, name, wanted):
    monkeypatch.chdir(tmp_path)
    tells = has_depth(registry.make("methods", METHODS[name]))
    asked = ["fuse", str(folder), "--method", METHODS[name], *WANTED[wanted], "--overwrite"]
    for slab, size in itertools.product(([], ["--slab", "3:1"]), ([], ["--keep-size"])):
        code = ended([*asked, "-o", "out.tif", *slab, *size])
        told = capsys.readouterr().err
        assert code == (0 if tells else 2), (slab, size, told)
        if tells:
            slabs = ["out_slab01.tif", "out_slab02.tif"] if slab else []
            assert {"out.tif", *slabs} <= set(os.listdir())
        else:
            assert len(told.splitlines()) == 1
            assert "no depth page to write" in told or f"no {wanted}" in told
            assert os.listdir() == []
    if name in ("prism", "select") and wanted == "depth":
        # Depth counts frames of the stack, not of a slab.
        depth = hyperfocal.open_stack(tmp_path / "depth.tif", fewest=1).read(0)
        assert 0 <= depth.min() < 0.7
        assert 3.3 < depth.max() <= 4


@pytest.mark.parametrize("name", METHODS)
def test_frames_in_memory_keep_their_maps_with_their_size(name):
    _, frames, _ = scene(64, 96, 3)
    fusion = hyperfocal.fuse(as_type(frames, np.uint8), method=METHODS[name], keep_size=True)
    tells = has_depth(registry.make("methods", METHODS[name]))
    assert (fusion.depth is not None) == tells
    try:
        refused = None
        hyperfocal.fuse(
            as_type(frames, np.uint8),
            "unused.tif",
            method=METHODS[name],
            depth_page=True,
            memory="1",
        )
    except HyperfocalError as error:
        refused = str(error)
    assert refused is not None
    assert not os.path.exists("unused.tif")
