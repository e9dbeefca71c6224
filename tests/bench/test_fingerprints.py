"""What a change of our source makes forgotten, and what it leaves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperfocal.bench import fingerprints


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of our source that may be changed, weights replaced by small files."""
    ours = fingerprints._SOURCE
    copy = tmp_path / "hyperfocal"
    shutil.copytree(ours, copy, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    for path in ours.glob("*/*/weights/*"):
        small = copy / path.relative_to(ours)
        small.parent.mkdir(exist_ok=True)
        small.write_text(path.name)
    monkeypatch.setattr(fingerprints, "_SOURCE", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    fingerprints._of_code.cache_clear()
    fingerprints.of_metric.cache_clear()


def is_method_changed(path: Path, method: str) -> bool:
    before = fingerprints.of_method(method)
    change(path)
    return fingerprints.of_method(method) != before


def is_metric_changed(path: Path, metric: str) -> bool:
    before = fingerprints.of_metric(metric)
    change(path)
    return fingerprints.of_metric(metric) != before


def change(path: Path) -> None:
    path.write_text(path.read_text() + "\n# changed\n" if path.exists() else "# new\n")
    forget()


@pytest.mark.parametrize(
    "name",
    [
        "decision/blending.py",
        "fusion/passes.py",
        "baselines/lp.py",
        "methods/__init__.py",
        "methods/_new.py",
        "measures/tenengrad.py",
        "io/formats/png.py",
        "cli/commands/fuse.py",
    ],
)
def test_a_method_is_run_again_after_a_change_of_what_it_runs(source: Path, name: str) -> None:
    assert is_method_changed(source / name, "lp")


@pytest.mark.parametrize(
    "name",
    [
        "methods/sesf.py",
        "methods/prism/__init__.py",
        "baselines/new.py",
        "metrics/qg.py",
        "bench/tables.py",
        "cli/commands/evaluate.py",
        "training/loop.py",
        "measures/ums/weights/ums.onnx",
    ],
)
def test_a_method_is_not_run_again_after_any_other_change(source: Path, name: str) -> None:
    assert not is_method_changed(source / name, "lp")


def test_a_method_with_options_depends_on_its_file_and_weights(source: Path) -> None:
    for name in ("methods/sesf.py", "measures/sesf/weights/sesf-sse.onnx"):
        assert is_method_changed(source / name, "sesf:radius=7,attention=sse")


@pytest.mark.parametrize(
    ("name", "is_changed"),
    [
        ("metrics/qg.py", True),
        ("metrics/_gradients.py", True),
        ("metrics/_grey.py", True),
        ("evaluation.py", True),
        ("metrics/qm.py", False),
        ("metrics/_phase_congruency.py", False),
        ("decision/blending.py", False),
    ],
)
def test_a_metric_depends_on_its_file_and_what_it_imports(
    source: Path, name: str, is_changed: bool
) -> None:
    assert is_metric_changed(source / name, "qg") == is_changed
