"""Strokes of a brush: their data, where they weigh, and what they do to pictures and maps."""

import itertools
import json
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import texture

from hyperfocal.errors import FormatError, OptionError
from hyperfocal.fusion import retouch
from hyperfocal.fusion.retouch import Stroke, box, mask, matched, painted, stamp, with_rim

SHAPE = (90, 120)
CURVE = [(20.3, 30.7), (45.0, 22.5), (70.2, 61.1), (70.2, 61.1), (101.4, 58.0)]


def whole(stroke, shape=SHAPE, origin=(0, 0)):
    return mask(stroke, slice(0, shape[0]), slice(0, shape[1]), origin=origin)


def stroke(points=CURVE, radius=9.0, **others):
    return Stroke("frame", points, radius, **others)


def distance_to(points, shape=SHAPE):
    """From each pixel to the path, by looking at a point every 1/50 px; at most 1e-4 too long."""
    path = [np.array(points[:1], float)]
    for first, last in itertools.pairwise(points):
        count = int(50 * math.dist(first, last)) + 2
        path.append(np.linspace(first, last, count))
    path = np.concatenate(path)
    y, x = np.mgrid[: shape[0], : shape[1]]
    least = np.full(shape, np.inf)
    for px, py in path:
        least = np.minimum(least, (x - px) ** 2 + (y - py) ** 2)
    return np.sqrt(least)


# -- data ------------------------------------------------------------------------------------------


def test_a_stroke_survives_json():
    made = Stroke("IMG_0142.tif", [(1, 2.5), (3.25, -4, 0.5)], 12, 0.3, 0.9, match=False)
    assert made.points == ((1.0, 2.5, 1.0), (3.25, -4.0, 0.5))
    assert Stroke.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert Stroke.from_dict({"source": "a", "points": [[1, 2]], "radius": 5}) == Stroke(
        "a", [(1, 2)], 5
    )


@given(
    st.lists(
        st.tuples(
            st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1, allow_subnormal=False)
        ),
        min_size=1,
    ),
    st.floats(0.5, 10_000),
    st.floats(0, 1),
    st.text(min_size=1),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_any_strokes_survive_their_document(points, radius, share, name, match):
    strokes = [Stroke(name, points, radius, share, 1 - share, match), stroke()]
    assert retouch.load(retouch.dump(strokes)) == strokes


def test_a_document_has_a_stroke_on_a_line():
    lines = retouch.dump([stroke(), stroke()]).splitlines()
    assert lines[0] == '{"hyperfocal": "retouch", "version": 1, "strokes": ['
    assert [json.loads(line.rstrip(","))["radius"] for line in lines[1:3]] == [9.0, 9.0]
    assert retouch.load(retouch.dump([])) == []


GOOD = {"source": "a", "points": [[1, 2, 1]], "radius": 5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": ""}, "source is ''"),
        ({"source": {"frame": "a"}}, "source is {'frame'"),
        ({"points": []}, "no points"),
        ({"points": [[1, 2]] * 20_001}, "20001 points; at most 20000"),
        ({"points": "12"}, "points are '12'"),
        ({"points": 7}, "points are 7"),
        ({"points": [[1]]}, r"point 1 of a stroke is \[1\]"),
        ({"points": [[1, 2, 3, 4]]}, "point 1"),
        ({"points": [[1, 2], [1, "2"]]}, "point 2 of a stroke is '2'; it must be a finite number"),
        ({"points": [[1, math.nan]]}, "is nan; it must be a finite number"),
        ({"points": [[math.inf, 1]]}, "is inf"),
        ({"points": [[10**400, 1]]}, "must be a finite number"),
        ({"points": [[2e6, 1]]}, "at most ±1000000"),
        ({"points": [[1, 2, 1.5]]}, "pressure 1.5"),
        ({"points": [[1, 2, True]]}, "is True"),
        ({"radius": 0.2}, "radius is 0.2; it must be at least 0.5"),
        ({"radius": 20_000}, "radius is 20000.0; it must be at most 10000"),
        ({"radius": math.nan}, "radius is nan"),
        ({"radius": "5"}, "radius is '5'"),
        ({"hardness": -0.1}, "hardness is -0.1"),
        ({"hardness": 1.1}, "hardness is 1.1"),
        ({"opacity": 2}, "opacity is 2.0"),
        ({"opacity": None}, "opacity is None"),
        ({"match": 1}, "match is 1"),
        ({"colour": 1}, "has no 'colour'; it has: source, points, radius"),
        ({"co\nlour": 1}, r"has no 'co\\nlour'"),
    ],
)
def test_what_is_no_stroke_is_refused_in_one_line(changes, message):
    Stroke.from_dict(GOOD)
    with pytest.raises(OptionError, match=message) as caught:
        Stroke.from_dict({**GOOD, **changes})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("missing", ["source", "points", "radius"])
def test_a_stroke_must_say_what_where_and_how_wide(missing):
    with pytest.raises(OptionError, match=f"lacks its {missing}"):
        Stroke.from_dict({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (retouch.dump([stroke()])[:-30], "b.json is cut off or no JSON"),
        ("", "cut off"),
        ("[" * 100_000, "cut off or no JSON"),
        ("[]", "holds no strokes of this program"),
        ('{"format": "hyperfocal transforms", "version": 1}', "holds no strokes of this program"),
        ('{"hyperfocal": "retouch", "version": 2, "strokes": []}', "version 2.*update hyperfocal"),
        ('{"hyperfocal": "retouch", "version": "1", "strokes": []}', "version '1'.*save it again"),
        ('{"hyperfocal": "retouch", "strokes": []}', "version None"),
        ('{"hyperfocal": "retouch", "version": 1}', "no list of strokes"),
        ('{"hyperfocal": "retouch", "version": 1, "strokes": [7]}', "stroke 1 of b.json: a stroke"),
        (
            '{"hyperfocal": "retouch", "version": 1, "strokes": '
            '[{"source": "a", "points": [[NaN, 1]], "radius": 3}]}',
            "stroke 1 of b.json: point 1 of a stroke is nan",
        ),
    ],
)
def test_what_is_no_document_of_strokes_is_refused_in_one_line(text, message):
    with pytest.raises(FormatError, match=message) as caught:
        retouch.load(text, called="b.json")
    assert "\n" not in str(caught.value)


# -- where a stroke weighs -------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0.5, 3.0, 9.0, 40.0])
@pytest.mark.parametrize("points", [CURVE, CURVE[:1], [(-9.0, 40.5), (30.0, 95.0)]])
def test_a_hard_brush_is_all_within_its_radius(points, radius):
    distance, weight = distance_to(points), whole(stroke(points, radius, hardness=1))
    assert (weight[distance < radius - 0.501] == 1).all()
    assert (weight[distance > radius + 0.501] == 0).all()
    near = np.abs(distance - radius) < 0.49
    np.testing.assert_allclose(
        weight[near & (radius > 0.5)],
        [0.5 + 1.5 * d - 2 * d**3 for d in (radius - distance)[near & (radius > 0.5)]],
        atol=1e-3,
    )


@pytest.mark.parametrize("hardness", [0.0, 0.4, 0.8])
def test_a_soft_brush_falls_with_the_distance_from_the_path(hardness):
    """Against distances found in another way: from sampled points, one after the other."""
    distance, weight = distance_to(CURVE), whole(stroke(hardness=hardness))
    order = np.argsort(distance.ravel())
    falling = weight.ravel()[order]
    assert np.diff(falling).max() < 2e-4
    core, outer = max(0, hardness * 9 - 0.5), 9.5
    rise = np.clip((outer - distance) / (outer - core), 0, 1)
    np.testing.assert_allclose(weight, rise**2 * (3 - 2 * rise), atol=2e-4)


def test_a_window_s_weights_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(0, 150, (60, 2)), rng.random((60, 1))], 1)
    made = stroke(points, 7.0, hardness=0.3, opacity=0.8)
    of_all = whole(made, (150, 150))
    for top, left, height, width in ((0, 0, 33, 150), (71, 13, 1, 90), (40, 101, 64, 47)):
        rows, columns = slice(top, top + height), slice(left, left + width)
        np.testing.assert_array_equal(mask(made, rows, columns), of_all[rows, columns])


def test_the_crop_of_the_picture_does_not_move_a_stroke():
    inner = whole(stroke(), (60, 80), origin=(12, 25))
    np.testing.assert_array_equal(inner, whole(stroke())[12:72, 25:105])


def test_the_order_of_points_is_no_matter():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.uniform(0, 90, (40, 2)), rng.random((40, 1))], 1)
    forth, back = stroke(points, 6.0), stroke(points[::-1], 6.0)
    np.testing.assert_array_equal(whole(forth), whole(back))


@pytest.mark.parametrize("name", ["opacity", "hardness", "pressure", "radius"])
def test_more_of_anything_never_weighs_less(name):
    def made(share):
        others = {"hardness": 0.4, "opacity": 0.7, "radius": 9.0}
        pressures = [0.2, 0.6, 0.1, 0.4, 0.3]
        if name == "pressure":
            pressures = [(1 - share) * pressure + share for pressure in pressures]
        else:
            others[name] = {"radius": 5 + 10 * share}.get(name, share)
        points = [(*xy, pressure) for xy, pressure in zip(CURVE, pressures, strict=True)]
        return whole(stroke(points, **others))

    weights = [made(share) for share in np.linspace(0, 1, 7)]
    for less, more in itertools.pairwise(weights):
        assert (more >= less - 1e-6).all()
        assert more.sum() > less.sum()


def test_pressure_scales_the_opacity_and_not_the_width():
    full, light = stroke(), stroke([(*xy, 0.25) for xy in CURVE])
    np.testing.assert_allclose(whole(light), whole(full) / 4, atol=1e-7)
    assert box(light, SHAPE) == box(full, SHAPE)
    pressed = stroke([(40, 40, 0.1), (40.01, 40, 0.9)], 10.0)
    np.testing.assert_allclose(whole(pressed), whole(stroke([(40, 40, 0.9)], 10.0)), atol=3e-3)


def test_a_stroke_that_crosses_itself_does_not_add_up():
    there_and_back = stroke([*CURVE, *CURVE[::-1]], opacity=0.5)
    np.testing.assert_array_equal(whole(there_and_back), whole(stroke(opacity=0.5)))


@pytest.mark.parametrize(
    ("points", "origin"),
    [
        (CURVE, (0, 0)),
        (CURVE[:1], (0, 0)),
        ([(55.5, 44.5)], (3, 7)),
        ([(-4.2, 33.0), (8.0, -3.0)], (0, 0)),
        ([(130.0, 20.0), (100.0, 110.0)], (10, 20)),
        ([(-200.0, 50.0), (400.0, 41.0)], (0, 0)),
    ],
)
@pytest.mark.parametrize("radius", [0.5, 4.3, 17.0])
def test_the_box_is_what_is_touched_and_no_more(points, origin, radius):
    made = stroke(points, radius, hardness=0.6)
    weight = whole(made, origin=origin)
    rows, columns = box(made, SHAPE, origin)
    outside = weight.copy()
    outside[rows, columns] = 0
    assert not outside.any()
    inside = weight[rows, columns]
    if weight.any():
        assert inside[0].any()
        assert inside[-1].any()
        assert inside[:, 0].any()
        assert inside[:, -1].any()
    window, framed = stamp(made, SHAPE, origin)
    assert window == (rows, columns)
    np.testing.assert_array_equal(framed, weight[with_rim(window, SHAPE)])


def test_a_stroke_outside_of_the_picture_is_refused():
    made = stroke([(150.0, 20.0)], 8.0)
    rows, columns = box(made, SHAPE)
    assert rows.start == rows.stop
    assert columns.start == columns.stop
    message = "begins at x 150, y 20 lies outside the picture, which has x 0 to 119 and y 0 to 89"
    with pytest.raises(OptionError, match=message):
        retouch.require_inside(made, SHAPE)
    retouch.require_inside(made, SHAPE, (0, 40))
    retouch.require_inside(stroke([(127.0, 20.0)], 8.0), SHAPE)
    retouch.require_inside(stroke([(60.0, 20.0)], opacity=0), SHAPE)
    with pytest.raises(OptionError):
        retouch.require_inside(stroke([(-10.0, -10.0), (-10.0, 200.0)], 8.0), SHAPE)


def test_a_stroke_that_weighs_nothing_changes_nothing():
    for made in (stroke(opacity=0), stroke([(40, 40, 0)]), stroke([(500, 500)])):
        window, weight = stamp(made, SHAPE)
        seen = with_rim(window, SHAPE)
        picture = texture(*SHAPE)
        assert weight.size == picture[seen][..., 0].size == 0
        assert painted(picture[seen], 0 * picture[seen], weight).size == 0
        assert (painted(picture, 0 * picture, whole(made)) == picture).all()


# -- what a stroke does to a picture ---------------------------------------------------------------


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def picture(request):
    return texture(*SHAPE, channels=request.param)


@pytest.mark.parametrize("match", [True, False])
def test_a_stroke_from_an_equal_picture_changes_nothing(picture, match):
    made = painted(picture, picture.copy(), whole(stroke(opacity=0.7)), match=match)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, picture)


@pytest.mark.parametrize("scale", [1e-3, 1, 40], ids=["dark", "usual", "beyond 1"])
def test_a_darker_source_is_brought_to_the_picture_s_brightness(picture, scale):
    result = picture * np.float32(scale)
    made = painted(result, result * np.float32(0.94), whole(stroke()))
    np.testing.assert_allclose(made, result, rtol=2e-6)
    unmatched = painted(result, result * np.float32(0.94), whole(stroke()), match=False)
    assert np.abs(unmatched / result - 1).max() > 0.05


def test_a_colour_cast_is_undone(picture):
    cast = np.linspace(0.9, 1.2, picture.shape[2], dtype=np.float32)
    made = painted(picture, picture * cast, whole(stroke()))
    np.testing.assert_allclose(made, picture, rtol=2e-6)


def test_a_grey_picture_may_have_two_dimensions():
    result, source = texture(*SHAPE, channels=1), texture(*SHAPE, seed=1, channels=1)
    weight = whole(stroke())
    flat = painted(result[:, :, 0], source[:, :, 0], weight)
    np.testing.assert_array_equal(flat, painted(result, source, weight)[:, :, 0])


def test_what_is_not_matched_is_the_plain_mean(picture):
    weight = whole(stroke(opacity=0.6))
    source = texture(*SHAPE, seed=5, channels=picture.shape[2])
    made = painted(picture, source, weight, match=False)
    expected = (1 - weight[:, :, None]) * picture + weight[:, :, None] * source
    np.testing.assert_allclose(made, expected, atol=1e-6)
    np.testing.assert_array_equal(made[weight == 0], picture[weight == 0])


def test_a_brightness_that_drifts_is_followed():
    """One gain for the stroke leaves an error at both ends of it."""
    picture = texture(120, 300)
    drift = np.linspace(0.85, 1.1, 300, dtype=np.float32)[None, :, None]
    weight = whole(stroke([(40, 60), (260, 60)], 14.0, hardness=0.8), (120, 300))
    made = matched(picture * drift, picture, weight)
    error = np.abs(made / picture - 1)[weight > 0.5]
    rim = (weight == 0) & (cv2.dilate(weight, np.ones((33, 33))) > 0)
    one_gain = drift / np.median(np.broadcast_to(drift, picture.shape)[rim])
    assert error.mean() < 0.012
    assert (
        error.mean() < np.abs(np.broadcast_to(one_gain, picture.shape) - 1)[weight > 0.5].mean() / 4
    )


def test_a_fault_that_reaches_beyond_the_stroke_does_not_mislead():
    """A veil over a quarter of the rim: the source keeps to what the rest of the rim says."""
    picture = texture(*SHAPE)
    weight = whole(stroke([(60, 45)], 15.0))
    veiled = picture.copy()
    veiled[:45, 60:] += 0.25
    made = matched(picture * np.float32(0.94), veiled, weight)
    far = (weight > 0.5) & (np.add(*np.mgrid[-45:45, 60:-60:-1]) > 0)
    error = np.abs(made / picture - 1)[far]
    assert error.mean() < 0.01


def step_across(made, weight):
    """Mean level just inside the border of a hard stroke less that just outside."""
    inside, outside = (weight > 0.5).astype(np.uint8), (weight <= 0.5).astype(np.uint8)
    kernel = np.ones((9, 9), np.uint8)
    inner = (cv2.erode(inside, kernel) == 0) & (inside > 0)
    outer = (cv2.erode(outside, kernel) == 0) & (outside > 0)
    return abs(float(made[inner].mean() - made[outer].mean()))


@pytest.mark.parametrize("gain", [0.8, 0.94, 1.1])
def test_the_border_of_a_stroke_does_not_show(gain):
    """With a source out of focus besides; its brightness differs from place to place."""
    picture = texture(*SHAPE)
    slope = np.linspace(0.98, 1.02, SHAPE[1], dtype=np.float32)[None, :, None]
    source = cv2.GaussianBlur(picture, (0, 0), 2) * np.float32(gain) * slope
    weight = whole(stroke(hardness=1))
    before = step_across(picture, weight)
    plain = step_across(painted(picture, source, weight, match=False), weight)
    ours = step_across(painted(picture, source, weight), weight)
    assert abs(ours - before) < 0.15 * abs(plain - before)


@pytest.mark.parametrize(("gain", "most"), [(0.5, np.exp(0.35)), (3.0, np.exp(-0.35))])
def test_no_source_is_brightened_or_darkened_without_limit(picture, gain, most):
    source = picture * np.float32(gain)
    made = matched(source, picture, whole(stroke()))
    touched = whole(stroke()) > 0
    np.testing.assert_allclose((made / source)[touched], most, rtol=1e-5)


@pytest.mark.parametrize("result_level", [0.0, 1e-38, 1e-5, 0.5, 70.0])
@pytest.mark.parametrize("source_level", [0.0, 1e-38, 1 / 65535, 0.5, 70.0])
def test_black_and_glaring_places_are_safe(result_level, source_level):
    source, result = texture(*SHAPE), texture(*SHAPE, seed=3)
    source[:, 40:80], result[:, 30:70] = source_level, result_level
    source[10:20], result[15:30, :, 1] = -0.01, 0
    made = matched(source, result, whole(stroke()))
    assert np.isfinite(made).all()
    ratio = made[source > 1e-30] / source[source > 1e-30]
    assert np.abs(np.log(ratio)).max() < 0.3501
    assert (made[source == 0] == 0).all()


def test_a_black_picture_leaves_the_source_as_it_is():
    source, black = texture(*SHAPE), np.zeros((*SHAPE, 3), np.float32)
    np.testing.assert_array_equal(matched(source, black, whole(stroke())), source)
    np.testing.assert_array_equal(matched(black, source, whole(stroke())), black)


def test_dark_rims_do_not_colour_a_bright_place():
    """Green is black around the stroke, up to rounding: that says nothing of green in it."""
    rng = np.random.default_rng(0)
    result = texture(*SHAPE)
    result[:, :, 1] = rng.integers(0, 3, SHAPE) / 255
    result[40:50, 50:60] = 0.6
    source = result * np.float32(0.94)
    source[:, :, 1] = np.where(result[:, :, 1] > 0.1, source[:, :, 1], result[:, :, 1] / 2)
    weight = whole(stroke([(55, 45)], 12.0, hardness=0.9))
    made = painted(result, source, weight)[40:50, 50:60]
    assert np.abs(made - 0.6).max() < 0.03


def test_a_stroke_over_the_whole_picture_has_nothing_to_match():
    source, result = texture(*SHAPE), texture(*SHAPE, seed=1)
    everywhere = stroke([(60, 45)], 200.0, hardness=1)
    np.testing.assert_allclose(painted(result, source, whole(everywhere)), source, atol=1e-6)


def test_nothing_that_was_given_is_changed():
    source, result, weight = texture(*SHAPE), texture(*SHAPE, seed=1), whole(stroke())
    kept = [values.copy() for values in (source, result, weight)]
    painted(result, source, weight)
    matched(source, result, weight)
    for values, copy in zip((source, result, weight), kept, strict=True):
        np.testing.assert_array_equal(values, copy)


@pytest.mark.parametrize("points", [CURVE, [(2.0, 3.0), (30.0, 1.0)], [(110.0, 88.0)]])
def test_the_window_with_its_rim_is_painted_as_the_whole_picture_is(picture, points):
    made = stroke(points, opacity=0.9)
    source = cv2.GaussianBlur(picture, (0, 0), 1.5).reshape(picture.shape) * np.float32(0.9)
    window, weight = stamp(made, SHAPE)
    seen = with_rim(window, SHAPE)
    pieced = picture.copy()
    pieced[seen] = painted(picture[seen], source[seen], weight)
    np.testing.assert_array_equal(pieced, painted(picture, source, whole(made)))
    wider = tuple(slice(max(0, s.start - 5), s.stop + 9) for s in seen)
    again = picture.copy()
    again[wider] = painted(picture[wider], source[wider], mask_in(made, wider))
    np.testing.assert_array_equal(again, pieced)


def mask_in(made, window):
    rows, columns = (
        slice(span.start, min(span.stop, length))
        for span, length in zip(window, SHAPE, strict=True)
    )
    return mask(made, rows, columns)


def test_a_stroke_on_a_large_picture_touches_its_box_alone():
    """12 megapixels; a stroke of 60 px radius and 300 px length."""
    shape = (3000, 4000)
    made = stroke([(1000.0, 800.0), (1200.0, 900.0), (1290.0, 900.0)], 60.0)
    window, weight = stamp(made, shape)
    rows, columns = with_rim(window, shape)
    pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
    assert weight.shape == (rows.stop - rows.start, columns.stop - columns.start)
    assert pixels < (290 + 2 * 77 + 2) * (100 + 2 * 77 + 2) < 0.01 * shape[0] * shape[1]


# -- what a stroke does to maps --------------------------------------------------------------------


def maps(seed=0):
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 9, SHAPE).astype(np.uint16)
    confidence = rng.random(SHAPE, np.float32)
    return index, index + confidence / 2, confidence


def test_maps_name_the_frame_where_it_weighs_more_than_half():
    weight = whole(stroke())
    index, depth, confidence = maps()
    made = retouch.edited_maps(index, depth, confidence, weight, 7)
    assert made.decision.dtype == np.uint16
    assert {made.depth.dtype, made.confidence.dtype} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(made.decision, np.where(weight > 0.5, 7, index))
    np.testing.assert_allclose(made.depth[weight == 1], 7)
    np.testing.assert_allclose(made.depth, (1 - weight) * depth + weight * 7, atol=1e-5)
    new = (weight > 0.5) & (index != 7)
    np.testing.assert_array_equal(made.confidence[new], weight[new])
    for before, after in zip((index, depth, confidence), made, strict=True):
        np.testing.assert_array_equal(after[weight == 0], before[weight == 0])
    assert (made.confidence >= 0).all()
    assert (made.confidence <= 1).all()


def test_a_frame_that_was_chosen_already_is_only_more_certain():
    weight = whole(stroke(opacity=0.6))
    index, depth, confidence = maps()
    index[:] = 7
    made = retouch.edited_maps(index, depth, confidence, weight, 7)
    np.testing.assert_array_equal(made.decision, index)
    assert (made.confidence >= confidence - 1e-6).all()


def test_depth_is_in_the_unit_it_was_in():
    weight = whole(stroke())
    index, depth, confidence = maps()
    made = retouch.edited_maps(index, depth * 2.5, confidence, weight, 7, position=17.5)
    frames = retouch.edited_maps(index, depth, confidence, weight, 7)
    np.testing.assert_allclose(made.depth, 2.5 * frames.depth, atol=1e-4)


def test_maps_are_restored_from_those_of_another_result():
    weight = whole(stroke(hardness=1))
    index, depth, confidence = maps()
    other = maps(1)
    back = retouch.edited_maps(
        index, depth, confidence, weight, other[0], position=other[1], certainty=other[2]
    )
    for was, source, made in zip((index, depth, confidence), other, back, strict=True):
        np.testing.assert_allclose(made[weight == 1], source[weight == 1], atol=1e-6)
        np.testing.assert_array_equal(made[weight == 0], was[weight == 0])


def test_a_source_without_maps_makes_the_old_ones_less_certain():
    weight = whole(stroke())
    index, depth, confidence = maps()
    made = retouch.edited_maps(index, depth, confidence, weight, None)
    np.testing.assert_array_equal(made.decision, index)
    np.testing.assert_array_equal(made.depth, depth)
    np.testing.assert_allclose(made.confidence, (1 - weight) * confidence)
    assert retouch.edited_maps(None, None, None, weight, 3) == (None, None, None)


def test_what_is_restored_is_not_matched():
    assert Stroke("frame", [(1, 1)]).is_matched
    assert not Stroke("frame", [(1, 1)], match=False).is_matched
    assert not Stroke(retouch.RESTORE, [(1, 1)]).is_matched
