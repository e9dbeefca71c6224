"""Draw files, have them judged, count the verdicts."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.damage import damaged
from tests.fuzz.judging import FAULTS, SECONDS, Judge
from tests.fuzz.sound import files


@dataclass
class Tally:
    """Verdicts by kind of file, and the faults with where their files are kept."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    most_bytes: int = 0

    def table(self) -> str:
        columns = sorted({each for row in self.counts.values() for each in row})
        lines = [
            "| file | all | " + " | ".join(columns) + " |",
            "| --- |" + " ---: |" * (len(columns) + 1),
        ]
        rows = {**self.counts, "all": sum(self.counts.values(), Counter())}
        for name, row in rows.items():
            told = " | ".join(str(row[each] or "") for each in columns)
            lines.append(f"| {name} | {row.total()} | {told} |")
        return "\n".join(lines)


def run(
    folder: Path, *, count: int, seed: int, only: str = "", seconds: float = SECONDS
) -> Iterator[Tally]:
    """The tally after each file; files of faults stay in `folder`."""
    rng, tally = random.Random(seed), Tally()
    sound = {name: path for name, path in files(folder / "sound").items() if only in name}
    with Judge(seconds=seconds) as judge:
        known = {name: judge.verdict(path) for name, path in sound.items()}
        for name, told in known.items():
            assert told["verdict"] == "fused", (name, told)
        for number in range(count):
            name = list(sound)[number % len(sound)]
            target = folder / f"{number}_{sound[name].name}"
            what = damaged(rng, sound[name], target)
            told = judge.verdict(target)
            verdict = told["verdict"]
            if verdict == "fused":
                is_same = told["pixels"] == known[name]["pixels"]
                verdict = "same" if is_same else "silent" if what == "cut" else "other"
            tally.counts.setdefault(name, Counter())[verdict] += 1
            tally.most_bytes = max(tally.most_bytes, told.get("peak_bytes", 0))
            if verdict in FAULTS:
                tally.faults.append(f"{verdict}: {target} ({what}): {told.get('why', '')}")
            elif target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink()
            yield tally
