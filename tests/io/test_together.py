"""Several outputs: together or not at all, wherever the process ends."""

import errno
import json
import os
import signal
import sys

import pytest

from hyperfocal import FormatError
from hyperfocal.io import outputs, together, work_folders
from hyperfocal.io.together import Together
from hyperfocal.io.work_folders import WorkFolder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes to kill so")
EVENTS = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "open", "shutil.rmtree"}


def killed(work, moment):
    """Whether `work` was killed before its so many-th step that touches the disk."""
    child = os.fork()
    if child == 0:
        left = [moment]

        def hook(event, _):
            if event in EVENTS:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def moments(work):
    """Every moment at which that can be killed; the files are to be reset by the caller."""
    moment = 0
    while killed(work, moment):
        yield moment
        moment += 1
    assert moment > 3


def tree(root):
    return {
        path.relative_to(root).as_posix(): path.read_text() if path.is_file() else None
        for path in root.rglob("*")
    }


OLD = {"a": None, "b": None, "a/kept": "other", "a/one.txt": "old", "b/three.txt": "old"}
NEW = OLD | {
    "a/one.txt": "new",
    "a/two.txt": "new",
    "b/three.txt": "new",
    "b/maps": None,
    "b/maps/m.txt": "new",
}


def laid_out(root):
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
    (root / "a" / "kept").write_text("other")
    (root / "a" / "one.txt").write_text("old")
    (root / "b" / "three.txt").write_text("old")
    return root


def make(root):
    with Together() as made:
        for name in ("a/one.txt", "b/three.txt", "a/two.txt"):
            outputs.write_text(root / name, "new", within=made)
        with outputs.in_folder(root / "b" / "maps", made) as (folder, whole):
            outputs.write_text(folder / "m.txt", "new", within=whole)


def test_all_outputs_are_there_and_nothing_else(tmp_path):
    root = laid_out(tmp_path / "r")
    make(root)
    assert tree(root) == NEW


def test_killed_at_any_step_leaves_all_or_nothing_to_the_next_run(tmp_path):
    seen = []
    root = tmp_path / "-1"
    for moment in moments(lambda: make(laid_out(tmp_path / f"{len(seen)}"))):
        root = tmp_path / f"{moment}"
        together.clean([path for path in (root / "a", root / "b") if path.exists()])
        seen.append(tree(root))
    whole = [each for each in seen if OLD.items() <= each.items() or each == NEW]
    assert all(each in (OLD, NEW) for each in whole)
    assert len(seen) - len(whole) < 8  # those that were killed while the files were laid out
    assert OLD in whole
    assert NEW in whole


@pytest.mark.slow
def test_killed_while_it_cleans_up_is_cleaned_up_by_the_next(tmp_path):
    moment, seen = 0, []
    while True:
        for at in range(0, 60, 3):
            root = laid_out(tmp_path / f"{moment}-{at}")
            if not killed(lambda root=root: make(root), moment):
                assert NEW in seen
                return
            is_killed = killed(lambda root=root: together.clean([root / "a", root / "b"]), at)
            together.clean([root / "b", root / "a"])
            seen.append(tree(root))
            assert seen[-1] in (OLD, NEW)
            if not is_killed:
                break
        moment += 4


def test_whichever_folder_is_cleaned_first_all_is_there(tmp_path):
    root = laid_out(tmp_path / "r")
    moment = 0
    while True:
        assert killed(lambda: make(root), moment)
        together.clean([root / "b"])
        if "new" in tree(root / "b").values():
            break
        moment += 1
    told = {name: text for name, text in tree(root).items() if ".hyperfocal-" not in name}
    assert told == NEW


def refusing(number, name="replace"):
    """os.replace that the system refuses one time."""
    real, left = getattr(os, name), [number]

    def replace(*given, **named):
        left[0] -= 1
        if left[0] == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*given, **named)

    return replace


def is_made(root):
    """Whether all outputs are there; else none is, and one line says so."""
    try:
        make(root)
    except FormatError as error:
        told = str(error)
    else:
        told = ""
    assert tree(root) == (OLD if told else NEW)
    assert not told or "cannot be written (No space left on device)" in told
    return not told


def test_a_move_that_is_refused_undoes_those_before_it(tmp_path, monkeypatch):
    refusals = 0
    for number in range(8):
        root = laid_out(tmp_path / f"{number}")
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refusing(number))
            refusals += not is_made(root)
    assert refusals >= 5


def test_without_hard_links_it_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(1, "no")))
    for number in range(10):
        root = laid_out(tmp_path / f"{number}")
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refusing(number))
            is_last = is_made(root)
    assert is_last


# The first two are those of the map into its folder, which is not in place then.
@pytest.mark.parametrize(
    ("at", "is_late"), [((1,), False), ((2,), False), ((3,), True), ((4, 5), True)]
)
def test_ctrl_c_between_two_moves_leaves_all_and_says_so(tmp_path, monkeypatch, at, is_late):
    root = laid_out(tmp_path / "r")
    real, moved = os.replace, []

    def replace(*given):
        real(*given)
        moved.append(given)
        if len(moved) in at:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt) as stopped:
        make(root)
    assert together.is_written(stopped.value) == is_late
    assert tree(root) == (NEW if is_late else OLD)


def test_ctrl_c_while_outputs_are_made_leaves_nothing(tmp_path):
    root = laid_out(tmp_path / "r")

    def stopped():
        with Together() as made:
            outputs.write_text(root / "a" / "one.txt", "new", within=made)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert tree(root) == OLD


def test_a_folder_of_a_live_run_is_left_alone(tmp_path):
    with Together() as made:
        outputs.write_text(tmp_path / "x.txt", "new", within=made)
        together.clean([tmp_path])
        assert (made.beside(tmp_path / "x.txt")).exists()
    assert tree(tmp_path) == {"x.txt": "new"}


@pytest.mark.parametrize("what", ["unmarked", "other host", "other text", "link", "other name"])
def test_what_no_dead_run_of_ours_left_is_not_removed(tmp_path, what):
    folder = tmp_path / ".hyperfocal-ab12cd34"
    if what == "other name":
        folder = tmp_path / ".hyperfocal-mine"
    place = tmp_path / "elsewhere" if what == "link" else folder
    place.mkdir()
    (place / "data").write_text("mine")
    note = {"hyperfocal": "work", "host": os.uname().nodename}
    texts = {"unmarked": None, "other host": note | {"host": "x"}, "other text": {"a": 1}}
    if texts.get(what, note) is not None:
        (place / "owner").write_text(json.dumps(texts.get(what, note)))
    if what == "link":
        folder.symlink_to(place)
    before = tree(tmp_path)
    together.clean([tmp_path])
    assert tree(tmp_path) == before


def planted(parent, moves, *, first=None, others=(), decision="settled"):
    """A folder as a killed run leaves it, or as somebody else wants it to look."""
    folder = parent / ".hyperfocal-ab12cd34"
    for name in ("new", "before"):
        (folder / name).mkdir(parents=True)
    (folder / "owner").write_text(json.dumps({"hyperfocal": "work", "host": os.uname().nodename}))
    plan = {"transaction": "t", "first": str(first or folder), "others": list(others)}
    (folder / "plan").write_text(json.dumps(plan | {"moves": moves}))
    (folder / decision).touch()
    (folder / "new" / "file").write_text("foreign")
    (folder / "before" / "file").write_text("foreign")
    return folder


@pytest.mark.parametrize("decision", ["settled", "undone"])
@pytest.mark.parametrize("name", ["../victim/file", "{victim}/file", "..", ".", "", "a/../../file"])
def test_a_plan_reaches_nothing_outside_its_folder(tmp_path, name, decision):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("kept")
    move = {"made": together.stamp(tmp_path / "victim" / "file"), "there": None}
    move["there"] = move["made"]
    (tmp_path / "out").mkdir()
    planted(tmp_path / "out", {name.format(victim=tmp_path / "victim"): move}, decision=decision)
    together.clean([tmp_path / "out"])
    assert tree(tmp_path) == {"out": None, "victim": None, "victim/file": "kept"}


@pytest.mark.parametrize("decision", ["settled", "undone"])
@pytest.mark.parametrize("there", [None, [0, 0, 0, 0], "x", 5])
def test_a_plan_replaces_nothing_that_it_did_not_see(tmp_path, there, decision):
    (tmp_path / "file").write_text("mine")
    planted(tmp_path, {"file": {"made": there, "there": there}}, decision=decision)
    together.clean([tmp_path])
    assert tree(tmp_path) == {"file": "mine"}


def test_a_plan_names_no_folder_that_is_then_removed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("kept")
    planted(tmp_path / "out", {}, others=[str(tmp_path / "victim"), "/", "relative", 7])
    together.clean([tmp_path / "out"])
    assert tree(tmp_path) == {"out": None, "victim": None, "victim/file": "kept"}


def test_a_note_that_is_a_pipe_does_not_make_a_run_wait(tmp_path):
    folder = planted(tmp_path, {})
    (folder / "plan").unlink()
    os.mkfifo(folder / "plan")
    together.clean([tmp_path])
    assert tree(tmp_path) == {}


def test_a_work_folder_killed_at_any_step_is_removed_by_the_next(tmp_path):
    for _ in moments(lambda: WorkFolder(tmp_path).close()):
        work_folders.clean(tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_runs_that_clean_take_no_folder_from_one_that_begins(tmp_path):
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            while True:
                work_folders.clean(tmp_path)
        children.append(child)
    try:
        for _ in range(300):
            folder = WorkFolder(tmp_path)
            (folder.path / "data").write_text("x")
            assert (folder.path / "owner").exists()
            folder.close()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def interrupted(work, moment):
    """Whether Ctrl-C came before the so many-th step of `work` that touches the disk."""
    child = os.fork()
    if child == 0:
        left = [moment]

        def hook(event, _):
            if event in EVENTS:
                left[0] -= 1
                if left[0] == -1:
                    raise KeyboardInterrupt

        sys.addaudithook(hook)
        code = 0
        try:
            work()
        except KeyboardInterrupt:
            code = 1
        os._exit(code)
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def test_a_work_folder_that_ctrl_c_comes_into_is_not_left(tmp_path):
    def work():
        folder = WorkFolder(tmp_path)
        try:
            (folder.path / "data").touch()
        finally:
            folder.close()

    moment = 0
    while interrupted(work, moment):
        assert list(tmp_path.iterdir()) == []
        moment += 1
    assert moment > 6
