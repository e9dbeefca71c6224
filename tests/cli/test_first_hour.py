"""What somebody sees in the first hour: two lines after a fuse, a guess after a typo."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scenes import as_type, scene

from hyperfocal.cli.main import main
from hyperfocal.io import formats
from tests.fusion.test_fusion import write_stack
from tests.moving import blurred_in_bands, natural
from tests.stack.test_stack import write

pty = pytest.importorskip("pty", reason="no terminals of one's own here")
from tests.cli.terminal import in_terminal, lines  # noqa: E402

FAST = ["--method", "select:consistency=no"]


def refused(capsys, *arguments):
    """The one line and exit code 2 that typing this ends with."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("hyperfocal: ")
    return told.err


@pytest.fixture
def stack(tmp_path):
    """A folder `beetle` of three frames."""
    (tmp_path / "beetle").mkdir()
    write_stack(tmp_path / "beetle")
    return tmp_path / "beetle"


def moved(folder, *, count=3):
    """Frames that lie up to 8 px apart."""
    folder.mkdir()
    picture = natural(260, 380)
    for number in range(count):
        frame = blurred_in_bands(picture, number, count)
        part = frame[10:230, 10 + 4 * number : 330 + 4 * number]
        write(folder / f"{number}.png", as_type([part], np.uint8)[0])


# Two lines after `fuse`


def test_two_lines_tell_what_was_read_and_what_was_made(stack):
    code, shown = in_terminal("fuse", "beetle", *FAST, cwd=stack.parent)
    assert code == 0
    read, made = lines(shown)
    assert read == "3 frames of 90×60; nothing moved"
    assert made.startswith("beetle_fused.png, 90×60; select:consistency=no, ")
    assert made.endswith(" s")


def test_the_lines_tell_how_far_frames_moved_and_what_was_cropped(tmp_path):
    moved(tmp_path / "in")
    code, shown = in_terminal("fuse", "in", *FAST, "--depth", "d.tif", cwd=tmp_path)
    assert code == 0
    read, made = lines(shown)
    assert read.startswith("3 frames of 320×220; moved back by up to ")
    assert float(read.partition("up to ")[2].partition(" px")[0]) == pytest.approx(4, abs=0.3)
    fused = formats.open_frames(tmp_path / "in_fused.png")[0].info
    assert read.endswith(f", cropped to {fused.width}×{fused.height}")
    assert fused.width < 320
    assert "depth d.tif" in made


def test_the_lines_tell_which_frames_are_not_in_the_picture_and_why(stack):
    odd = as_type(scene(30, 40, 2)[1], np.uint8)[0]
    write(stack / "zz.png", odd)
    (stack / "notes.txt").write_text("hello")
    code, shown = in_terminal("fuse", "beetle", *FAST, cwd=stack.parent)
    assert code == 0
    read = next(line for line in lines(shown) if line.startswith("3 frames"))
    assert "zz.png is 40×30, the stack is 90×60" in read
    assert "notes.txt" in read


def test_a_frame_of_another_scene_is_told_once_and_with_its_reason(tmp_path):
    moved(tmp_path / "in", count=4)
    write(tmp_path / "in" / "4.png", as_type([natural(220, 320, seed=7)], np.uint8)[0])
    code, shown = in_terminal("fuse", "in", *FAST, cwd=tmp_path)
    assert code == 0
    assert shown.count("does not show what the others do") == 1
    assert "4 frames of 320×220; not in it: frame 5 (4.png) does not show" in shown


def test_frames_that_are_not_to_be_aligned_are_told_so(stack):
    _, shown = in_terminal("fuse", "beetle", *FAST, "--align", "none", cwd=stack.parent)
    assert "3 frames of 90×60; not aligned" in shown


def test_a_terminal_of_40_columns_has_one_bar_that_fits(stack):
    code, shown = in_terminal("fuse", "beetle", *FAST, "--overwrite", cwd=stack.parent, columns=40)
    assert code == 0
    drawn = [part for part in shown.split("\r") if "%" in part]
    assert any("left" in part for part in drawn)
    assert max(len(part) for part in drawn) <= 40


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_is_no_error(stack, encoding):
    told = {"PYTHONIOENCODING": encoding, "NO_COLOR": "1", "TERM": "dumb"}
    code, shown = in_terminal("fuse", "beetle", *FAST, cwd=stack.parent, **told)
    assert code == 0, shown
    assert "3 frames of 90" in shown
    assert "beetle_fused.png" in shown


def test_one_bar_goes_up_from_start_to_end(tmp_path):
    moved(tmp_path / "in")
    _, shown = in_terminal("fuse", "in", *FAST, cwd=tmp_path)
    shares = [int(part.partition("%")[0].split()[-1]) for part in shown.split("\r") if "%" in part]
    assert len(shares) > 1
    assert shares == sorted(shares)


# The default name


def test_the_default_name_lies_beside_the_stack(stack, capsys, monkeypatch):
    monkeypatch.chdir(stack.parent)
    main(["fuse", "beetle", *FAST])
    assert capsys.readouterr().out == "beetle_fused.png\n"
    main(["fuse", str(stack), *FAST])
    assert capsys.readouterr().out == f"{stack.parent / 'beetle_fused_2.png'}\n"
    main(["fuse", "beetle", "--overwrite", *FAST])
    assert capsys.readouterr().out == "beetle_fused.png\n"
    main(["fuse", "beetle/0.png", "beetle/1.png", *FAST])
    assert capsys.readouterr().out == "beetle/0_fused.png\n"


def test_a_result_in_the_folder_one_stands_in_is_no_frame_of_the_next_run(
    stack, capsys, monkeypatch
):
    monkeypatch.chdir(stack)
    for name in ("beetle_fused.png", "beetle_fused_2.png"):
        main(["fuse", ".", "--json", *FAST])
        told = json.loads(capsys.readouterr().out)
        assert told["outputs"]["picture"] == name
        assert told["frames"] == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("suffix", "dtype", "expected"),
    [
        (".jpg", np.uint8, ".jpg"),
        (".png", np.uint16, ".png"),
        (".tif", np.uint16, ".tif"),
        (".npy", np.float32, ".npy"),
    ],
)
def test_the_default_name_is_of_the_frames_own_format(tmp_path, capsys, suffix, dtype, expected):
    frames = scene(60, 90, 3)[1]
    frames = frames if dtype == np.float32 else as_type(frames, dtype)
    (tmp_path / "in").mkdir()
    for number, samples in enumerate(frames):
        write(tmp_path / "in" / f"{number}{suffix}", samples)
    main(["fuse", str(tmp_path / "in"), *FAST])
    assert capsys.readouterr().out == f"{tmp_path / 'in'}_fused{expected}\n"


# Presets


def test_a_preset_is_short_for_its_options(stack, capsys, monkeypatch):
    monkeypatch.chdir(stack.parent)
    main(["fuse", "beetle", "-o", "a.png", "--preset", "fast"])
    main(["fuse", "beetle", "-o", "b.png", "--method", "lp", "--exposure", "none"])
    assert (stack.parent / "a.png").read_bytes() == (stack.parent / "b.png").read_bytes()


def test_what_is_typed_goes_before_the_preset_and_is_told(stack, capsys, monkeypatch):
    monkeypatch.chdir(stack.parent)
    main(["fuse", "beetle", "--preset", "fast", "--method", "rp", "--json"])
    told = capsys.readouterr()
    assert json.loads(told.out)["method"] == "rp"
    assert "the preset fast has method lp; rp, which was chosen, is taken" in told.err


def test_presets_that_contradict_or_do_not_exist_are_refused(stack, capsys):
    assert "did you mean fast?" in refused(capsys, "fuse", stack, "--preset", "fsat")
    told = refused(capsys, "fuse", stack, "--preset", "fast", "--recipe", "r.json")
    assert "--preset and --recipe both say how to fuse" in told


def test_a_batch_takes_presets(stack, capsys):
    out = stack.parent / "out"
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(stack), "-o", str(out), "--preset", "fast", "--suffix", "png"])
    assert ended.value.code == 0
    info = formats.open_frames(out / "0.png")[0].info
    assert '"method":"lp"' in formats.comment_of(info.exif)


# Typos


@pytest.mark.parametrize(
    ("typed", "guess", "usage"),
    [
        (["fuse", "in", "-o", "o.png", "--overwite"], "did you mean --overwrite?", "fuse FRAMES…"),
        (["fuse", "in", "--algin", "none"], "did you mean --align?", "fuse FRAMES…"),
        (["batch", "in", "--sufix", "tif"], "did you mean --suffix?", "batch FOLDER -o OUT"),
        (["views", "m", "-o", "v", "--pictrue=x"], "did you mean --picture?", "views MAPS -o OUT"),
        (["fuze", "in"], "did you mean fuse?", "hyperfocal COMMAND"),
        (["--vresion"], "did you mean --version?", "hyperfocal COMMAND"),
    ],
)
def test_the_nearest_option_or_command_is_guessed(capsys, typed, guess, usage):
    told = refused(capsys, *typed)
    assert guess in told
    assert f"usage: hyperfocal {usage.removeprefix('hyperfocal ')}" in told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--method", "prizm"], "no method is called 'prizm' (did you mean prism?); choose one of"),
        (["--method", "lp:level=3"], "lp has no option 'level' (did you mean levels?); it has: l"),
        (["--order", "nam"], "order is 'nam' (did you mean name?); choose one of: auto, given"),
        (["--method", "quite else"], "no method is called 'quite else'; choose one of"),
    ],
)
def test_the_nearest_method_or_value_is_guessed(stack, capsys, typed, told):
    assert told in refused(capsys, "fuse", stack, *typed)


def test_the_nearest_metric_is_guessed(stack, capsys):
    told = refused(capsys, "evaluate", stack / "0.png", "--metrics", "psrn")
    assert "no metric is called 'psrn' (did you mean psnr?)" in told


def test_what_was_forgotten_is_one_line_with_the_usage(capsys):
    assert refused(capsys, "fuse") == (
        "hyperfocal: frames must be given; usage: hyperfocal fuse FRAMES… [options], all of them "
        "with -h\n"
    )
    assert "-o/--out must be given; usage: hyperfocal batch FOLDER" in refused(capsys, "batch", "x")


def test_the_program_alone_shows_its_help_and_its_version_has_a_name(capsys):
    for typed, expected in (([], "usage: hyperfocal"), (["-V"], "hyperfocal 0.")):
        with pytest.raises(SystemExit) as ended:
            main(typed)
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(expected)


# Before the work


def test_an_extra_that_an_output_needs_is_asked_for_before_the_work(stack, tmp_path):
    program = (
        "import sys; sys.modules['zarr'] = None; from hyperfocal.cli.main import main;"
        "main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, "fuse", stack, "-o", tmp_path / "out.ome.zarr"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 2
    told = f"{tmp_path / 'out.ome.zarr'} needs zarr, which is absent"
    assert done.stderr == f"hyperfocal: {told}; pip install 'hyperfocal[zarr]'\n"
    assert ".hyperfocal-" not in done.stderr


def test_maps_are_not_written_as_jpeg(stack, capsys):
    for option in ("--depth", "--decision-map"):
        told = refused(capsys, "fuse", stack, "-o", "o.png", option, "d.jpg", *FAST)
        assert "d.jpg would blur the" in told
        assert "choose .tif for numbers or .png" in told


def test_the_note_on_files_left_aside_comes_before_the_work(stack, capsys):
    (stack / "x.dng").write_bytes(b"II*\0")
    # The work itself fails, and the note is there already.
    with pytest.raises(SystemExit):
        main(["fuse", str(stack), "-o", "o.png", "--memory", "1kB", *FAST])
    told = capsys.readouterr().err.splitlines()
    assert "x.dng; name RAW files" in told[0]
    assert "memory budget" in told[1]


# Small things


def test_keep_order_and_order_given_are_one_thing(stack, capsys):
    typed = [str(stack / f"{number}.png") for number in (2, 0, 1)]
    for option in (["--keep-order"], ["--order", "given"]):
        main(["fuse", *typed, "-o", str(stack.parent / "o.png"), "--overwrite", "--json", *option])
        told = json.loads(capsys.readouterr().out)
        assert told["frames"] == ["2.png", "0.png", "1.png"]
    told = refused(capsys, "fuse", stack, "--keep-order", "--order", "name")
    assert "contradict" in told


def test_a_suffix_needs_no_dot_and_is_guessed(stack, capsys):
    out = stack.parent / "out"
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(stack), "-o", str(out), "--suffix", "tif", *FAST])
    assert ended.value.code == 0
    assert (out / "0.tif").exists()
    capsys.readouterr()
    told = refused(capsys, "batch", stack, "-o", stack.parent / "other", "--suffix", "jgp")
    assert "suffix is '.jgp' (did you mean .jpg?)" in told


def test_a_folder_with_one_picture_is_skipped_like_a_loose_one(stack, capsys):
    root = stack.parent
    (root / "lone").mkdir()
    (root / "lone" / "0.png").write_bytes((stack / "0.png").read_bytes())
    main(["batch", str(root), "-o", str(root / "out"), "--dry-run"])
    plan = capsys.readouterr().out.splitlines()
    assert "lone.tif  1 frame  0.png  (a frame by itself, skipped)" in plan
    assert plan[-1] == "1 stack of 4 frames"
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(root), "-o", str(root / "out"), *FAST])
    assert ended.value.code == 0
    assert "skipped lone: 1 frame, a frame by itself" in capsys.readouterr().out
