"""Work side by side: every part once, errors let through, no thread left to wait for."""

import subprocess
import sys
import threading

import pytest

from hyperfocal.compute import parallel


def test_every_part_is_done_once():
    done = []
    parallel.for_each(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_an_error_in_a_part_is_raised():
    def work(part):
        if part == 3:
            raise ValueError("part 3")

    with pytest.raises(ValueError, match="part 3"):
        parallel.for_each(work, range(10))


def test_one_part_is_done_where_it_was_asked_for():
    names = []
    parallel.for_each(lambda part: names.append(threading.current_thread().name), [1])
    assert names == [threading.current_thread().name]


def test_work_is_done_where_no_thread_can_be_started(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(parallel, "_threads", lambda: parallel._Threads(2))
    done = []
    parallel.for_each(done.append, range(5))
    assert done == list(range(5))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_a_thread_starts_lets_the_process_end(name):
    program = f"""
import os, signal, threading
def stop(number, frame): raise KeyboardInterrupt
signal.signal(signal.{name}, stop)
real = threading.Thread.start
def start(self):
    real(self)
    if "worker" in self.name: os.kill(os.getpid(), signal.{name})
threading.Thread.start = start
from hyperfocal.compute import parallel
try: parallel.for_each(print, [1, 2])
except KeyboardInterrupt: print("stopped")
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "stopped\n"
