"""A folder of results from somebody else: what its notes say reaches nothing outside."""

import json
import os

import pytest

from hyperfocal import FormatError, OptionError
from hyperfocal.batch.groups import stamp
from hyperfocal.batch.ledger import FOLDER, Ledger
from hyperfocal.batch.options import BatchOptions
from hyperfocal.batch.plan import make_plan
from hyperfocal.cli.main import main
from tests.batch.shoots import FAST, write_stack

KEY = "a" * 32


def state_of(out, **note):
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"key": KEY, "files": {}, "replaced": {}, "row": {}} | note
    (folder / "state.json").write_text(json.dumps({"version": 1, "stacks": {"x": whole}}))


def payload(out, name, content=b"foreign", key=KEY):
    """A file in the work folder, marked as this program marks it."""
    folder = out / FOLDER / "work"
    (folder / key).mkdir(parents=True, exist_ok=True)
    (folder / "made-by-hyperfocal").touch()
    (folder / key / name).write_bytes(content)


@pytest.fixture
def victim(tmp_path):
    """What must stay as it is, whatever a state says."""
    (tmp_path / "victim" / "sub").mkdir(parents=True)
    (tmp_path / "victim" / "sub" / "file").write_bytes(b"kept")
    yield tmp_path / "victim"
    assert {path.name for path in (tmp_path / "victim").rglob("*")} == {"sub", "file"}
    assert (tmp_path / "victim" / "sub" / "file").read_bytes() == b"kept"


def batch(out, shoot, capsys, *more):
    code = 0
    try:
        main(["batch", str(shoot), "-o", str(out), *FAST, *more])
    except SystemExit as ended:
        code = ended.code
    return code, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("key", ["{victim}", "../../../victim", "../../..", "", ".", KEY.upper()])
def test_a_key_that_is_a_path_removes_nothing_and_is_told(tmp_path, capsys, victim, key):
    write_stack(tmp_path / "in" / "s")
    out = tmp_path / "out"
    state_of(out, key=key.format(victim=victim))
    (out / FOLDER / "work").mkdir()
    code, lines = batch(out, tmp_path / "in", capsys)
    assert code == 0
    assert len([line for line in lines if "not written by a batch here" in line]) == 1
    assert (out / FOLDER / "state.json.foreign").exists()
    assert (out / "s.tif").exists()


@pytest.mark.parametrize(
    "place",
    [
        "../victim/sub/file",
        "{victim}/sub/file",
        "a/../../victim/sub/file",
        f"{FOLDER}/state.json",
        "",
    ],
)
def test_a_place_outside_is_not_written_to(tmp_path, victim, place):
    out = tmp_path / "out"
    place = place.format(victim=victim)
    state_of(out, files={place: [1, 1]})
    payload(out, "file")
    with Ledger(out) as ledger:
        assert len(ledger.notices) == 1
    assert {path.name for path in out.iterdir()} == {FOLDER}


def test_a_place_behind_a_link_is_not_written_to(tmp_path, victim):
    out = tmp_path / "out"
    state_of(out, files={"link/file": [1, 1], "link/sub/file": [1, 1]})
    payload(out, "file")
    (out / "link").symlink_to(victim)
    with Ledger(out) as ledger:
        assert ["has changed" in notice for notice in ledger.notices] == [True, True]


def test_a_file_that_came_to_a_place_since_is_not_replaced(tmp_path):
    out = tmp_path / "out"
    state_of(out, files={"mine.tif": [1, 1], "free.tif": [1, 1]})
    payload(out, "mine.tif"), payload(out, "free.tif")
    (out / "mine.tif").write_bytes(b"mine")
    with Ledger(out) as ledger:
        assert len(ledger.notices) == 1
    assert (out / "mine.tif").read_bytes() == b"mine"
    assert (out / "free.tif").exists()


def test_results_do_not_go_through_a_link_out_of_the_folder(tmp_path, capsys, victim):
    write_stack(tmp_path / "in" / "s" / "t")
    out = tmp_path / "out"
    out.mkdir()
    (out / "s").symlink_to(victim)
    for more in ([], ["--overwrite"]):
        code, _ = batch(out, tmp_path / "in", capsys, *more)
        assert code == 1
        assert "leads out of" in (out / "batch.csv").read_text("utf-8")


def test_a_folder_of_results_may_itself_be_a_link(tmp_path, capsys):
    write_stack(tmp_path / "in" / "s" / "t")
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    assert batch(tmp_path / "out", tmp_path / "in", capsys)[0] == 0
    assert (tmp_path / "disk" / "s" / "t.tif").exists()


@pytest.mark.parametrize("what", [FOLDER, f"{FOLDER}/work", f"{FOLDER}/lock"])
def test_a_link_in_place_of_the_ledger_is_not_followed(tmp_path, victim, what):
    out = tmp_path / "out"
    (out / what).parent.mkdir(parents=True)
    os.symlink(victim / "sub" / ("file" if what.endswith("lock") else ""), out / what)
    with pytest.raises(FormatError, match="not what hyperfocal makes there"):
        Ledger(out)


def test_a_work_folder_without_our_mark_is_left_alone(tmp_path):
    work = tmp_path / FOLDER / "work"
    work.mkdir(parents=True)
    (work / "diary").write_text("mine")
    with pytest.raises(FormatError, match="not what hyperfocal made there"):
        Ledger(tmp_path)
    assert (work / "diary").read_text() == "mine"


def test_a_pipe_in_place_of_the_notes_does_not_make_a_batch_wait(tmp_path):
    (tmp_path / FOLDER).mkdir()
    os.mkfifo(tmp_path / FOLDER / "state.json")
    with Ledger(tmp_path) as ledger:
        assert len(ledger.notices) == 1


@pytest.mark.parametrize(
    "state", ["", "{", "[]", '{"stacks": {"a": {}}}', '{"stacks": 3}', "[" * 100_000, "\udcff"]
)
def test_notes_that_are_none_are_set_aside_in_one_line(tmp_path, state):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "state.json").write_bytes(state.encode("utf-8", "surrogateescape"))
    with Ledger(tmp_path) as ledger:
        assert ledger.done("a", KEY) is None
        assert len(ledger.notices) == 1
        assert "\n" not in ledger.notices[0]


@pytest.mark.parametrize(
    "row", [{"frames": 5}, {"outputs": "text"}, {"notices": [3]}, {"seconds": "x"}, {"order": None}]
)
def test_a_row_of_other_types_is_no_row(tmp_path, capsys, row):
    write_stack(tmp_path / "in" / "s")
    out = tmp_path / "out"
    assert batch(out, tmp_path / "in", capsys)[0] == 0
    path = out / FOLDER / "state.json"
    state = json.loads(path.read_text())
    state["stacks"]["s"]["row"] |= row
    path.write_text(json.dumps(state))
    assert batch(out, tmp_path / "in", capsys)[0] == 0


@pytest.mark.parametrize("name", ["batch.csv", "batch.json"])
def test_a_report_of_another_s_is_not_replaced_unasked(tmp_path, capsys, name):
    write_stack(tmp_path / "in" / "s")
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    code, lines = batch(out, tmp_path / "in", capsys)
    assert (code, len(lines)) == (2, 1)
    assert f"{name} is not a report" in lines[0]
    assert {path.name for path in out.iterdir()} == {name}
    assert (out / name).read_text() == "mine"
    assert batch(out, tmp_path / "in", capsys, "--overwrite")[0] == 0
    assert batch(out, tmp_path / "in", capsys)[0] == 0


@pytest.mark.parametrize(
    "name", [".hyperfocal-batch/work/{stack}", ".Hyperfocal-Batch/x", "a/.hyperfocal-ab12cd34/b"]
)
def test_a_name_where_the_work_is_done_is_refused(tmp_path, name):
    write_stack(tmp_path / "in" / "s")
    with pytest.raises(OptionError, match="below the results' folder"):
        make_plan(tmp_path / "in", tmp_path / "out", BatchOptions(name=name))


def test_honest_notes_of_a_copied_folder_are_still_believed(tmp_path, capsys):
    frames = tmp_path / "in" / "s"
    write_stack(frames)
    batch(tmp_path / "out", tmp_path / "in", capsys)
    os.rename(tmp_path / "out", tmp_path / "moved")
    before = stamp(tmp_path / "moved" / "s.tif")
    code, lines = batch(tmp_path / "moved", tmp_path / "in", capsys)
    assert code == 0
    assert lines[-1].startswith("hyperfocal: 1 kept")
    assert stamp(tmp_path / "moved" / "s.tif") == before
