"""Rows and cells by the name that tables print."""

from __future__ import annotations

import pytest

from harness.contract.cells import Cell, Use
from harness.contract.errors import UsageError
from harness.contract.rows import Row, Status
from harness.results.named_rows import rows_called
from harness.suite.plan import Plan

TASK = Use("task", "p/t", "t", 1, {})


def row(model: str, attack: str, cell: str, seed: int = 0, **more: object) -> Row:
    labels = {"data": "digits", "model": model, "attack": attack}
    return Row("e", labels, seed, Status.OK, cell=cell, **{"comparability": {"task": attack}, **more})  # type: ignore[arg-type]


ROWS = [
    row("hardened", "none", "hardened.s0-1"),
    row("hardened", "fmn", "hardened.fmn.s0-2"),
    row("standard", "fmn", "standard.fmn.s0-3"),
    row("standard", "worst case", "", derived="worst_case", facts={"display": {"threat": "linf ≤ 0.1"}}),
    row("standard", "worst case", "", derived="worst_case", facts={"display": {"threat": "l2 ≤ 1"}}),
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("hardened / fmn", [1]),
        ("fmn / hardened", [1]),
        ("digits / hardened / fmn", [1]),
        ("fmn", [1, 2]),
        ("hardened.fmn.s0-2", [1]),
        ("s0-3", [2]),
        ("worst case", [3, 4]),
        ("standard / worst case / l2 ≤ 1", [4]),
        (ROWS[1].key[:8], [1, 2]),
        ("e / hardened / seed 0", [0, 1]),
    ],
)
def test_a_row_has_several_names(name: str, found: list[int]) -> None:
    assert [ROWS.index(each) for each in rows_called(name, ROWS)] == found


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"(?s)no row is called .soft / fmn.; there are\n  hardened / none\n"):
        rows_called("soft / fmn", ROWS)


def cell(model: str, attack: str | None, seed: int = 0) -> Cell:
    treatment = Use("attack", f"p/{attack}", attack, 1, {}) if attack else None
    return Cell("e", TASK, {"model": Use("model", f"p/{model}", model, 1, {}), "attack": treatment}, (), seed)


CELLS = (cell("hardened", None), cell("hardened", "fmn"), cell("standard", "fmn"), cell("standard", "fmn", 1))
PLAN = Plan("s", "", "s.yaml", {}, CELLS)
KEYS = {CELLS[1].id: ["aaaa1111"], CELLS[2].id: ["aaaa2222", "bbbb0000"]}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("hardened / none", 0),
        ("hardened / fmn", 1),
        ("standard / fmn / seed 1", 3),
        (CELLS[2].id, 2),
        ("hardened.fmn", 1),
        ("aaaa2", 2),
        ("bbbb0000", 2),
    ],
)
def test_a_cell_is_found_by_its_row(name: str, found: int) -> None:
    assert PLAN.find_cell(name, KEYS) is CELLS[found]


@pytest.mark.parametrize("name", ["standard / fmn", "fmn", "aaaa", "soft"])
def test_several_or_none_are_listed_with_their_rows(name: str) -> None:
    with pytest.raises(UsageError, match="standard / fmn"):
        PLAN.find_cell(name, KEYS)
