"""A judge's process with the faults that it must notice, by the names of files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.fuzz.judging import answer


def slipped(path: Path, target: Path) -> dict[str, Any]:
    if path.name == "hang":
        time.sleep(60)
    if path.name == "died":
        os._exit(3)
    if path.name == "memory":
        return {"verdict": "fused", "size": len(bytearray(1_700_000_000))}
    if path.name == "room":
        return {"verdict": "fused", "size": len(bytearray(8 << 30))}
    if path.name == "error":
        raise KeyError("a bug")
    return {"verdict": "fused"}


if __name__ == "__main__":
    answer(slipped)
