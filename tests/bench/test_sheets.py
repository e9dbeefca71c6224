from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bench.conftest import save

from hyperfocal.bench import sheets
from hyperfocal.io import formats

TRUTH = np.random.default_rng(0).integers(0, 200, (300, 400, 3), dtype=np.uint8)


def spoilt(top: int, left: int, by: int) -> Any:
    picture = TRUTH.copy()
    picture[top : top + 128, left : left + 128] += np.uint8(by)
    return picture


def test_the_worst_regions_are_found_worst_first_and_apart() -> None:
    pictures = [spoilt(20, 30, 9), spoilt(160, 250, 40)]
    assert sheets.worst_regions(pictures, TRUTH)[:2] == [(160, 250), (20, 30)]
    assert sheets.worst_regions([TRUTH], TRUTH) == []
    for one in (found := sheets.worst_regions([np.zeros_like(TRUTH)], TRUTH)):
        for other in found:
            distance = max(abs(one[0] - other[0]), abs(one[1] - other[1]))
            assert one == other or distance >= 128


def test_a_sheet_shows_pictures_differences_and_close_ups(tmp_path: Path) -> None:
    bad = spoilt(160, 250, 40)
    save(tmp_path / "truth.png", TRUTH)
    save(tmp_path / "bad.png", bad)
    pictures = {"good": tmp_path / "truth.png", "bad": tmp_path / "bad.png"}
    sheets.draw(pictures, tmp_path / "truth.png", tmp_path / "sheet.png", title="a scene")
    sheet = formats.open_frames(tmp_path / "sheet.png")[0].read()
    assert sheet.shape[1] == 3 * 260
    difference = sheet[22 + 26 + 196 : 22 + 26 + 196 + 192]  # text, names, pictures, then this
    assert not difference[:, 260:516].any()
    assert difference[105:180, 525:].mean() > 50
    close = sheet[22 + 26 + 2 * 196 :][:256, 520:776]
    assert np.array_equal(close[::2, ::2], bad[160:288, 250:378])
    assert np.array_equal(close[1::2, 1::2], bad[160:288, 250:378])


def test_without_a_reference_it_shows_who_disagrees_with_most(tmp_path: Path) -> None:
    for name, picture in (("a", TRUTH), ("b", TRUTH), ("odd", spoilt(20, 30, 40))):
        save(tmp_path / f"{name}.png", picture[:, :, :1])
    pictures = {name: tmp_path / f"{name}.png" for name in ("a", "b", "odd")}
    sheets.draw(pictures, None, tmp_path / "sheet.png", title="grey")
    sheet = formats.open_frames(tmp_path / "sheet.png")[0].read()
    difference = sheet[22 + 26 + 196 : 22 + 26 + 196 + 192]
    assert not difference[:, : 3 * 260].any()
    assert difference[:, 3 * 260 :].any()
