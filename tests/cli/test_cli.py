"""The command line as people type it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scenes import psnr, texture

import hyperfocal
from hyperfocal.io import formats
from tests.fusion.test_fusion import write_stack

FAST = ["--method", "select:consistency=no"]


def run(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "hyperfocal", *map(str, arguments)],
        capture_output=True,
        text=True,
        **kwargs,
    )


def test_a_pair_and_a_folder_fuse_in_silence(tmp_path):
    frames = tmp_path / "in"
    frames.mkdir()
    write_stack(frames)
    pair = run("fuse", frames / "0.png", frames / "1.png", "-o", tmp_path / "a.png", *FAST)
    folder = run("fuse", frames, "-o", tmp_path / "b.png", *FAST)
    assert [pair.returncode, pair.stdout, pair.stderr] == [0, "", ""]
    assert [folder.returncode, folder.stdout, folder.stderr] == [0, "", ""]
    assert formats.open_frames(tmp_path / "b.png")[0].info.width == 90


def test_the_json_summary_tells_what_happened(tmp_path):
    write_stack(tmp_path)
    told = json.loads(run("fuse", tmp_path, "-o", tmp_path / "b.tif", *FAST, "--json").stdout)
    assert told["frames"] == ["0.png", "1.png", "2.png"]
    assert (told["width"], told["height"]) == (90, 60)
    stages = {"open", "align", "expose", "measure", "decide", "blend", "write"}
    assert set(told["seconds"]) == stages
    assert told["alignment"]["untouched"]
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
    from hyperfocal.inference import weights

    monkeypatch.setattr(weights.importlib.resources, "files", lambda name: tmp_path)
    frames = [np.zeros((30, 30, 3), np.uint8)] * 2
    with pytest.raises(hyperfocal.MissingExtra, match=r"sesf-scse\.safetensors is missing"):
        hyperfocal.fuse(frames, method="sesf:attention=scse,radius=3")


def test_help_and_methods_speak(tmp_path):
    assert "sharp everywhere" in run("fuse", "--help").stdout
    listed = run("methods").stdout
    assert "sesf:" in listed
    assert "radius" in listed


def test_views_draw_what_fuse_decided(tmp_path):
    write_stack(tmp_path)
    out, maps, views = (tmp_path / name for name in ("out.png", "maps", "views"))
    assert run("fuse", tmp_path, "-o", out, "--maps", maps, *FAST).returncode == 0
    command = ["views", maps, "-o", views, "--picture", out, "--frame", tmp_path / "0.png"]
    assert run(*command).returncode == 0
    drawn = {path.stem: formats.open_frames(path)[0].read() for path in views.iterdir()}
    assert set(drawn) == {
        "decision_initial", "decision", "relief", "activity", "confidence", "overlay", "difference",
    }  # fmt: skip
    assert all(view.shape == (60, 90, 3) for view in drawn.values())
    decision = np.load(maps / "decision.npy")
    colours = {tuple(colour) for colour in drawn["decision"][decision == 1]}
    assert len(colours) == 1
    assert (drawn["difference"][:, :20] < 3).all()  # there the frame itself was taken
    assert drawn["difference"][:, 40:].mean() > 10
    again = run(*command)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_views_draw_what_the_default_method_knows(tmp_path):
    write_stack(tmp_path)
    out, maps, views = (tmp_path / name for name in ("out.png", "maps", "views"))
    assert run("fuse", tmp_path, "-o", out, "--maps", maps).returncode == 0
    assert run("views", maps, "-o", views).returncode == 0
    assert {path.stem for path in views.iterdir()} == {"decision", "relief", "confidence"}


def test_a_fused_picture_is_evaluated(tmp_path):
    write_stack(tmp_path)
    picture = formats.open_frames(tmp_path / "0.png")[0].read() @ [0.2125, 0.7154, 0.0721]
    told = json.loads(run("evaluate", tmp_path / "0.png", "--json").stdout)
    assert set(told["metrics"]) == {"ag", "sf", "mean", "sd", "en"}
    assert told["metrics"]["mean"] == pytest.approx(picture.mean(), rel=1e-6)
    assert told["metrics"]["sd"] == pytest.approx(picture.std(), rel=1e-6)
    assert "noise" in told["warning"]
    sources = ["--sources", tmp_path / "1.png", tmp_path / "2.png"]
    told = run("evaluate", tmp_path / "0.png", *sources, "--metrics", "qg,qcb,scd").stdout
    assert [line.split()[0] for line in told.splitlines()] == ["qg", "qcb", "scd"]


def test_a_fused_picture_is_compared_with_a_reference_and_near_depth_edges(tmp_path):
    write_stack(tmp_path)
    depth = np.zeros((60, 90), np.uint16)
    depth[:, 30:] = 9
    hyperfocal.io.outputs.save_depth(tmp_path / "depth.png", depth / np.float32(9), last=1)
    given = ["evaluate", tmp_path / "0.png", "--reference", tmp_path / "1.png"]
    found = json.loads(run(*given, "--metrics", "psnr,ssim", "--json").stdout)["metrics"]
    pictures = [formats.open_frames(tmp_path / name)[0].read() for name in ("0.png", "1.png")]
    assert found["psnr"] == pytest.approx(psnr(*(each / 255 for each in pictures)))
    assert set(found) == {"psnr", "ssim"}
    told = run(*given, "--depth", tmp_path / "depth.png", "--metrics", "psnr_edges").stdout
    assert told.startswith("psnr_edges ")
    other = texture(50, 60)
    hyperfocal.fuse([other, other], tmp_path / "small.tif", method="lp")
    done = run("evaluate", tmp_path / "0.png", "--reference", tmp_path / "small.tif")
    assert done.returncode == 2
    assert "the fused picture (0.png) is 90×60, the reference (small.tif) is 60×50" in done.stderr


def test_an_undefined_metric_says_why(tmp_path):
    write_stack(tmp_path)
    sources = ["--sources", tmp_path / "0.png", tmp_path / "1.png"]
    done = run("evaluate", tmp_path / "0.png", *sources, "--metrics", "scd,qg", "--json")
    told = json.loads(done.stdout)
    assert set(told["metrics"]) == {"qg"}
    assert "scd" in told["undefined"]


def test_what_cannot_be_evaluated_ends_with_exit_code_2(tmp_path):
    write_stack(tmp_path)
    (tmp_path / "small.png").write_bytes((tmp_path / "0.png").read_bytes())
    for arguments in (["gone.png"], ["0.png", "--metrics", "beauty"]):
        done = run("evaluate", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
