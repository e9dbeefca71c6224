"""Nothing leaves the machine, and nothing is written but outputs and scratch."""

import os

import pytest

from hyperfocal import registry
from tests.touching import audited, commands, methods_of, traced

ENGINES = [None, *registry.names("engines")]


def runs_of(root, engine):
    if engine is not None and not registry.module("engines", engine).is_installed():
        pytest.skip(f"{engine} is not installed")
    return commands(root, methods_of(engine))


def require_quiet(touched, root):
    assert touched.contacted == []
    assert touched.started == []
    assert touched.strange(root / "place", root / "tmp") == set()
    assert list((root / "home").iterdir()) == []
    assert list((root / "tmp").iterdir()) == []
    assert not [path for path in (root / "place").rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_no_method_touches_anything_else_as_python_sees_it(tmp_path, engine):
    runs = runs_of(tmp_path, engine)
    touched = audited(tmp_path, runs)
    assert len(list((tmp_path / "place").glob("*.tif"))) == len(runs) > 0
    # The hook sees what there is to be seen.
    assert any(place.startswith(str(tmp_path / "tmp")) for place in touched.written)
    assert any(place.endswith("0.png") for place in touched.read)
    require_quiet(touched, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_no_library_touches_anything_else_as_the_kernel_sees_it(tmp_path, engine):
    touched = traced(tmp_path, runs_of(tmp_path, engine))
    if touched is None:
        pytest.skip("no process can be traced here")
    assert any(place.startswith(str(tmp_path / "tmp")) for place in touched.written)
    require_quiet(touched, tmp_path)


WRONG = """
import ctypes, os, socket
socket.socket().close()
open("home/python", "w").close()
os.mkdir("in2")
os.system("true")
if TRACED:
    ctypes.CDLL(None).open(b"home/library", os.O_CREAT | os.O_WRONLY, 0o600)
"""


@pytest.mark.parametrize("watch", [audited, traced])
def test_what_is_touched_is_seen(tmp_path, watch):
    commands(tmp_path, {})
    touched = watch(tmp_path, [], WRONG.replace("TRACED", str(watch is traced)))
    if touched is None:
        pytest.skip("no process can be traced here")
    names = {"home/python", "in2"} | ({"home/library"} if watch is traced else set())
    strange = touched.strange(tmp_path / "place", tmp_path / "tmp")
    assert strange == {os.path.realpath(tmp_path / name) for name in names}
    assert touched.contacted
    assert touched.started
