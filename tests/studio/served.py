"""A studio that runs: its process, its address, and requests as its own page sends them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np

CHANGE = {"x-hyperfocal": "1"}


def write_shoot(root: Path, *, stacks=("beetle",), count=4, height=240, width=320, seed=0):
    """Folders of frames, each sharp in another band of a texture; the textures come back."""
    rng = np.random.default_rng(seed)
    sharp = {}
    for name in stacks:
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        texture = cv2.GaussianBlur(rng.uniform(0, 255, (height, width, 3)), (0, 0), 1.2)
        texture = cv2.normalize(texture, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)
        blurred = cv2.GaussianBlur(texture, (0, 0), 4)
        for index in range(count):
            frame = blurred.copy()
            band = slice(index * height // count, (index + 1) * height // count)
            frame[band] = texture[band]
            cv2.imwrite(str(folder / f"frame_{index}.png"), frame)
        sharp[name] = texture
    return sharp


class Served:
    """The process of a studio, and a client that has entered it."""

    def __init__(self, folder: Path, *options: str, environment=None):
        command = [sys.executable, "-m", "hyperfocal", "studio", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--no-browser", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.process.stdout.readline()
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError(self.process.stderr.read())
        parts = urlsplit(self.address)
        self.base, self.port = f"http://{parts.netloc}", parts.port
        self.client = httpx.Client(base_url=self.base, timeout=60, follow_redirects=False)
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                assert self.client.get(self.address).status_code == 303
                break
            time.sleep(0.05)

    def get(self, url, /, **query):
        return self.client.get(url, params=query)

    def send(self, method, url, /, **body):
        return self.client.request(method, url, json=body, headers=CHANGE)

    def opened(self, stack="beetle"):
        answer = self.send("POST", "/api/stacks", path=".", stack=stack)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tile(self, stack, layer, level, x=0, y=0, **query):
        """The pixels of a tile, exactly."""
        answer = self.get(f"/api/stacks/{stack}/tiles/{layer}/{level}/{x}/{y}.png", **query)
        assert answer.status_code == 200, answer.text
        decoded = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)

    def fused(self, stack, *, kind="fuse", method="lp", **more):
        """Fuse, wait, and give the result."""
        recipe = {"method": method, **more.pop("recipe", {})}
        answer = self.send("POST", f"/api/stacks/{stack}/tasks", kind=kind, recipe=recipe, **more)
        assert answer.status_code == 202, answer.text
        task = self.wait(answer.json()["number"])
        assert task["state"] == "done", task
        return self.get(f"/api/stacks/{stack}").json()["results"][-1]

    def wait(self, number, seconds=60):
        """The task, when it has come to an end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            task = self.get(f"/api/tasks/{number}").json()
            if task["state"] not in ("waiting", "running"):
                return task
            time.sleep(0.05)
        raise TimeoutError(json.dumps(task))

    def close(self):
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
