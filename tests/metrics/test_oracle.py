"""Every metric against values that the metric authors' own programs gave."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hyperfocal.metrics import to_grey
from hyperfocal.registry import module

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ORACLE = SHARED / "metric_oracle" / "values.json"
TRUSTED = ("octave", "octave-own", "official-python", "port")
CONVENTIONS = {"sesf": "paper", "range255": "255"}
FOLDERS = {"lytro": "lytro/", "mwg": "classic/{}_", "tid": "classic/{}_"}
FILES = {
    "SD": "sd_sum",
    "SF": "sf_sum",
    "SD_255": "sd",
    "SF_255": "sf",
    "AG_255": "ag",
    "EN_255": "en",
}
LEFT_OUT = {
    "FMI_W": "the oracle took a Meyer filter of 62 taps; ours has 102, as the authors' program",
}

pytestmark = [
    pytest.mark.skipif(not ORACLE.exists(), reason="needs the development data beside the project"),
    pytest.mark.slow,
]
VALUES: dict[str, Any] = json.loads(ORACLE.read_text()) if ORACLE.exists() else {"triples": []}


def entries() -> Iterator[tuple[Any, str, str, Any]]:
    for triple in VALUES["triples"]:
        for convention, values in triple["values"].items():
            for name, entry in values.items():
                yield triple, convention, name, entry


def cases(*, are_trusted: bool) -> list[Any]:
    return [
        pytest.param(triple, convention, name, entry, id=f"{name}-{triple['id']}-{convention}")
        for triple, convention, name, entry in entries()
        if are_trusted == (entry["status"] in TRUSTED or "value_flat_exact" in entry)
        and (are_trusted or name in LEFT_OUT)
    ]


def path_of(name: str) -> Path:
    """color_tid_t3_1.png -> classic/color_t3-A.png, color_lytro_08_2.png -> lytro/08-B.png."""
    found = re.fullmatch(r"(color|gray)_(lytro|mwg|tid)_(\w+)_([12])\.png", name)
    assert found is not None
    folder = FOLDERS[found[2]].format(found[1])
    return SHARED / "pairs" / f"{folder}{found[3]}-{'AB'[int(found[4]) - 1]}.png"


@lru_cache(maxsize=4)
def samples_of(path: Path) -> Any:
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert read is not None, path
    return np.ascontiguousarray(read[..., ::-1]) if read.ndim == 3 else read


@lru_cache(maxsize=4)
def grey_of(path: Path, convention: str) -> Any:
    return to_grey(samples_of(path), convention)


def value_of(triple: Any, convention: str, name: str) -> float:
    pair = VALUES["pairs"][triple["pair"]]
    sources = [grey_of(path_of(pair[side]), CONVENTIONS[convention]) for side in "AB"]
    fused = grey_of(ORACLE.parent / triple["fused"], CONVENTIONS[convention])
    file = FILES.get(name, name.lower())
    return float(getattr(module("metrics", file), file)(fused, sources))


@pytest.mark.parametrize(("triple", "convention", "name", "entry"), cases(are_trusted=True))
def test_a_metric_gives_the_value_of_its_authors(
    triple: Any, convention: str, name: str, entry: Any
) -> None:
    expected = entry.get("value_flat_exact", entry["value"])
    tolerance = pytest.approx(expected, rel=1e-3, abs=1e-6 if abs(expected) < 1e-3 else 0)
    assert value_of(triple, convention, name) == tolerance


@pytest.mark.parametrize(("triple", "convention", "name", "entry"), cases(are_trusted=False))
def test_a_metric_left_out_comes_near_the_approximate_value(
    triple: Any, convention: str, name: str, entry: Any
) -> None:
    assert value_of(triple, convention, name) == pytest.approx(entry["value"], rel=0.02)


@pytest.mark.parametrize("pair", VALUES.get("pairs", {}).values())
def test_the_source_pictures_are_those_of_the_oracle(pair: Any) -> None:
    for side, expected in zip("AB", pair["sha256_pixels"], strict=True):
        assert hashlib.sha256(samples_of(path_of(pair[side])).tobytes()).hexdigest() == expected


def test_every_trusted_metric_is_compared_or_left_out_for_a_reason() -> None:
    compared = {case.values[2] for case in cases(are_trusted=True)}
    assert compared | set(LEFT_OUT) == set(VALUES["metrics"])
