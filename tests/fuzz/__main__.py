"""`python -m tests.fuzz --count 12000 --seed 11`: damage files, fuse them, tell what went wrong."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.fuzz.judging import SECONDS
from tests.fuzz.running import Tally, run


def main() -> int:
    """0 where every file was fused or refused as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, default=1000, help="files to damage")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds of files with this in their name")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="after which it hangs")
    parser.add_argument("--folder", type=Path, help="where files of faults stay")
    given = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(10)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="hyperfocal-fuzz-"))
    started, tally, told = time.monotonic(), Tally(), 0
    for tally in run(
        folder, count=given.count, seed=given.seed, only=given.only, seconds=given.seconds
    ):
        for fault in tally.faults[told:]:
            print(fault, flush=True)
        told = len(tally.faults)
    print(tally.table())
    print(
        f"\nseed {given.seed}: {len(tally.faults)} faults; at most "
        f"{tally.most_bytes / 1e6:.0f} MB; {time.monotonic() - started:.0f} s"
    )
    return 1 if tally.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
