"""A recipe travels: as JSON, in pictures, and makes the same bytes again."""

import json
import shutil

import numpy as np
import pytest
from scenes import as_type, scene

import hyperfocal
from hyperfocal import FormatError, OptionError, Recipe, UnknownChoice
from hyperfocal.cli.main import main
from hyperfocal.fusion import recipes
from hyperfocal.io import formats
from hyperfocal.methods.select import Select

EVERY = Recipe(
    method="select:consistency=no",
    order="given",
    drop_blurred=True,
    slab="3:1",
    align="none",
    exposure="none",
    keep_size=True,
    memory="800MB",
    step_um=2.5,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    _, frames, _ = scene(64, 96, 4)
    for number, samples in enumerate(as_type(frames, np.uint8)):
        info = hyperfocal.open_stack([samples], fewest=1).info
        formats.save(tmp_path / "in" / f"{number}.png", samples, info, suffix=".png")
    return tmp_path / "in"


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("recipe", [Recipe(), EVERY])
def test_a_recipe_is_read_as_it_was_written(recipe):
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp", ".ome.tif"])
def test_a_picture_made_again_by_its_own_recipe_has_the_same_bytes(folder, tmp_path, suffix):
    first, again = tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
    chosen = ["--method", "select:consistency=no", "--align", "none", "--order", "given"]
    main(["fuse", str(folder), "-o", str(first), *chosen])
    main(["fuse", str(folder), "-o", str(again), "--recipe", str(first)])
    assert first.read_bytes() == again.read_bytes()
    assert recipes.load(first) == Recipe(
        method="select:consistency=no", align="none", order="given"
    )


def test_a_saved_recipe_is_followed_and_what_is_typed_goes_before(folder, tmp_path, capsys):
    saved = tmp_path / "recipe.json"
    chosen = ["--method", "lp", "--step-um", "3", "--save-recipe", str(saved)]
    main(["fuse", str(folder), "-o", str(tmp_path / "a.png"), *chosen])
    again = ["--recipe", str(saved), "--method", "select", "--json"]
    capsys.readouterr()
    main(["fuse", str(folder), "-o", str(tmp_path / "b.png"), *again])
    report = json.loads(capsys.readouterr().out)
    assert (report["method"], report["step_um"]) == ("select", 3)


def test_python_takes_a_recipe_and_options_over_it(folder):
    recipe = Recipe(method="select", align="none", exposure="none")
    one = hyperfocal.fuse(folder, recipe=recipe, method="lp")
    other = hyperfocal.fuse(folder, method="lp", align="none", exposure="none")
    assert np.array_equal(one.picture, other.picture)
    with pytest.raises(OptionError, match="a recipe has no option 'sharpness'"):
        hyperfocal.fuse(folder, sharpness=3)


def test_slabs_order_and_blurred_frames_are_in_python(folder, tmp_path):
    shutil.copy(folder / "0.png", folder / "zebra.png")
    report = hyperfocal.fuse(folder, tmp_path / "a.tif", method="select", slab="3:1", order="name")
    assert report.report["order"] == "name"
    assert len(report.report["outputs"]["slabs"]) == 2
    assert report.picture.shape == (64, 96, 3)
    with pytest.raises(OptionError, match="none is named"):
        hyperfocal.fuse(folder, method="select", slab="3:1")


def test_a_camera_s_comment_stays_where_it_is(folder, tmp_path):
    block = formats.with_provenance(
        None, software="camera", frame_count=1, height=64, width=96, recipe="the bee on the rose"
    )
    samples = hyperfocal.open_stack(folder).read(0)
    samples = np.rint(samples * 255).astype(np.uint8)
    for number in (0, 1):
        info = hyperfocal.open_stack([samples], fewest=1).info
        info = type(info)(**{**vars(info), "exif": block})
        formats.save(tmp_path / f"{number}.png", samples, info, suffix=".png")
    frames = [tmp_path / "0.png", tmp_path / "1.png"]
    hyperfocal.fuse(frames, tmp_path / "out.png", method="select")
    fused = hyperfocal.open_stack(tmp_path / "out.png", fewest=1).info
    assert formats.comment_of(fused.exif) == "the bee on the rose"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no recipe"),
        ('{"hyperfocal":"recipe","version":1,"opti', "holds no recipe"),
        ("[1, 2]", "holds no recipe"),
        ('{"hyperfocal":"retouch","version":1,"options":{}}', "holds no recipe"),
        ('{"hyperfocal":"recipe","version":2,"options":{}}', "newer hyperfocal"),
        ('{"hyperfocal":"recipe","version":1,"options":{"glow":1}}', "no option 'glow'"),
        ('{"hyperfocal":"recipe","version":1,"options":{"align":"maybe"}}', "align is 'maybe'"),
        ('{"hyperfocal":"recipe","version":1,"options":{"method":"voodoo"}}', "voodoo"),
        ('{"hyperfocal":"recipe","version":1,"options":{"keep_size":"perhaps"}}', "yes or no"),
        ('{"hyperfocal":"recipe","version":1,"options":{"memory":7}}', "memory"),
        ('{"hyperfocal":"recipe","version":1,"options":{"keep_size":[1]}}', "keep_size"),
        ("[" * 100_000, "holds no recipe"),
    ],
)
def test_what_is_no_recipe_is_one_line(folder, tmp_path, capsys, text, told):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    assert told in refused(capsys, "fuse", folder, "-o", tmp_path / "o.png", "--recipe", path)
    assert not (tmp_path / "o.png").exists()


def test_a_picture_without_a_recipe_and_no_picture_at_all_are_told(folder, tmp_path):
    with pytest.raises(OptionError, match=r"0\.png holds no recipe"):
        recipes.load(folder / "0.png")
    with pytest.raises(FormatError, match="cannot be read"):
        recipes.load(tmp_path / "absent.json")
    with pytest.raises(OptionError, match="only methods by name"):
        Recipe(method=Select()).to_json()
    with pytest.raises(UnknownChoice, match="voodoo"):
        hyperfocal.fuse(folder, method="voodoo")
