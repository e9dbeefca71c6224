"""What the README shows is run."""

import re
import shlex
from pathlib import Path

import pytest

from hyperfocal import registry
from hyperfocal.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with the examples in it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_python_examples_run(here):
    first, *others = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(first.strip().splitlines()) <= 6
    assert others
    for code in (first, *others):
        exec(compile(code, "README.md", "exec"), {})
    assert (here / "fused.png").stat().st_size > 100_000


@pytest.mark.slow
def test_the_commands_run(here):
    commands = re.findall(r"^hyperfocal ((?:fuse|views|evaluate|methods).*)$", README, re.MULTILINE)
    assert commands
    for command in commands:
        main(shlex.split(command))


def test_the_table_names_every_method():
    for name in registry.names("methods"):
        assert f"`{name}`" in README
