"""Options: declared once, used everywhere."""

from dataclasses import dataclass
from typing import Literal

import pytest

from hyperfocal.errors import OptionError, UnknownChoice
from hyperfocal.options import build, infos, option, parse, written
from hyperfocal.registry import make, names


@dataclass(frozen=True)
class Example:
    radius: int = option(3, "a window", unit="px", low=1, high=9)
    kind: Literal["soft", "hard"] = option("soft", "a kind")
    share: float | None = option(None, "a share")
    clean: bool = option(True, "a switch")


def test_an_option_carries_type_default_unit_and_help():
    radius, kind, share, clean = infos(Example)
    assert (radius.kind, radius.default, radius.unit, radius.flag) == (int, 3, "px", "--radius")
    assert kind.choices == ("soft", "hard")
    assert (share.kind, share.optional) == (float, True)
    assert clean.kind is bool
    assert radius.text == "a window (px, default: 3)"


def test_text_becomes_typed_values():
    name, values = parse("example:radius=7,share=0.5,clean=no")
    assert name == "example"
    assert build(Example, values) == Example(7, "soft", 0.5, False)


@pytest.mark.parametrize(
    "values",
    [
        {"radius": "0"},
        {"radius": "10"},
        {"radius": "big"},
        {"kind": "odd"},
        {"size": "3"},
        {"share": "half"},
        {"clean": "maybe"},
        {"radius": "nan"},
    ],
)
def test_what_cannot_be_is_refused(values):
    with pytest.raises(OptionError):
        build(Example, values)


def test_not_a_number_is_out_of_bounds():
    from hyperfocal.methods.sesf import Sesf

    with pytest.raises(OptionError):
        build(Sesf, {"epsilon": "nan"})


def test_a_choice_is_made_from_text_and_an_object_passes():
    assert make("methods", "sesf:radius=7").radius == 7
    own = object()
    assert make("methods", own) is own


def test_an_unknown_choice_lists_the_known_ones():
    with pytest.raises(UnknownChoice, match="sesf"):
        make("methods", "helicon")


def test_rooms_find_their_files():
    assert "sesf" in names("methods")
    assert not any(name.startswith("_") for name in names("methods"))


@pytest.mark.parametrize(
    "value",
    [
        "C:\\runs\\prism.safetensors",
        "a=b",
        "a,b",
        'say "x"',
        '"',
        '"a",b',
        " a ",
        "a:b=c,d:e",
        "ü ö",
        "",
    ],
)
def test_a_value_of_any_characters_is_read_as_it_was_written(value):
    assert parse(f"name:first={written(value)},second=2") == (
        "name",
        {"first": value, "second": "2"},
    )
    nested = f"sesf:weights={written(value)},radius=3"
    assert parse(f"select:measure={written(nested)}") == ("select", {"measure": nested})


def test_plain_values_need_no_quotes():
    assert parse("prism:weights=C:\\a b\\x=1.st, levels = 6 ,") == (
        "prism",
        {"weights": "C:\\a b\\x=1.st", "levels": "6"},
    )
    assert parse('name:at=3" of film') == ("name", {"at": '3" of film'})


@pytest.mark.parametrize("text", ['name:a="b', 'name:a="b"c', "name:a,b", "name:=3", "name:a=1,b"])
def test_text_that_is_no_option_is_told_with_the_rule(text):
    with pytest.raises(OptionError, match=r"name:option=value.*commas in double quotes"):
        parse(text)
