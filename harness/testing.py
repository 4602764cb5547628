"""For the tests of plugin authors: run a suite in a temporary folder and check what every plugin promises.

from harness.testing import assert_same_records, run_suite

def test_my_attack(tmp_path):
    one = run_suite(SUITE, tmp_path / "a", plugin_folders=[HERE], batch_size=1)
    many = run_suite(SUITE, tmp_path / "b", plugin_folders=[HERE], batch_size=64)
    assert_same_records(one, many)
"""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import numpy as np

from harness.contract.records import Records
from harness.library import Run, run
from harness.run.options import RunArguments

_TIMINGS = {"seconds", "batch"}
"""Record columns that say how long something took and together with what."""


def run_suite(suite: str | Path, results: Path, /, **how: Unpack[RunArguments]) -> Run:
    """Run a suite on the CPU and in this process, unless told otherwise.

    Args:
        suite: a path, or the text of a suite.
        results: the results folder; two runs into one folder share finished cells and trained weights.
        **how: as those of `harness.run`, with other defaults: device ("cpu"), threads (1), isolation ("inline").
    """
    file = suite
    if isinstance(suite, str):
        results.mkdir(parents=True, exist_ok=True)
        file = results / "suite.yaml"
        file.write_text(suite, encoding="utf-8")
    arguments: RunArguments = {"results": results, "device": "cpu", "threads": 1, "isolation": "inline"}
    arguments.update(how)
    return run(file, **arguments)


def assert_same_records(
    first: Run, second: Run, *, tolerance: float = 1e-5, margin: float = 1e-3, at_most: int = 2
) -> None:
    """Assert that two runs of one suite have the same records, whatever the batch size or the order of cells.

    Args:
        first, second: the runs.
        tolerance: allowed difference of floating-point columns.
        margin: an example may differ only if its adversarial margin is smaller than this, which makes it round-off.
        at_most: how many examples of a cell may differ for that reason.
    """
    cells = {row.cell: row for row in second.rows if row.cell}
    for row in first.rows:
        if row.cell and row.n is not None:
            assert row.cell in cells, f"the second run has no cell {row.cell}"
            _assert_same(first.records(row), second.records(cells[row.cell]), row.cell, tolerance, margin, at_most)


def _assert_same(one: Records, two: Records, cell: str, tolerance: float, margin: float, at_most: int) -> None:
    assert one.table.column_names == two.table.column_names, f"{cell}: the columns differ"
    assert one["id"].tolist() == two["id"].tolist(), f"{cell}: the ids differ"
    differing: set[int] = set()
    for name in set(one.table.column_names) - _TIMINGS:
        left, right = one.table.column(name).to_pylist(), two.table.column(name).to_pylist()
        loose = tolerance if isinstance(next((v for v in left if v is not None), None), float) else 0.0
        differing |= {i for i, pair in enumerate(zip(left, right, strict=True)) if not _equal(*pair, loose)}
    if not differing:
        return
    column = "adversarial_margin" if "adversarial_margin" in one.table.column_names else "clean_margin"
    margins = one.table.column(column).to_pylist() if column in one.table.column_names else []
    told = {one["id"][i]: margins[i] if margins else None for i in sorted(differing)}
    assert len(differing) <= at_most, f"{cell}: {len(differing)} examples differ: {told}"
    assert margins, f"{cell}: {told} differ"
    assert all(margins[i] is not None and abs(margins[i]) < margin for i in differing), (
        f"{cell}: these differ by more than round-off: {told}"
    )


def _equal(left: object, right: object, tolerance: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return bool(np.isclose(left, right, rtol=tolerance, atol=tolerance))
    return left == right
