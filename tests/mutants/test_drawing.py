"""Mutants are what they say, the same for the same seed, and none is a file that cannot be read."""

import ast
from pathlib import Path

import pytest

from tests.mutants.drawing import draw, mutants_of
from tests.mutants.running import Copy, difference, own_tests

ROOT = Path(__file__).parents[2]
PATH = Path("src/hyperfocal/a.py")
SOURCE = '''"""Docstring with 1 < 2."""

class Thing:
    size: int = 3

    def grow(self, by: Literal[5] = 2) -> "A | None":
        assert by > 0
        if by <= 4 and not self.done:
            self.size += by * 2
            print("grown", "by " + str(by))
            return "é" if by == 3 else None
        raise ValueError(f"{by + 1} is too much")
'''


def changed(source):
    """The lines that mutants put in place of others."""
    before = source.splitlines()
    for mutant in mutants_of(source, PATH):
        for old, new in zip(before, mutant.applied(source).splitlines(), strict=True):
            if old != new:
                yield new.strip()


def test_every_kind_of_slip_is_made_and_nothing_else():
    assert sorted(changed(SOURCE)) == sorted(
        [
            "size: int = 4",
            'def grow(self, by: Literal[5] = 3) -> "A | None":',
            "if not (by <= 4 and not self.done):",
            "if by < 4 and not self.done:",
            "if by <= 4 or not self.done:",
            "if by <= 5 and not self.done:",
            "if by <= 4 and bool(self.done):",
            "pass",  # self.size += …
            "self.size += by / 2",
            "self.size += by * 3",
            "pass",  # print(…)
            'return "é" if by != 3 else None',
            'return "é" if by == 4 else None',
        ]
    )


def test_a_draw_is_the_same_for_its_seed_and_takes_one_of_a_file():
    drawn = draw(ROOT, 5, 40)
    assert drawn == draw(ROOT, 5, 40)
    assert drawn != draw(ROOT, 6, 40)
    assert len({mutant.path for mutant in drawn}) == 40
    assert len({mutant.kind for mutant in drawn}) > 3


def test_every_mutant_of_the_package_can_be_read_and_differs():
    for mutant in draw(ROOT, 1, 60):
        source = (ROOT / mutant.path).read_text("utf-8")
        after = mutant.applied(source)
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(source)), mutant
        assert difference(mutant.path, source, after).count("\n@@") == 1


def test_the_tests_of_a_source_are_those_of_its_mirrored_place():
    places = {
        "io/formats/png.py": ["tests/io/formats"],
        "alignment/crop.py": ["tests/alignment", "tests/test_alignment.py"],
        "methods/prism/network.py": ["tests/methods"],
        "options.py": ["tests/test_options.py"],
    }
    for path, tests in places.items():
        assert own_tests(ROOT, Path("src/hyperfocal", path)) == tests


@pytest.fixture
def project(tmp_path):
    """A package of one function and its test."""
    files = {
        "src/hyperfocal/__init__.py": "",
        "src/hyperfocal/sums.py": "def add(a, b):\n    return a + b\n",
        "tests/test_sums.py": "from hyperfocal.sums import add\n\n\ndef test_a_sum():\n"
        "    assert add(1, 2) == 3\n",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.mark.slow
def test_a_mutant_is_killed_by_a_test_that_fails_and_lives_without_one(project, tmp_path):
    copy = Copy(project, tmp_path / "copy", timeout_s=60)
    path, source = Path("src/hyperfocal/sums.py"), "def add(a, b):\n    return a + b\n"
    assert copy.judged(path, source, is_wide=True).killed_by == ""
    assert copy.judged(path, source.replace("+", "-"), is_wide=True).killed_by == "own tests"
    (copy.root / "tests" / "test_sums.py").unlink()
    assert copy.judged(path, source.replace("+", "-"), is_wide=False).killed_by == "other tests"
    assert (copy.root / path).read_text() == (project / path).read_text() == source
