"""How the process ends: at signals whenever they come, and with streams that cannot be written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fusion.test_fusion import write_stack

PROGRAM = [sys.executable, "-m", "hyperfocal"]
LARGER = Path(__file__).parents[2] / "examples" / "macro_bug"
FAST = ["--method", "select:consistency=no"]
needs_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no device that is always full"
)


@pytest.fixture
def stack(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_stack(folder)
    return folder


@pytest.fixture
def shoot(tmp_path):
    for number in range(4):
        (tmp_path / "shoot" / f"s{number}").mkdir(parents=True)
        write_stack(tmp_path / "shoot" / f"s{number}")
    return tmp_path / "shoot"


def wait_for_handlers(process):
    """Return when the program answers signals, as Linux tells; before, Python itself starts."""
    status = Path(f"/proc/{process.pid}/status")
    for _ in range(2000 if status.exists() else 30):
        text = status.read_text() if status.exists() else ""
        caught = int(text.partition("SigCgt:")[2].split()[0], 16) if "SigCgt:" in text else 0
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def ended(arguments, number, after_s):
    """Exit code and output of a run that gets a signal so long after Python has started."""
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_handlers(process)
    time.sleep(after_s)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("after_s", [0, 0.1, 0.3])
def test_a_signal_while_modules_load_is_one_line(stack, tmp_path, number, code, after_s):
    found, out, errors = ended(
        ["fuse", stack, "-o", tmp_path / "o.png", "--method", "prism"], number, after_s
    )
    assert (found, out, errors) in [
        (code, "", "hyperfocal: stopped; nothing was written\n"),
        (0, "", ""),
    ]
    assert (tmp_path / "o.png").exists() == (found == 0)


SIGNALLED = """
import os, signal, sys, threading
sys.argv = ["hyperfocal", "fuse", {stack!r}, "-o", {out!r}, "--method", "prism"]
real = threading.Thread.start
def start(self):
    real(self)
    if "{thread}" in self.name and not hasattr(threading, "done"):
        threading.done = 1
        os.kill(os.getpid(), signal.SIGTERM)
threading.Thread.start = start
from hyperfocal.cli.main import main
main()
"""


@pytest.mark.parametrize("thread", ["worker", "read-ahead"])
def test_a_signal_while_a_thread_starts_ends_the_process(tmp_path, thread):
    program = SIGNALLED.format(stack=str(LARGER), out=str(tmp_path / "o.png"), thread=thread)
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stderr) == (143, "hyperfocal: stopped; nothing was written\n")
    assert not (tmp_path / "o.png").exists()


def test_a_second_signal_does_not_break_what_the_first_one_began():
    program = """
import os, signal, time
from hyperfocal.cli.ending import Signals
signals = Signals(); signals.meet(); signals.work(None)
try:
    os.kill(os.getpid(), signal.SIGINT); time.sleep(1)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1)
    print("cleaned up after", signals.came)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("cleaned up after 2\n", "")


def test_a_stop_that_python_swallows_comes_again():
    program = """
import os, signal, time
from hyperfocal.cli.ending import Signals
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT); time.sleep(0.01)
signals = Signals(); signals.meet(); signals.work(None)
try:
    Dying(); time.sleep(20)
except KeyboardInterrupt:
    print("stopped")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("stopped\n", "")


def shell(line, **kwargs):
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=100, **kwargs
    )


def typed(*arguments):
    return " ".join([*PROGRAM, *map(str, arguments)])


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_fuse_makes_its_picture_with_closed_streams(stack, tmp_path, closed):
    run = shell(typed("fuse", stack, "-o", tmp_path / "o.png", *FAST) + " " + closed)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert (tmp_path / "o.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "led", [">&-", "2>&-", ">&- 2>&-", "| head -1", "| true"] +
    [pytest.param(f"{number}>/dev/full", marks=needs_full) for number in (1, 2)],
)  # fmt: skip
def test_batch_makes_all_stacks_wherever_its_lines_go(shoot, tmp_path, led):
    out = tmp_path / "out"
    line = typed("batch", shoot, "-o", out, *FAST)
    run = shell(f"set -o pipefail; {line} {led}")
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert len(list(out.glob("*.tif"))) == 4


@needs_full
def test_an_output_that_was_asked_for_and_is_lost_is_an_error(stack, tmp_path):
    run = shell(typed("fuse", stack, "-o", tmp_path / "o.png", *FAST, "--json") + " >/dev/full")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "standard output" in run.stderr
    run = shell(typed("methods") + " >/dev/full")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)


def test_a_reader_that_has_seen_enough_is_no_error():
    run = shell(f"set -o pipefail; {typed('methods')} | true")
    assert (run.returncode, run.stderr) == (0, "")


def test_files_are_not_taken_for_streams_that_are_closed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys; from hyperfocal.cli.ending import mend_streams; mend_streams()\n"
        f"print(os.open({str(tmp_path / 'x')!r}, os.O_CREAT) > 2, file=sys.stderr)"
    )
    assert shell(f"{sys.executable} {program} <&- >&-").stderr == "True\n"
