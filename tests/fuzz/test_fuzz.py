"""A short run of the fuzzer, and that it would notice what it is there for."""

import random
from pathlib import Path

import pytest

from tests.fuzz.damage import damaged
from tests.fuzz.judging import Judge
from tests.fuzz.running import run
from tests.fuzz.sound import files

pytest.importorskip("resource", reason="limits of memory are POSIX's")


@pytest.mark.slow
def test_damaged_files_are_refused_in_one_line_or_fused(tmp_path):
    *_, tally = run(tmp_path, count=186, seed=20)
    assert not tally.faults, "\n".join(tally.faults)
    assert sum(row.total() for row in tally.counts.values()) == 186
    # Neither all refused at their first bytes nor all harmless.
    verdicts = sum((row for row in tally.counts.values()), start=type(tally.counts["ome"])())
    assert min(verdicts["refused"], verdicts["same"] + verdicts["other"]) > 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdict"),
    [("hang", "hang"), ("died", "died"), ("memory", "memory"), ("room", "memory"),
     ("error", "error"), ("sound", "fused")],
)  # fmt: skip
def test_a_fault_is_noticed_and_the_next_file_is_judged_all_the_same(name, verdict):
    with Judge(seconds=8, program="tests.fuzz.slips") as judge:
        assert judge.verdict(Path(name))["verdict"] == verdict
        assert judge.verdict(Path("sound"))["verdict"] == "fused"


def test_the_same_seed_damages_in_the_same_way(tmp_path):
    sound = files(tmp_path / "sound")["tif uint16"]
    for name in "ab":
        damaged(random.Random(5), sound, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != sound.read_bytes()
