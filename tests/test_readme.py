"""What the README shows is run."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from hyperfocal import registry
from hyperfocal.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with the examples in it."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "macro_bug").symlink_to(ROOT / "examples" / "macro_bug")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_python_examples_run(here):
    first, *others = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(first.strip().splitlines()) <= 6
    assert others
    for code in (first, *others):
        exec(compile(code, "README.md", "exec"), {})
    assert (here / "beetle.png").stat().st_size > 100_000


@pytest.mark.parametrize("page", ["README.md", "docs/package.md"])
def test_the_python_examples_need_nothing_but_the_package(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)[0]
    exec(compile(first, page, "exec"), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beetle.png", "beetle_depth.tif"]


def test_the_package_s_description_leads_nowhere_that_an_index_lacks():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / declared["readme"]).read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert all(link.startswith("https://") for link in links)
    assert "urls" not in declared  # there is no public place yet
    versions = [each.split(":: ")[-1] for each in declared["classifiers"] if ":: 3." in each]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]


def test_what_is_packed_is_at_most_12_mb():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = declared["tool"]["setuptools"]["package-data"]["hyperfocal"]
    source = ROOT / "src" / "hyperfocal"
    packed = {path for pattern in ["**/*.py", *patterns] for path in source.glob(pattern)}
    assert sum(path.stat().st_size for path in packed) < 14e6  # which a wheel packs into 12
    assert len(list((source / "example_stack").glob("*.jpg"))) == 6


@pytest.mark.slow
def test_the_commands_run(here):
    commands = re.findall(r"^hyperfocal ((?:fuse|views|evaluate|methods).*)$", README, re.MULTILINE)
    assert commands
    for command in commands:
        main(shlex.split(command))


def test_the_table_names_every_method():
    for name in registry.names("methods"):
        assert f"`{name}`" in README
