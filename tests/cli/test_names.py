"""Names are data: on a terminal, in a table, and where they look like options."""

import csv
import os
import re
import stat
import subprocess
import sys

import pytest

import hyperfocal
from hyperfocal.cli.main import main
from hyperfocal.escapes import cell, printable
from tests.batch.shoots import FAST, started, write_stack

EVIL = "\x1b]0;title\x07\x1b[31mred\nmade x\x9b1m\u202egnp"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def said(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "hyperfocal", *map(str, arguments)], capture_output=True, cwd=cwd
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def require_plain(text, lines=None):
    assert "title" in text
    assert not CONTROL.search(text), text
    assert not any(line.startswith("made x") for line in text.splitlines())
    if lines is not None:
        assert len(text.splitlines()) == lines, text


@pytest.fixture
def shoot(tmp_path):
    write_stack(tmp_path / "in" / EVIL, names=EVIL + "{}.png")
    return tmp_path


def test_batch_and_its_plan_print_names_as_data(shoot):
    for more, lines in ((["--dry-run"], 2), ([], 2)):
        code, text = said("batch", "in", "-o", "out", *FAST, *more, cwd=shoot)
        assert code == 0
        require_plain(text, lines)
    assert not CONTROL.search((shoot / "out" / "batch.csv").read_text("utf-8"))


def test_watch_prints_names_as_data(shoot):
    more = ("--once", "--quiet", "0", "--interval", "0.05")
    code, text = said("watch", "in", "-o", f"out{EVIL}", *FAST, *more, cwd=shoot)
    assert code == 0
    require_plain(text, 2)


@pytest.mark.parametrize(
    "command",
    [
        ["fuse", EVIL, "-o", "out.png"],
        ["fuse", "in", "-o", f"{EVIL}.png"],
        ["fuse", "in", "-o", f"{EVIL}.bad"],
        ["fuse", "in", "-o", "out.png", "--method", EVIL],
        ["fuse", "in", "-o", "out.png", "--method", f"select:{EVIL}=1"],
        ["fuse", "in", "-o", "out.png", "--recipe", f"{EVIL}.json"],
        ["fuse", "in", "-o", "out.png", "--apply-transforms", EVIL],
        ["fuse", "in", f"--{EVIL}", "-o", "out.png"],
        ["fuse", "in", "-o", "out.png", "--align", EVIL],
        ["batch", EVIL, "-o", "out"],
        ["batch", "in", "-o", "out", "--name", "{" + EVIL + "}"],
        ["watch", EVIL, "-o", "out"],
        ["evaluate", EVIL, "--reference", EVIL],
        ["evaluate", "a.png", "--metrics", EVIL],
        ["views", EVIL, "-o", "views"],
        ["export", f"{EVIL}.safetensors"],
        ["train", EVIL],
        ["bench", EVIL, "-o", "bench"],
        [EVIL],
    ],
    ids=lambda command: command[0] if len(command[0]) < 9 else "command",
)
def test_mistakes_print_names_as_data(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    text = "".join(capsys.readouterr())
    assert not CONTROL.search(text), text
    assert not any(line.startswith("made x") for line in text.splitlines())


def test_notices_print_names_as_data(tmp_path):
    write_stack(tmp_path / "in")
    (tmp_path / "in" / f"{EVIL}.txt").write_text("no frame")
    code, text = said("fuse", "in", "-o", "out.png", *FAST, cwd=tmp_path)
    assert code == 0
    require_plain(text, 1)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_table_holds_no_formula(tmp_path, name):
    write_stack(tmp_path / "in" / name, names=name + " {}.png")
    assert said("batch", "in", "-o", "out", *FAST, cwd=tmp_path)[0] == 0
    with (tmp_path / "out" / "batch.csv").open(encoding="utf-8", newline="") as file:
        fields = [field for row in csv.reader(file) for field in row]
    assert f"'{name}" in fields
    assert not any(field.startswith(("=", "+", "-", "@", "\t", "\r")) for field in fields)


def test_plain_names_stay_as_they_are():
    for name in ("Käfer 甲虫.png", "a=1", "IMG_1-2", "שלום", "🐞"):
        assert printable(name) == cell(name) == name


def test_files_follow_the_umask(tmp_path):
    write_stack(tmp_path / "in" / "s")
    process = started(
        "batch", tmp_path / "in", "-o", tmp_path / "out", *FAST, "--depth", umask=0o077
    )
    process.communicate()
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"batch.csv", "batch.json", "state.json", "s.tif"} <= {path.name for path in made}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_files_are_as_open_as_the_umask_lets_them_be(tmp_path):
    old = os.umask(0o022)
    try:
        write_stack(tmp_path / "in")
        extras = {
            "depth": tmp_path / "d.png",
            "maps": tmp_path / "maps",
            "transforms": tmp_path / "t.json",
        }
        hyperfocal.fuse(tmp_path / "in", tmp_path / "out.tif", method=FAST[1], **extras)
    finally:
        os.umask(old)
    made = [tmp_path / "out.tif", *extras.values(), *(tmp_path / "maps").iterdir()]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes == {0o644, 0o755}


@pytest.mark.parametrize("option", ["-o", "--depth", "--maps", "--transforms", "--save-recipe"])
def test_a_link_that_leads_nowhere_is_an_output_that_exists(tmp_path, capsys, option):
    write_stack(tmp_path / "in")
    name = {"-o": "l.png", "--depth": "l.png", "--maps": "l"}.get(option, "l.json")
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    out = [] if option == "-o" else ["-o", str(tmp_path / "out.png")]
    with pytest.raises(SystemExit) as ended:
        main(["fuse", str(tmp_path / "in"), *out, option, str(tmp_path / name), *FAST])
    assert ended.value.code == 2
    assert (tmp_path / name).is_symlink()
    assert len(capsys.readouterr().err.splitlines()) == 1
