"""The whole comparison: what it finds, what it remembers, and what goes wrong beside it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench.conftest import write_data
from bench.test_processes import wait_for, wait_until_gone

import hyperfocal
from hyperfocal.bench import tables
from hyperfocal.bench.cache import Cache
from hyperfocal.bench.plan import BenchPlan
from hyperfocal.bench.runs import BenchResult, compare
from hyperfocal.bench.scenes import find_scenes
from hyperfocal.errors import FormatError
from hyperfocal.io import formats

METHODS = ("lp", "select:measure=tenengrad,consistency=no")
FEW = "psnr,qg"
Command = Callable[..., str]
RunsOf = Callable[[str], int]


def bench(*arguments: Any) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "hyperfocal", "bench", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def rows_of(data: Path, out: Path, **plan: Any) -> list[BenchResult]:
    """Rows of outside programs, in this process."""
    chosen = {"methods": (), "metrics": FEW, **plan}
    with Cache(out / "cache") as cache:
        return compare(find_scenes([data]), BenchPlan(**chosen), cache)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """Two methods of ours on two pairs, by the command line."""
    root = tmp_path_factory.mktemp("bench")
    data, out = write_data(root), root / "out"
    return data, out, bench(data, "-o", out, "--methods", *METHODS)


def test_every_picture_and_method_has_a_row_with_the_values_of_evaluate(
    compared: tuple[Path, Path, Any],
) -> None:
    data, out, done = compared
    assert (done.returncode, done.stdout) == (0, (out / "results.md").read_text())
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert [(row["scene"], row["method"]) for row in rows] == [
        (scene, method) for scene in "01" for method in METHODS
    ]
    for row in rows:
        frames = [data / f"{row['scene']}-{letter}.png" for letter in "AB"]
        picture = hyperfocal.fuse(
            frames, method=row["method"], align="none", exposure="none"
        ).picture
        truth = {"reference": data / "0-GT.png", "depth": data / "0-depth.png"}
        given = truth if row["scene"] == "0" else {}
        names = ["qg", "qm", "qcb", *(["psnr", "ssim", "ms_ssim", "psnr_edges"] if given else [])]
        assert row["values"] == hyperfocal.evaluate(picture, frames, metrics=names, **given).values
        assert 0 < row["cpu_s"] < 60
        assert 0 < row["wall_s"] < 60
        assert 2e7 < row["peak_bytes"] < 2e9


def test_csv_and_json_agree_and_means_are_means(compared: tuple[Path, Path, Any]) -> None:
    _, out, _ = compared
    told = json.loads((out / "results.json").read_text())
    lines = list(csv.DictReader(io.StringIO((out / "results.csv").read_text())))
    for line, row in zip(lines, told["rows"], strict=True):
        given = {name: float(line[name]) for name in row["values"]}
        assert (line["method"], given) == (row["method"], row["values"])
    assert lines[2]["psnr"] == ""
    for summary in told["summaries"]:
        values = [row["values"]["qg"] for row in told["rows"] if row["method"] == summary["method"]]
        assert summary["means"]["qg"] == pytest.approx(sum(values) / 2)
    assert sum(summary["first_places"]["qg"] for summary in told["summaries"]) == 2


def test_the_table_sets_the_best_in_bold(compared: tuple[Path, Path, Any]) -> None:
    _, out, done = compared
    summaries = json.loads((out / "results.json").read_text())["summaries"]
    best = max(summary["means"]["qg"] for summary in summaries)
    header, _, *lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    column = [cell.strip() for cell in header.split("|")].index("qg ↑")
    cells = [line.split("|")[column].strip() for line in lines]
    assert sum(cell.startswith(f"**{best:.4f}**") for cell in cells) == 1
    assert len({len(line) for line in (header, *lines)}) == 1


def test_there_are_a_figure_and_a_sheet_for_every_scene(compared: tuple[Path, Path, Any]) -> None:
    _, out, _ = compared
    assert [path.name for path in (out / "figures").iterdir()] == ["set.png"]
    widths = {
        path.name: formats.open_frames(path)[0].info.width
        for path in (out / "sheets" / "set").iterdir()
    }
    assert widths == {"0.png": 3 * 260, "1.png": 3 * 260}


def test_a_second_run_answers_from_the_cache(compared: tuple[Path, Path, Any]) -> None:
    data, out, first = compared
    before = {path: path.stat().st_mtime_ns for path in (out / "cache").glob("*/*")}
    drawn = {path: path.stat().st_mtime_ns for path in (out / "sheets").glob("*/*")}
    again = bench(data, "-o", out, "--methods", *METHODS)
    assert "0 runs made, 4 from the cache" in again.stderr
    assert again.stdout == first.stdout
    assert before == {path: path.stat().st_mtime_ns for path in (out / "cache").glob("*/*")}
    assert drawn == {path: path.stat().st_mtime_ns for path in (out / "sheets").glob("*/*")}


def test_only_what_is_new_is_run(tmp_path: Path, command: Command, runs_of: RunsOf) -> None:
    data = write_data(tmp_path)
    rows_of(data, tmp_path, commands=(command("copies"),))
    assert runs_of("copies") == 2
    rows = rows_of(data, tmp_path, commands=(command("copies"), command("copies", "more")))
    assert (runs_of("copies"), runs_of("more")) == (2, 2)
    assert [row.is_remembered for row in rows] == [True, False, True, False]
    shutil.copyfile(data / "0-B.png", data / "1-B.png")
    rows_of(data, tmp_path, commands=(command("copies"),))
    assert runs_of("copies") == 3


def test_another_metric_or_range_is_measured_without_running_again(
    tmp_path: Path, command: Command, runs_of: RunsOf
) -> None:
    data = write_data(tmp_path)
    for plan in ({}, {"metrics": "ag,qg"}, {"metrics": "ag,qg", "grey": "paper"}):
        rows = rows_of(data, tmp_path, commands=(command("copies"),), **plan)
        frames = [data / "1-A.png", data / "1-B.png"]
        names = list(rows[1].values)
        found = hyperfocal.evaluate(frames[0], frames, metrics=names, grey=plan.get("grey", "255"))
        assert rows[1].values == found.values
    assert runs_of("copies") == 2


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("fails", "exit code 1: out of luck"),
        ("sleeps", "still running after 3 s; ended"),
        ("writes-nothing", "wrote no picture"),
        ("writes-text", "wrote no readable picture: fused.png"),
        ("shrinks", "wrote a picture of 176×84, the frames are of 176×168"),
        ("greys", "wrote a picture in grey, the frames are in colour"),
    ],
)
def test_a_program_that_goes_wrong_says_so_in_its_row_and_the_others_go_on(
    tmp_path: Path, command: Command, deed: str, told: str
) -> None:
    data = write_data(tmp_path, count=1)
    commands = (command(deed), command("copies"))
    bad, good = rows_of(data, tmp_path, commands=commands, timeout=3 if deed == "sleeps" else 60)
    assert bad.failure.startswith(told)
    assert not bad.values
    assert not good.failure
    assert set(good.values) == {"psnr", "qg"}
    assert "out of luck" not in told or f"- fails, set/0: {told}" in tables.to_markdown(
        [bad, good], BenchPlan(methods=(), metrics=FEW)
    )


def test_failures_are_told_by_the_exit_code_and_remembered_until_asked(
    tmp_path: Path, command: Command, runs_of: RunsOf
) -> None:
    data, text = write_data(tmp_path), command("fails")
    given = [data, "-o", tmp_path / "out", "--command", text, "--metrics", "qg"]
    done = bench(*given)
    assert done.returncode == 1
    assert "2 runs made, 0 from the cache, 2 failed" in done.stderr
    assert bench(*given).returncode == 1
    assert runs_of("fails") == 2
    assert bench(*given, "--retry").returncode == 1
    assert runs_of("fails") == 4
    assert done.stdout.count("exit code 1: out of luck") == 2


def test_more_time_gives_a_late_program_another_chance(
    tmp_path: Path, command: Command, runs_of: RunsOf
) -> None:
    data = write_data(tmp_path, count=1)
    text = command("", "slow", code="time.sleep(2); shutil.copyfile(frames[0], out)")
    assert rows_of(data, tmp_path, commands=(text,), timeout=0.5)[0].failure
    assert rows_of(data, tmp_path, commands=(text,), timeout=0.4)[0].failure
    assert runs_of("slow") == 1
    assert not rows_of(data, tmp_path, commands=(text,), timeout=60)[0].failure
    assert runs_of("slow") == 2


def test_grey_in_three_equal_channels_counts_as_grey(tmp_path: Path, command: Command) -> None:
    data = write_data(tmp_path, count=1, channels=1)
    plain, coloured = rows_of(data, tmp_path, commands=(command("copies"), command("colours")))
    assert not coloured.failure
    assert coloured.values == plain.values


def test_a_folder_place_holds_the_frames_alone_in_focus_order(
    tmp_path: Path, command: Command
) -> None:
    data = write_data(tmp_path, count=1)
    copies = command("copies").replace("{frames}", "{folder}")
    script = tmp_path / "copies.py"
    script.write_text(
        "import os, shutil, sys\nmarks, folder, out = sys.argv[1:]\nnames = os.listdir(folder)\n"
        "assert sorted(names) == ['frame_00000.png', 'frame_00001.png'], names\n"
        "shutil.copyfile(os.path.join(folder, 'frame_00001.png'), out)"
    )
    (row,) = rows_of(data, tmp_path, commands=(copies,))
    assert row.picture is not None
    assert row.picture.read_bytes() == (data / "0-B.png").read_bytes()


HANGS_ONCE = """
if "0-" in frames[0] or os.path.exists(marks + ".go"):
    shutil.copyfile(frames[0], out)
else:
    with open(marks + ".pid", "w") as file:
        print(os.getpid(), file=file)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_ended_in_the_middle_it_goes_on_where_it_was(
    tmp_path: Path, command: Command, runs_of: RunsOf, how: signal.Signals
) -> None:
    data, out = write_data(tmp_path), tmp_path / "out"
    text = command("", "hangs", code=HANGS_ONCE)
    given = [data, "-o", out, "--command", text, "--metrics", FEW, "--no-figures"]
    started = subprocess.Popen(
        [sys.executable, "-m", "hyperfocal", "bench", *map(str, given)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    program = int(wait_for(tmp_path / "hangs.marks.pid"))
    os.kill(started.pid, how)
    _, told = started.communicate(timeout=30)
    assert started.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in told
    if how == signal.SIGINT:
        assert told == "hyperfocal: stopped; what was done is kept, the same command goes on\n"
    wait_until_gone(program)
    (tmp_path / "hangs.marks.go").touch()
    again = bench(*given)
    assert again.returncode == 0
    assert "1 runs made, 1 from the cache" in again.stderr
    assert runs_of("hangs") == 3
    assert not (out / "cache" / "work").exists()


def test_a_work_folder_of_somebody_else_s_is_left_alone(tmp_path: Path) -> None:
    for place in (tmp_path / "cache" / "work", tmp_path / "linked"):
        place.mkdir(parents=True)
        (place / "diary").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "work").symlink_to(tmp_path / "linked")
    for folder in ("cache", "other"):
        with Cache(tmp_path / folder) as cache, cache.work_folder() as work:
            assert work.path.is_dir()
        assert [path.name for path in (tmp_path / folder / "work").iterdir()] == ["diary"]


def spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "other": b"[1, 2]"}[how])


@pytest.mark.parametrize("how", ["cut", "empty", "other"])
@pytest.mark.parametrize("kind", ["runs", "pictures", "metrics"])
def test_a_spoilt_entry_of_the_cache_is_made_again(
    tmp_path: Path, command: Command, runs_of: RunsOf, kind: str, how: str
) -> None:
    data = write_data(tmp_path, count=1)
    text = command("copies")
    (before,) = rows_of(data, tmp_path, commands=(text,))
    for path in (tmp_path / "cache" / kind).iterdir():
        spoil(path, how)
    (after,) = rows_of(data, tmp_path, commands=(text,))
    assert after.values == before.values
    assert runs_of("copies") == (1 if kind == "metrics" else 2)
    assert rows_of(data, tmp_path, commands=(text,))[0].is_remembered


def test_a_kept_value_that_is_no_number_is_measured_again(tmp_path: Path, command: Command) -> None:
    data = write_data(tmp_path, count=1)
    (before,) = rows_of(data, tmp_path, commands=(command("copies"),))
    (path,) = (tmp_path / "cache" / "metrics").iterdir()
    path.write_text(re.sub(r'"told": [0-9.]+', '"told": NaN', path.read_text()))
    (after,) = rows_of(data, tmp_path, commands=(command("copies"),))
    assert after.values == before.values


def test_side_by_side_gives_the_same_values(tmp_path: Path, command: Command) -> None:
    data = write_data(tmp_path)
    commands = (command("copies"), command("copies", "more"), command("fails"))
    one, two = (
        rows_of(data, tmp_path / str(jobs), commands=commands, jobs=jobs) for jobs in (1, 3)
    )
    assert [(r.scene, r.method, r.failure, r.values) for r in one] == [
        (r.scene, r.method, r.failure, r.values) for r in two
    ]


def test_an_undefined_metric_says_why_in_the_table(tmp_path: Path, command: Command) -> None:
    data = write_data(tmp_path, count=1)
    shutil.copyfile(data / "0-A.png", data / "0-GT.png")
    rows = rows_of(data, tmp_path, commands=(command("copies"),))
    assert set(rows[0].values) == {"qg"}
    told = tables.to_markdown(rows, BenchPlan(metrics=FEW))
    assert "- psnr: the fused picture equals the reference" in told
    assert told.endswith("(copies, set/0)\n")


def row(method: str, scene: str, values: dict[str, float], failure: str = "") -> BenchResult:
    return BenchResult("set", scene, method, failure, 2.0, 1.0, 10**7, None, "", False, values)


def summary(rows: Sequence[BenchResult], method: str) -> tables.Summary:
    return next(each for each in tables.summaries(rows) if each.method == method)


def test_first_places_count_by_picture_ties_for_all_and_by_the_direction() -> None:
    rows = [
        row("a", "1", {"qg": 0.5, "qcv": 10}),
        row("b", "1", {"qg": 0.5, "qcv": 20}),
        row("a", "2", {"qg": 0.4, "qcv": 30}),
        row("b", "2", {"qg": 0.6, "qcv": 40}),
    ]
    assert summary(rows, "a").first_places == {"qg": 1, "qcv": 2}
    assert summary(rows, "b").first_places == {"qg": 2, "qcv": 0}


def test_a_mean_over_fewer_pictures_is_marked_and_never_best() -> None:
    rows = [
        row("a", "1", {"qg": 0.9}),
        row("a", "2", {}, "failed"),
        row("b", "1", {"qg": 0.5}),
        row("b", "2", {"qg": 0.4}),
    ]
    told = tables.to_markdown(rows, BenchPlan(metrics="qg"))
    assert "0.9000† (1)" in told
    assert "**0.4500** (1)" in told


def test_data_sets_are_also_summed_up_together() -> None:
    rows = [
        row("a", "1", {"qg": 0.2}),
        BenchResult(**{**vars(row("a", "1", {"qg": 0.4})), "data_set": "x"}),
    ]
    assert summary(rows, "a").means == {"qg": 0.2}
    together = tables.summaries(rows)[-1]
    assert (together.data_set, together.picture_count) == ("all pictures", 2)
    assert together.means["qg"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--methods", "unknown"],
        ["--methods", "lp:beauty=1"],
        ["--methods", "lp", "lp"],
        ["--metrics", "beauty"],
        ["--command", "no program"],
        ["--command", "x: hyperfocal-absent {frames} {out}"],
        ["--command", "x: cp {frames}"],
        ["--command", "x: cp {out}"],
        ["--command", "x: cp ' {frames} {out}"],
        ["--scenes", "elsewhere/*"],
        ["--jobs", "0"],
    ],
)
def test_mistakes_are_told_before_anything_runs(tmp_path: Path, arguments: list[str]) -> None:
    data = write_data(tmp_path, count=1)
    done = bench(data, "-o", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_comparisons_do_not_share_a_folder(tmp_path: Path) -> None:
    with Cache(tmp_path), pytest.raises(FormatError, match="another bench works in"):
        Cache(tmp_path)
