"""A process that fuses one file after another, and who watches it: time, memory, death.

What is given is a path a line, what comes back a verdict a line, as JSON.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import traceback
import zlib
from pathlib import Path
from typing import Any

SECONDS = 20.0
ROOM = 4 << 30  # bytes of address space
MOST_MEMORY = 1_500_000_000  # bytes for a small file
FAULTS = ("error", "memory", "hang", "died", "silent", "unreadable")


class Judge:
    """Judges files, in a process that is replaced when it is lost. Close it."""

    def __init__(self, *, seconds: float = SECONDS, program: str = "tests.fuzz.judging"):
        self._seconds, self._program = seconds, program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def verdict(self, path: Path) -> dict[str, Any]:
        """What became of a file: `verdict`, and what tells why."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )  # fmt: skip
            self._line()  # it is ready; loading is not the file's time
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{path}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._lost("died")
        line = self._line()
        if not line:
            return self._lost("hang" if line is None else "died")
        told: dict[str, Any] = json.loads(line)
        if told["verdict"] not in FAULTS and told["peak_bytes"] > MOST_MEMORY:
            told |= {"verdict": "memory", "why": f"{told['peak_bytes'] / 1e9:.1f} GB"}
            self.__exit__()  # the peak is that of the process
        return told

    def _line(self) -> bytes | None:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], self._seconds)
        return self._process.stdout.readline() if ready else None

    def _lost(self, verdict: str) -> dict[str, Any]:
        self.__exit__()
        return {"verdict": verdict, "why": f"within {self._seconds:.0f} s"}


def answer(judged: Any = None) -> None:
    """Judge what is named on standard input; `judged` is told a path."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries may print
    out.write("ready\n")
    out.flush()
    with tempfile.TemporaryDirectory(prefix="hyperfocal-fuzz-") as folder:
        for number, line in enumerate(sys.stdin):
            target = Path(folder) / f"{number}.tif"
            told = guarded(judged or fused, Path(line.rstrip("\n")), target)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            told["peak_bytes"] = peak * (1 if sys.platform == "darwin" else 1024)
            target.unlink(missing_ok=True)
            out.write(json.dumps(told) + "\n")
            out.flush()


def guarded(judged: Any, path: Path, target: Path) -> dict[str, Any]:
    """The verdict, whatever is raised."""
    from hyperfocal.errors import HyperfocalError

    try:
        return dict(judged(path, target))
    except HyperfocalError as error:
        verdict = "error" if "\n" in str(error) or target.exists() else "refused"
        return {"verdict": verdict, "why": str(error)}
    except MemoryError as error:
        return {"verdict": "memory", "why": str(error)}
    except BaseException as error:
        return {"verdict": "error", "why": "".join(traceback.format_exception(error)[-3:])}


def fused(path: Path, target: Path) -> dict[str, Any]:
    """Fuse a file with itself, or its frames, and read the result again."""
    import hyperfocal
    from hyperfocal.io import formats

    sources = formats.open_frames(path)
    for source in sources[:3]:
        formats.capture_info(source.info.exif)
    frames = path if len(sources) > 1 else [path, path]
    method = "select:consistency=no"
    made = hyperfocal.fuse(frames, target, method=method, align="none", exposure="none").picture
    try:
        again = formats.open_frames(target)[0].read()
    except hyperfocal.HyperfocalError as error:
        return {"verdict": "unreadable", "why": str(error)}
    if again.reshape(made.shape).tobytes() != made.tobytes():
        return {"verdict": "unreadable", "why": "other pixels"}
    return {"verdict": "fused", "pixels": zlib.crc32(made.tobytes())}


if __name__ == "__main__":
    answer()
