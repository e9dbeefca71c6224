"""The child process of the studio: one task in on stdin, lines of JSON out on stdout.

`{"step": [stage, index, count]}` as work goes on, then `{"done": …}` or `{"error": line}`. It ends
when stdin is closed, so that it never outlives the studio.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from hyperfocal import HyperfocalError
from hyperfocal.studio import tasks

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Do the task that stdin names."""
    told = _own_stdout()
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_studio, daemon=True).start()
    _be_the_first_to_go()

    def tell(line: dict[str, Any]) -> None:
        told.write(json.dumps(line) + "\n")
        told.flush()

    def on_step(stage: str, index: int, count: int) -> None:
        tell({"step": [stage, index, count]})

    try:
        tell({"done": tasks.TASKS[task["kind"]](task, on_step)})
    except HyperfocalError as error:
        tell({"error": " ".join(str(error).split())})
    except MemoryError:
        tell({"error": "there is not enough memory for this; close programs, or lower memory"})
    except Exception as error:
        line = " ".join(f"unexpected {type(error).__name__}: {error}; please report it".split())
        tell({"error": line, "trace": traceback.format_exc()})


def _own_stdout() -> TextIO:
    """Stdout for our lines alone; what libraries print goes to stderr."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", encoding="utf-8")


def _end_with_the_studio() -> None:
    while sys.stdin.readline():
        pass
    os._exit(3)


def _be_the_first_to_go() -> None:
    """Where memory runs out, the system is to end the fusion and not the studio."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("700")


if __name__ == "__main__":
    main()
