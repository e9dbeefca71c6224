"""Recipes, transforms and strokes from somebody else: taken, or refused in one line."""

import copy
import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenes import as_type, scene

import hyperfocal
from hyperfocal import HyperfocalError, Recipe
from hyperfocal.alignment import transform_file
from hyperfocal.fusion import recipes, retouch

FAST = "select:measure=tenengrad,consistency=no"
FRAMES = as_type(scene(48, 64, 3)[1], np.uint8)
EYE = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
TRANSFORMS = {
    "format": "hyperfocal transforms",
    "version": 1,
    "width": 64,
    "height": 48,
    "reference": 0,
    "frames": [{"name": str(n), "reference_to_frame": EYE} for n in range(3)],
}
RECIPE = {
    "hyperfocal": "recipe",
    "version": 1,
    "options": {"method": FAST, "slab": "3:1", "memory": "800MB", "step_um": 2.5, "align": "none"},
}
STROKES = json.loads(
    retouch.dump([retouch.Stroke("restore", ((1.0, 2.0, 1.0), (3.0, 4.0, 0.5)), radius=5.0)])
)

numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 1e308, -1e308, 1e-320, 2**63, 65536, 1e15, 1e6]),
)
values = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20), st.just("9" * 5000))
odd = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
)


@st.composite
def mutants(draw, document):
    """The document with some of its values replaced, at any depth."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place = changed
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = draw(st.sampled_from(list(keys)))
            is_inner = isinstance(place[key], dict | list) and draw(st.booleans())
            if not is_inner:
                place[key] = draw(odd)
                break
            place = place[key]
    return changed


def require_one_line(error):
    told = " ".join(str(error).split())
    assert 0 < len(told) < 700


SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(document=mutants(TRANSFORMS))
def test_any_transforms_are_applied_or_refused(tmp_path, document):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(document))
    try:
        hyperfocal.fuse(FRAMES, method=FAST, exposure="none", apply_transforms=str(path))
    except HyperfocalError as error:
        require_one_line(error)


def test_the_document_that_is_changed_is_sound(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(TRANSFORMS))
    assert len(transform_file.load(path).matrices) == 3
    assert Recipe.from_json(json.dumps(RECIPE)).method == FAST
    assert len(retouch.load(json.dumps(STROKES))) == 1


@SETTINGS
@given(document=mutants(RECIPE))
def test_any_recipe_is_followed_or_refused(document):
    try:
        recipe = Recipe.from_json(json.dumps(document))
        assert recipe.memory_bytes >= 0
        _ = recipe.cutter
        hyperfocal.registry.make("methods", recipe.method)
        assert Recipe.from_json(recipe.to_json()) == recipe
    except HyperfocalError as error:
        require_one_line(error)


@SETTINGS
@given(document=mutants(STROKES))
def test_any_strokes_are_taken_or_refused(document):
    try:
        strokes = retouch.load(json.dumps(document))
        assert retouch.load(retouch.dump(strokes)) == strokes
    except HyperfocalError as error:
        require_one_line(error)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, 1e9], [0, 1, 0], [0, 0, 1]],
        [[10**400, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e300]],
        [[1, 0, 0], [0, 1, 0], [-0.1, 0, 1]],
        [[1, 0, 0], [0, 1, 0], [0, 0, True]],
        [[1, 0, 0], [0, 1, 0], [0, 0, "1"]],
        [1, 0, 0, 0, 1, 0, 0, 0, 1],
    ],
)
def test_a_matrix_that_no_camera_makes_is_refused(tmp_path, matrix):
    document = copy.deepcopy(TRANSFORMS)
    document["frames"][1]["reference_to_frame"] = matrix
    path = tmp_path / "t.json"
    path.write_text(json.dumps(document))
    with pytest.raises(hyperfocal.FormatError, match="holds no transforms"):
        transform_file.load(path)


def test_a_recipe_with_a_very_long_option_is_refused_at_once():
    options = {"method": "select:a" + " " * 900_000 + "b"}
    with pytest.raises(hyperfocal.OptionError, match="too long"):
        Recipe.from_json(json.dumps(RECIPE | {"options": options}))


@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_a_document_that_is_no_file_does_not_make_a_run_wait(tmp_path, what):
    path = tmp_path / "d.json"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    for load in (transform_file.load, recipes.load):
        with pytest.raises(hyperfocal.FormatError, match="no file but"):
            load(path)


@pytest.mark.parametrize("text", ["9" * 400, "1" + "0" * 30 + "TB"])
def test_more_memory_than_there_can_be_is_refused(text):
    with pytest.raises(hyperfocal.OptionError, match="memory is"):
        hyperfocal.fuse(FRAMES, method=FAST, memory=text)
