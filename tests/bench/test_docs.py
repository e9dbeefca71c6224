"""What the documentation shows is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hyperfocal.bench.contenders import Outside
from hyperfocal.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bench.md").read_text("utf-8")


@pytest.mark.slow
def test_the_first_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib.pyplot", exc_type=ImportError)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^hyperfocal (bench examples.*)$", PAGE, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command))
    assert ended.value.code == 0
    assert "## examples (1 picture)" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "cache", "figures", "results.csv", "results.json", "results.md", "sheets",
    }  # fmt: skip


def test_the_templates_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    templates = re.findall(r'--command "([a-z]\w*: .*?)"', PAGE)
    assert len(templates) == 6
    for text in templates:
        assert Outside.parsed(text).name == text.partition(":")[0]
