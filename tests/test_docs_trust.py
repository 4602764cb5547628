"""Each line of the page on trust names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGE = Path("docs") / "explanation" / "trust.md"
COLUMNS = 3


def lines_of(root: Path) -> list[list[str]]:
    """The cells of each line of the table."""
    table = [line for line in (root / PAGE).read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1:]]


def names_in(path: Path) -> set[str]:
    """The names of the tests in a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_line_names_a_test_that_exists(root: Path) -> None:
    lines = lines_of(root)
    assert {line[0] for line in lines} >= {"a suite", "a run folder", "weights", "a table", "a plugin"}
    for line in lines:
        assert len(line) == COLUMNS, line
        named = re.fullmatch(r"`(test_\w+)` in `(tests/[\w/]+\.py)`", line[-1])
        assert named is not None, line
        assert named[1] in names_in(root / named[2]), line
