"""A whole shoot through the command line: what fails is told, the rest is made."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hyperfocal
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.watch import WatchOptions
from hyperfocal.cli.main import _parser, main
from hyperfocal.io import formats
from hyperfocal.options import infos
from tests.batch.shoots import FAST, plain_frame, views, write, write_stack


def batch(capsys, *arguments):
    """Exit code, lines on stdout, lines on stderr."""
    code = 0
    try:
        main(["batch", *map(str, arguments), *FAST])
    except SystemExit as ended:
        code = ended.code or 0
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err.splitlines()


def rows_of(out):
    with (out / "batch.csv").open(encoding="utf-8", newline="") as file:
        return {row["stack"]: row for row in csv.DictReader(file)}


def test_every_stack_becomes_its_picture_and_a_row(tmp_path, capsys):
    for name in ("a", "b"):
        write_stack(tmp_path / "in" / name, seed=len(name))
    out = tmp_path / "out"
    code, lines, errors = batch(capsys, tmp_path / "in", "-o", out, "--suffix", ".png", "--depth")
    assert code == 0
    assert [line.split(":")[0] for line in lines] == ["made a", "made b"]
    assert len(errors) == 1
    for name in ("a", "b"):
        expected = hyperfocal.fuse(tmp_path / "in" / name, method=FAST[1])
        made = formats.open_frames(out / f"{name}.png")[0].read()
        assert np.array_equal(made, expected.picture)
        depth = formats.open_frames(out / f"{name}_depth.tif")[0].read()
        assert np.array_equal(depth[:, :, 0], expected.depth)
    row = rows_of(out)["a"]
    assert (row["frames"], row["first"], row["status"]) == ("3", "0.png", "made")
    told = json.loads((out / "batch.json").read_text("utf-8"))
    assert told["counts"]["made"] == 2
    assert told["stacks"][0]["frames"] == ["0.png", "1.png", "2.png"]


def test_only_what_changed_is_made_again(tmp_path, capsys):
    for name in ("a", "b", "c"):
        write_stack(tmp_path / "in" / name)
    out = tmp_path / "out"
    batch(capsys, tmp_path / "in", "-o", out)
    write(tmp_path / "in" / "a" / "1.png", plain_frame(5))
    (out / "b.tif").unlink()
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out)
    assert [line.split(":")[0] for line in lines] == ["made a", "made b", "kept c"]
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out, "--memory", "1GB")
    assert [line.split()[0] for line in lines] == ["kept"] * 3
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out, "--drop-blurred")
    assert [line.split()[0] for line in lines] == ["made"] * 3


def test_a_depth_map_that_is_asked_for_later_is_made(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    out = tmp_path / "out"
    batch(capsys, tmp_path / "in", "-o", out)
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out, "--depth")
    assert lines[0].startswith("made a")
    assert (out / "a_depth.tif").exists()
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out, "--depth")
    assert lines[0].startswith("kept a")


@pytest.mark.parametrize("lost", ["a.tif", "a_depth.tif"])
def test_one_of_several_results_that_is_lost_is_made_again(tmp_path, capsys, lost):
    write_stack(tmp_path / "in" / "a")
    out = tmp_path / "out"
    batch(capsys, tmp_path / "in", "-o", out, "--depth")
    (out / lost).unlink()
    _, lines, _ = batch(capsys, tmp_path / "in", "-o", out, "--depth")
    assert lines[0].startswith("made a")
    assert (out / lost).exists()


def test_one_broken_stack_does_not_stop_the_rest(tmp_path, capsys):
    for name in ("cut", "good", "mixed", "one", "upright"):
        write_stack(tmp_path / "in" / name)
    cut = tmp_path / "in" / "cut" / "1.png"
    cut.write_bytes(cut.read_bytes()[:500])
    write(tmp_path / "in" / "mixed" / "1.png", plain_frame(height=71))
    write(tmp_path / "in" / "mixed" / "2.png", plain_frame(height=82))
    write(tmp_path / "in" / "upright" / "1.png", plain_frame().transpose(1, 0, 2))
    (tmp_path / "in" / "one" / "1.png").unlink()
    (tmp_path / "in" / "one" / "2.png").unlink()
    code, lines, _ = batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1
    told = {line.split()[1].rstrip(":"): line for line in lines}
    assert "1.png is cut off" in told["cut"]
    assert "90×71" in told["mixed"]
    assert told["upright"].startswith("made")
    assert told["one"].startswith("skipped one: 1 frame")
    assert told["good"].startswith("made")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tif")) == [
        "good.tif",
        "upright.tif",
    ]
    assert "60×90" in rows_of(tmp_path / "out")["upright"]["notices"]
    row = rows_of(tmp_path / "out")["mixed"]
    assert row["status"] == "failed"
    assert "1.png" in row["failure"]


def test_duplicates_and_strangers_are_told(tmp_path, capsys):
    frames = views(4, seed=1)
    for number, samples in enumerate([*frames, frames[1], views(1, seed=2)[0]]):
        write(tmp_path / "in" / "s" / f"{number}.png", samples)
    code, _, errors = batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    assert code == 0
    assert errors[:-1] == [
        "hyperfocal: note: s: frame 5 (4.png) is the same picture as frame 2 (1.png)",
        "hyperfocal: note: s: frame 6 (5.png) seems to show another scene; check it or take it out",
    ]


def test_a_stranger_that_was_left_out_is_told_once(tmp_path, capsys):
    frames = views(4, seed=1, height=180, width=240)
    stranger = views(1, seed=2, height=180, width=240)[0]
    for number, samples in enumerate([*frames, stranger]):
        write(tmp_path / "in" / "s" / f"{number}.png", samples)
    code, _, errors = batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    assert code == 0
    assert errors[:-1] == [
        "hyperfocal: note: s: frame 5 (4.png) does not show what the others do; left out"
    ]
    assert rows_of(tmp_path / "out")["s"]["left_out"] == "frame 5 (4.png)"


def test_what_was_there_before_is_not_replaced_unasked(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.tif").write_bytes(b"mine")
    code, lines, _ = batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1
    assert "--overwrite" in lines[0]
    assert (tmp_path / "out" / "a.tif").read_bytes() == b"mine"
    code, _, _ = batch(capsys, tmp_path / "in", "-o", tmp_path / "out", "--overwrite")
    assert code == 0
    assert (tmp_path / "out" / "a.tif").read_bytes() != b"mine"


def test_a_result_that_was_edited_is_left_alone(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    (tmp_path / "out" / "a.tif").write_bytes(b"retouched")
    assert batch(capsys, tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    write(tmp_path / "in" / "a" / "1.png", plain_frame(5))
    assert batch(capsys, tmp_path / "in", "-o", tmp_path / "out")[0] == 1
    assert (tmp_path / "out" / "a.tif").read_bytes() == b"retouched"


def test_the_plan_is_printed_and_nothing_written(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    code, lines, errors = batch(capsys, tmp_path / "in", "-o", tmp_path / "out", "--dry-run")
    assert (code, errors) == (0, [])
    assert lines[0].startswith("a.tif  3 frames  0.png … 2.png")
    assert not (tmp_path / "out").exists()


def test_slabs_are_results_too(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a", 6)
    out = tmp_path / "out"
    code, _, _ = batch(capsys, tmp_path / "in", "-o", out, "--slab", "3:1", "--suffix", ".jpg")
    assert code == 0
    made = sorted(path.name for path in out.glob("a*"))
    assert made == ["a.jpg", "a_slab01.tif", "a_slab02.tif", "a_slab03.tif"]
    assert rows_of(out)["a"]["outputs"] == " | ".join(made)
    assert batch(capsys, tmp_path / "in", "-o", out, "--slab", "3:1", "--suffix", ".jpg")[1] == [
        f"kept a: 6 frames, {', '.join(made)}"
    ]


def test_foreign_and_undecodable_names_pass_through(tmp_path):
    write_stack(tmp_path / "in" / "Käfer 甲虫", names="Bild {} é.png")
    odd = os.fsencode(tmp_path / "in") + b"/\xff\xfe"
    shutil.copytree(tmp_path / "in" / "Käfer 甲虫", os.fsdecode(odd))
    command = [sys.executable, "-m", "hyperfocal", "batch", "in", "-o", "out", *FAST]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert len(list((tmp_path / "out").glob("*.tif"))) == 2
    assert "Käfer 甲虫" in (tmp_path / "out" / "batch.csv").read_text("utf-8")


@pytest.mark.parametrize(
    "extra",
    [
        ["--method", "lp", "--depth"],
        ["--slab", "3:1", "--slabs-only", "--depth"],
        ["--slab", "1:0"],
        ["--slabs-only"],
        ["--memory", "much"],
        ["--group", "folders"],
        ["--suffix", "gif"],
        ["--order", "backwards"],
    ],
)
def test_mistakes_end_with_2_before_any_work(tmp_path, capsys, extra):
    write_stack(tmp_path / "in" / "a")
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *extra])
    assert ended.value.code == 2
    assert not (tmp_path / "out").exists()


def test_an_out_folder_that_cannot_be_is_a_mistake(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    (tmp_path / "file").write_text("x")
    code, _, errors = batch(capsys, tmp_path / "in", "-o", tmp_path / "file")
    assert code == 2
    assert len(errors) == 1
    assert "cannot be written to" in errors[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_out_folder_is_a_mistake(tmp_path, capsys):
    write_stack(tmp_path / "in" / "a")
    (tmp_path / "out").mkdir(mode=0o555)
    code, _, errors = batch(capsys, tmp_path / "in", "-o", tmp_path / "out")
    assert (code, len(errors)) == (2, 1)


DOCS = (Path(__file__).parents[2] / "docs" / "batch.md").read_text("utf-8")


@pytest.mark.parametrize("choice", [BatchOptions, WatchOptions])
def test_the_docs_tell_every_option(choice):
    for info in infos(choice):
        assert info.flag in DOCS


def test_the_docs_tell_what_comes_before_fusing():
    for flag in ("--order", "--drop-blurred", "--slab", "--slabs-only"):
        assert flag in DOCS


def test_the_commands_of_the_docs_are_understood():
    commands = re.findall(r"^hyperfocal (.*)$", DOCS, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        _parser().parse_args(shlex.split(command))


def test_results_and_files_left_aside_are_told_in_the_plan(tmp_path, capsys):
    write_stack(tmp_path / "in" / "one")
    write_stack(tmp_path / "in" / "two")
    assert batch(capsys, tmp_path / "in", "-o", tmp_path / "out", "--suffix", ".png")[0] == 0
    shutil.copy(tmp_path / "out" / "one.png", tmp_path / "in" / "one" / "fused.png")
    (tmp_path / "in" / "two" / "notes.txt").write_text("no picture")
    code, lines, err = batch(capsys, tmp_path / "in", "-o", tmp_path / "other", "--dry-run")
    assert code == 0
    assert sum("3 frames" in line for line in lines) == 2
    assert any("one: fused.png is made by hyperfocal and left out" in line for line in err)
    assert any("1 file is left aside, as no frames: two/notes.txt" in line for line in err)
