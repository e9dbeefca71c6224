"""`python -m tests.signals --count 100`: signals at random moments of the commands."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.signals.running import prepared, verdicts


def main() -> int:
    """0 where every run ended as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.signals")
    parser.add_argument("--count", type=int, default=100, help="runs of each command and signal")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    counts: dict[tuple[str, str], Counter[str]] = {}
    faults = 0
    with tempfile.TemporaryDirectory(prefix="hyperfocal-signals-") as folder:
        for each in verdicts(prepared(Path(folder)), count=given.count, seed=given.seed):
            kind = "fault" if each.fault else "had ended" if each.code == 0 else "stopped"
            counts.setdefault((each.command, each.name), Counter())[kind] += 1
            faults += bool(each.fault)
            if each.fault:
                print(f"{each.command} {each.name} after {each.after_s:.2f} s: {each.fault}")
    print("| command | signal | stopped | had ended | fault |\n| --- | --- | ---: | ---: | ---: |")
    for (command, name), row in sorted(counts.items()):
        print(f"| {command} | {name} | {row['stopped']} | {row['had ended']} | {row['fault']} |")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
