"""The OpenVINO engine among threads."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hyperfocal.inference.engines import openvino
from hyperfocal.inference.weights import shipped

pytestmark = pytest.mark.skipif(not openvino.is_installed(), reason="openvino is not installed")


class Request:
    """Takes its time, and notes how many others run meanwhile."""

    def __init__(self, notes):
        self.notes = notes

    def infer(self, given, **_):
        self.notes["now"] += 1
        self.notes["seen"].append(self.notes["now"])
        time.sleep(0.05)
        self.notes["now"] -= 1
        return [given["frame"]]


class Model:
    def __init__(self):
        self.notes = {"now": 0, "seen": []}

    def create_infer_request(self):
        return Request(self.notes)


def test_the_first_inference_of_a_process_runs_alone(monkeypatch):
    # Two first inferences side by side have stopped a run for good: each waited for the other.
    weights, shapes = shipped("sesf", "sesf-cse"), {"frame": (1, 1, 32, 32)}
    compiled = openvino.open_network(weights, "whole", precision="fp32", shapes=shapes)
    compiled._model = Model()
    monkeypatch.setattr(openvino, "_is_set_up", threading.Event())
    frame = {"frame": np.zeros((1, 1, 32, 32), np.float32)}
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(compiled, [frame] * 4))
        first = list(compiled._model.notes["seen"])
        list(threads.map(compiled, [frame] * 8))
    assert first[0] == 1
    assert first[1] == 1
    assert max(compiled._model.notes["seen"][4:]) > 1


QUIET = """
import os, sys
def seen(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect", "urllib.Request", "os.fork"):
        os.write(2, f"{event} {arguments!r}\\n".encode())
sys.addaudithook(seen)
import numpy as np, hyperfocal
frames = np.random.default_rng(0).integers(0, 255, (2, 60, 70, 3), np.uint8)
hyperfocal.fuse(frames, method="prism:engine=openvino")
print("openvino" in sys.modules)
"""


def test_a_run_looks_nothing_up_and_forks_nothing(tmp_path):
    home = {**os.environ, "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", QUIET], capture_output=True, text=True, check=True, env=home
    )
    assert run.stdout.strip() == "True"
    assert run.stderr == ""
    assert not list(tmp_path.iterdir())
