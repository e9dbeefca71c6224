"""What a default `fuse` made can be evaluated: it says itself which part of its frames it shows."""

import json

import numpy as np
import pytest
from scenes import as_type

import hyperfocal
from hyperfocal import StackError, registry
from hyperfocal.cli.main import main
from hyperfocal.frame import FrameInfo
from hyperfocal.fusion import recipes
from hyperfocal.io import formats
from tests.moving import blurred_in_bands, natural
from tests.stack.test_stack import write


@pytest.fixture
def moved(tmp_path):
    """Three frames in a folder that lie up to 8 px apart, and how the whole scene looks."""
    folder, picture = tmp_path / "in", natural(260, 380)
    folder.mkdir()
    for number in range(3):
        frame = blurred_in_bands(picture, number, 3)[10:230, 10 + 4 * number : 330 + 4 * number]
        write(folder / f"{number}.png", as_type([frame], np.uint8)[0])
    return folder


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".jxl", ".ome.tif"])
def test_a_cropped_picture_is_evaluated_beside_its_frames(moved, suffix):
    out = moved.parent / f"out{suffix}"
    fusion = hyperfocal.fuse(moved, out, method="lp")
    height, width = fusion.picture.shape[:2]
    assert width < 320
    sources = sorted(moved.glob("*.png"))
    found = hyperfocal.evaluate(out, sources, metrics=["qg"])
    # The same, cropped by hand.
    area = fusion.report["alignment"]["area"]
    rows, columns = (
        slice(area[side], area[side] + n) for side, n in (("top", height), ("left", width))
    )
    cut = [formats.open_frames(path)[0].read()[rows, columns] for path in sources]
    picture = formats.open_frames(out)[0].read()
    assert found.values == hyperfocal.evaluate(picture, cut, metrics=["qg"]).values
    assert f"shows {width}×{height} of 320×220" in found.notices[0]


def test_a_fusion_is_evaluated_as_its_file_is(moved):
    fusion = hyperfocal.fuse(moved, moved.parent / "out.png", method="lp")
    sources = sorted(moved.glob("*.png"))
    in_memory = hyperfocal.evaluate(fusion, sources, metrics=["qg"])
    assert in_memory == hyperfocal.evaluate(moved.parent / "out.png", sources, metrics=["qg"])


def test_reference_and_depth_of_the_frames_size_are_cropped_alike(moved):
    fusion = hyperfocal.fuse(moved, moved.parent / "out.png", method="lp")
    reference = sorted(moved.glob("*.png"))[1]
    depth = np.tile(np.arange(320, dtype=np.uint16), (220, 1)) // 100 * 100
    found = hyperfocal.evaluate(
        fusion, reference=reference, depth=depth, metrics=["psnr", "psnr_edges"]
    )
    assert set(found.values) == {"psnr", "psnr_edges"}
    assert found.values["psnr"] > 20


def test_the_recipe_makes_the_same_bytes_with_the_record_in_them(moved, capsys):
    first, second = moved.parent / "a.png", moved.parent / "b.png"
    main(["fuse", str(moved), "-o", str(first), "--method", "lp"])
    assert recipes.area_of(formats.open_frames(first)[0].info).frame_width == 320
    main(["fuse", str(moved), "-o", str(second), "--recipe", str(first)])
    assert first.read_bytes() == second.read_bytes()


def test_a_picture_of_the_whole_size_records_no_area(moved):
    hyperfocal.fuse(moved, moved.parent / "a.png", method="lp", keep_size=True)
    assert recipes.area_of(formats.open_frames(moved.parent / "a.png")[0].info) is None


def test_pictures_of_another_size_are_refused_with_a_way_out(moved):
    hyperfocal.fuse(moved, moved.parent / "out.npy", method="lp")
    with pytest.raises(StackError, match=r"its source .* is 320×220; .*fuse again to \.tif"):
        hyperfocal.evaluate(moved.parent / "out.npy", sorted(moved.glob("*.png")))
    hyperfocal.fuse(moved, moved.parent / "out.png", method="lp")
    other = np.zeros((100, 100, 3), np.uint8)
    with pytest.raises(StackError, match="give those that belong together"):
        hyperfocal.evaluate(moved.parent / "out.png", [other, other])


@pytest.mark.parametrize(
    ("area", "is_known"),
    [
        ("[220,320,9,2,200,300]", True),
        ("[220,320,9,0,200]", False),
        ('["a","b",0,0,200,300]', False),
        ("[220,320,-3,0,200,300]", False),
        ("[220,320,30,0,200,300]", False),
        ("[220,320,9,2,100,300]", False),
        ("{}", False),
    ],
)
def test_a_record_that_does_not_fit_is_none(area, is_known):
    exif = formats.with_provenance(
        None, software="x", frame_count=2, height=200, width=300, recipe=f'{{"area":{area}}}'
    )
    info = FrameInfo("a.png", 200, 300, 3, np.dtype(np.uint8), exif=exif)
    assert (recipes.area_of(info) is not None) == is_known


def test_metrics_are_listed_with_direction_and_what_they_are(capsys):
    main(["metrics"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == set(registry.names("metrics"))
    assert lines["psnr"].split()[1] == "↑"
    assert lines["nabf"].split()[1] == "↓"
    assert lines["mean"].split()[1] == "Mean"
    assert lines["psnr_edges"].endswith("[depth and reference]")
    for name, module in registry.modules("metrics"):
        assert (module.__doc__ or "").splitlines()[0].rstrip(".") in lines[name]


def test_evaluate_prints_the_direction_of_each_number(moved, capsys):
    main(["fuse", str(moved), "-o", str(moved.parent / "a.png"), "--method", "lp"])
    sources = [str(path) for path in sorted(moved.glob("*.png"))]
    main(["evaluate", str(moved.parent / "a.png"), "--sources", *sources])
    told = capsys.readouterr()
    ends = {line.split()[0]: line.split()[-1] for line in told.out.splitlines()}
    assert (ends["qg"], ends["nabf"]) == ("↑", "↓")
    assert "of 320×220, where its frames overlap" in told.err
    main(["evaluate", str(moved.parent / "a.png"), "--sources", *sources, "--json"])
    assert "320×220" in json.loads(capsys.readouterr().out)["notices"][0]
