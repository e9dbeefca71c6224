from __future__ import annotations

from pathlib import Path

import pytest

from hyperfocal.bench.scenes import find_scenes
from hyperfocal.errors import StackError


def lay_out(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def told(root: Path, pattern: str = "*") -> dict[str, tuple[str, str | None, str | None]]:
    """Frames, reference and depth by title, as texts."""
    return {
        scene.title: (
            " ".join(path.stem for path in scene.frames),
            scene.reference and scene.reference.name,
            scene.depth and scene.depth.name,
        )
        for scene in find_scenes([root], pattern)
    }


def test_letters_make_pairs_and_triples_with_reference_and_depth(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path / "pairs",
        *(f"few/0{number}-{letter}.jpg" for number in (1, 2) for letter in "AB"),
        *("few/02-C.jpg", "few/03-A.jpg", "few/01-GT.png", "few/01-depth.png", "few/NOTES.md"),
    )
    assert told(root) == {
        "pairs/few/01": ("01-A 01-B", "01-GT.png", "01-depth.png"),
        "pairs/few/02": ("02-A 02-B 02-C", None, None),
    }


def test_frames_with_a_reference_beside_them_are_one_scene_with_all_below(tmp_path: Path) -> None:
    names = ["frame_000.png", "frame_001.png", "frame_010.png", "reference.png", "depth.png"]
    others = ["reference_geom_004.png", "focus.json", "png16/frame_000.png", "png16/frame_001.png"]
    root = lay_out(tmp_path / "rendered", *(f"cards/{name}" for name in [*names, *others]))
    expected = ("frame_000 frame_001 frame_010", "reference.png", "depth.png")
    assert told(root) == {"rendered/cards": expected}
    assert told(root / "cards") == {"rendered/cards": expected}
    assert told(root / "cards" / "png16") == {"cards/png16": ("frame_000 frame_001", None, None)}


def test_a_folder_of_frames_with_the_truth_beside_it_is_one_scene(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "gt", "cotton/frames/000.png", "cotton/frames/001.png")
    lay_out(root, "cotton/gt.png")
    assert told(root) == {"gt/cotton": ("000 001", "gt.png", None)}


def test_other_folders_of_pictures_are_stacks_in_natural_order(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path / "stacks", "fly/img10.tif", "fly/img2.tif", "more/b/1.png", "more/b/2.png"
    )
    lay_out(root, "alone/1.png", "fly/.hidden.png")
    assert told(root) == {
        "stacks/fly": ("img2 img10", None, None),
        "stacks/more/b": ("1 2", None, None),
    }


def test_a_pattern_takes_some_scenes(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "s", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    assert list(told(root, "*/b")) == ["s/b"]
    with pytest.raises(StackError, match="no scene matches"):
        find_scenes([root], "c")


def test_results_among_the_data_are_no_scenes(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "s", "a/1.png", "a/2.png", "out/sheets/1.png", "out/sheets/2.png")
    assert [each.title for each in find_scenes([root], exclude=root / "out")] == ["s/a"]


def test_scenes_of_one_name_and_missing_folders_are_refused(tmp_path: Path) -> None:
    roots = [lay_out(tmp_path / side / "s", "a/1.png", "a/2.png") for side in ("x", "y")]
    with pytest.raises(StackError, match="two scenes are called s/a"):
        find_scenes(roots)
    with pytest.raises(StackError, match="does not exist"):
        find_scenes([tmp_path / "none"])
