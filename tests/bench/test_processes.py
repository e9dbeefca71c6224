from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hyperfocal.bench.processes import Finished, Processes
from hyperfocal.errors import Cancelled


def python(code: str, log: Path, timeout: float = 30) -> Finished:
    return Processes().run([sys.executable, "-S", "-c", code], timeout=timeout, log=log)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path.name} was not written")


def wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(process):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_time_and_memory_are_those_of_the_program_and_its_children(tmp_path: Path) -> None:
    child = "block = bytearray(150_000_000); block[::4096] = bytes(len(block[::4096]))"
    code = (
        "import subprocess, sys, time; time.sleep(0.3)\nstart = time.process_time()\n"
        "while time.process_time() < start + 0.3: pass\n"
        f"subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    )
    done = python(code, tmp_path / "log")
    assert done.exit_code == 0
    assert done.wall_s >= 0.6
    assert 0.3 <= done.cpu_s <= done.wall_s
    assert 150e6 < done.peak_bytes < 200e6


def test_a_small_program_is_not_charged_with_the_memory_of_ours(tmp_path: Path) -> None:
    ours = np.ones(40_000_000)
    assert python("pass", tmp_path / "log").peak_bytes < 30e6 < ours.nbytes


def test_output_and_exit_code_are_kept(tmp_path: Path) -> None:
    done = python("import sys; print('one'); sys.exit('two')", tmp_path / "log")
    assert done.exit_code == 1
    assert sorted((tmp_path / "log").read_text().split()) == ["one", "two"]
    killed = python("import os; os.kill(os.getpid(), 11)", tmp_path / "log")
    assert (killed.exit_code, killed.is_late) == (-11, False)


FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open({path!r}, "w") as file:
    print(child.pid, os.getpid(), file=file)
time.sleep({seconds})
"""


@pytest.mark.parametrize(("seconds", "timeout"), [(600, 1), (0, 30)])
def test_nothing_outlives_its_time_or_its_parent(
    tmp_path: Path, seconds: int, timeout: float
) -> None:
    code = FAMILY.format(path=str(tmp_path / "pids"), seconds=seconds)
    done = python(code, tmp_path / "log", timeout)
    assert done.is_late == (timeout == 1)
    for process in map(int, (tmp_path / "pids").read_text().split()):
        wait_until_gone(process)


def test_stopping_ends_what_runs_and_lets_nothing_start(tmp_path: Path) -> None:
    processes = Processes()
    code = FAMILY.format(path=str(tmp_path / "pids"), seconds=600)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            processes.run([sys.executable, "-S", "-c", code], timeout=600, log=tmp_path / "log")
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    pids = wait_for(tmp_path / "pids")
    processes.stop()
    thread.join(10)
    assert raised
    assert os.getpid() not in map(int, pids.split())
    for process in map(int, pids.split()):
        wait_until_gone(process)
    with pytest.raises(Cancelled):
        processes.run(["true"], timeout=1, log=tmp_path / "log")
