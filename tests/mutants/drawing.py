"""Mechanical mutants of a source file, and a seeded draw of them: one a file.

Kinds: a comparison at its border or turned round, an arithmetic operator exchanged, `and` for `or`,
a whole number one larger, a condition or truth value negated, a statement dropped. Left alone is
what no test could or should notice: types, docstrings, messages of errors, and what `assert` says.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*"}
_TEXTS = (ast.JoinedStr, ast.List, ast.Tuple)


@dataclass(frozen=True)
class Mutant:
    """A file with a slip in it: bytes `start` to `end` replaced."""

    path: Path  # below the root of the project
    kind: str
    start: int
    end: int
    by: str

    def applied(self, source: str) -> str:
        content = source.encode()
        return (content[: self.start] + self.by.encode() + content[self.end :]).decode()


def draw(root: Path, seed: int, count: int) -> list[Mutant]:
    """Mutants of so many files of the package, the same for the same seed and sources."""
    chosen = random.Random(seed)
    package = root / "src" / "hyperfocal"
    paths = sorted(path.relative_to(root) for path in package.rglob("*.py"))
    chosen.shuffle(paths)
    drawn = []
    for path in paths:
        by_kind: dict[str, list[Mutant]] = {}
        for mutant in mutants_of((root / path).read_text("utf-8"), path):
            by_kind.setdefault(mutant.kind, []).append(mutant)
        if by_kind:
            # The kind first, because there are more numbers than anything else.
            drawn.append(chosen.choice(by_kind[chosen.choice(sorted(by_kind))]))
        if len(drawn) == count:
            break
    return drawn


def mutants_of(source: str, path: Path) -> list[Mutant]:
    """All mutants of a file, in the order of their places."""
    finder = _Finder(source, path)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutant: (mutant.start, mutant.end, mutant.by))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str, path: Path):
        self.found: list[Mutant] = []
        self._path = path
        self._lines = [0]
        self._content = source.encode()
        for line in self._content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def _at(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first = self._lines[node.lineno - 1] + node.col_offset
        return first, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._at(node)
        return self._content[start:end].decode()

    def _add(self, kind: str, start: int, end: int, by: str) -> None:
        self.found.append(Mutant(self._path, kind, start, end, by))

    def _between(self, kind: str, left: ast.expr, right: ast.expr, by: str) -> None:
        """Replace the operator between two operands."""
        start, end = self._at(left)[1], self._at(right)[0]
        gap = self._content[start:end].decode()
        operator = gap.strip("() \t\n\\")
        if operator and "#" not in gap:  # no comment between them
            place = start + len(gap[: gap.index(operator)].encode())
            self._add(kind, place, place + len(operator.encode()), by)

    # What is left alone.

    def visit_Raise(self, node: ast.Raise) -> None:
        pass

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        pass

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in [node.args, *node.body]:
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
            for part in node.body:
                self.visit(part)

    # What becomes a mutant.

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            self._between("comparison", left, right, _COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        by = _ARITHMETIC.get(type(node.op))
        if by is not None and not any(map(_is_text, (node.left, node.right))):
            self._between("arithmetic", node.left, node.right, by)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        by = "or" if isinstance(node.op, ast.And) else "and"
        self._between("and/or", node.values[0], node.values[1], by)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add("negation", *self._at(node), str(not node.value))
        elif isinstance(node.value, int):
            self._add("number", *self._at(node), str(node.value + 1))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add("negation", *self._at(node), f"bool({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._add("negation", *self._at(node.test), f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add("dropped", *self._at(node), "pass")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("dropped", *self._at(node), "pass")
        self.visit(node.value)


def _is_text(node: ast.expr) -> bool:
    """Whether adding to it joins texts or lists, which nothing else than `+` can do."""
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, _TEXTS) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
