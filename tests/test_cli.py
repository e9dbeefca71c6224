"""The command line as people type it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from test_fusion import write_stack

from hyperfocal import formats

FAST = ["--method", "select:consistency=no"]


def run(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "hyperfocal", *map(str, arguments)],
        capture_output=True,
        text=True,
        **kwargs,
    )


def test_a_pair_and_a_folder_fuse_in_silence(tmp_path):
    write_stack(tmp_path)
    pair = run("fuse", tmp_path / "0.png", tmp_path / "1.png", "-o", tmp_path / "a.png", *FAST)
    folder = run("fuse", tmp_path, "-o", tmp_path / "b.png", *FAST)
    assert [pair.returncode, pair.stdout, pair.stderr] == [0, "", ""]
    assert [folder.returncode, folder.stdout, folder.stderr] == [0, "", ""]
    assert formats.open_frames(tmp_path / "b.png")[0].info.width == 90


def test_the_json_summary_tells_what_happened(tmp_path):
    write_stack(tmp_path)
    told = json.loads(run("fuse", tmp_path, "-o", tmp_path / "b.tif", *FAST, "--json").stdout)
    assert told["frames"] == ["0.png", "1.png", "2.png"]
    assert (told["width"], told["height"]) == (90, 60)
    assert set(told["seconds"]) == {"open", "measure", "decide", "blend", "write"}
    assert told["peak_memory_bytes"] > 1e7
    assert told["outputs"] == {"picture": str(tmp_path / "b.tif")}


def test_names_are_sorted_unless_told_otherwise(tmp_path):
    write_stack(tmp_path)
    (tmp_path / "1.png").rename(tmp_path / "10.png")
    paths = [tmp_path / name for name in ("0.png", "10.png", "2.png")]
    out = ["-o", tmp_path / "b.png", *FAST, "--json", "--overwrite"]
    assert json.loads(run("fuse", *paths, *out).stdout)["frames"] == ["0.png", "2.png", "10.png"]
    kept = json.loads(run("fuse", *paths, *out, "--keep-order").stdout)["frames"]
    assert kept == ["0.png", "10.png", "2.png"]


def damaged(folder, kind):
    write_stack(folder)
    broken = folder / "1.png"
    whole = broken.read_bytes()
    broken.write_bytes({"empty": b"", "text": b"hello", "cut": whole[: len(whole) // 2]}[kind])


@pytest.mark.parametrize("kind", ["empty", "text", "cut"])
def test_a_broken_frame_is_one_line_and_exit_code_2(tmp_path, kind):
    damaged(tmp_path, kind)
    done = run("fuse", tmp_path, "-o", tmp_path / "out.png", *FAST)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "1.png" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["fuse", "nothing", "-o", "out.png"],
        ["fuse", ".", "-o", "out.png"],
        ["fuse", ".", "-o", "out.png", "--method", "unknown"],
        ["fuse", ".", "-o", "out.png", "--memory", "much"],
        ["train", "unknown"],
        ["train"],
        ["fuse"],
        ["fuse", ".", "-o", "out.png", "--nonsense"],
    ],
)
def test_mistakes_end_with_exit_code_2(tmp_path, arguments):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept_unless_asked(tmp_path):
    write_stack(tmp_path)
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    assert run("fuse", tmp_path, "-o", out, *FAST).returncode == 2
    assert out.read_bytes() == b"mine"
    assert run("fuse", tmp_path, "-o", out, *FAST, "--overwrite").returncode == 0
    assert out.read_bytes() != b"mine"


def test_missing_weights_are_told(tmp_path, monkeypatch):
    import hyperfocal
    from hyperfocal import engines

    monkeypatch.setattr(engines.importlib.resources, "files", lambda name: tmp_path)
    frames = [np.zeros((30, 30, 3), np.uint8)] * 2
    with pytest.raises(hyperfocal.MissingExtra, match=r"sesf-scse.gates.onnx is missing"):
        hyperfocal.fuse(frames, method="sesf:attention=scse,radius=3")


def test_help_and_methods_speak(tmp_path):
    assert "sharp everywhere" in run("fuse", "--help").stdout
    listed = run("methods").stdout
    assert "sesf:" in listed
    assert "radius" in listed
