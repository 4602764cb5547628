"""Suites run in a temporary folder, and what must be equal in two runs of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from harness.contract.components import Kind
from harness.contract.records import Records
from harness.coordinator.options import RunArguments
from harness.library import Run, run
from harness.plugins import PluginFolders, load_catalog
from harness.results.report.page import make_page, render
from harness.results.table import views
from harness.scoring.in_process import InThisProcess
from harness.signatures import Signature, SignatureReader, read_signature
from harness.store.record_differences import record_differences


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


def signature_of(kind: Kind, name: str) -> Signature:
    """Return the signature of an installed component: its parameters, and what it needs of a model.

    Raises:
        UsageError: there is no such component.
        SignatureError: its target cannot be imported, or its signature cannot be expressed in a suite.
    """
    return read_signature(load_catalog().find(kind, name).component)


def page_of(run: Run, plugin_folders: PluginFolders = ()) -> str:
    """The page of a run as HTML, as `harness report` writes it; an AssertionError where a plugin's section fails."""
    catalog = load_catalog(plugin_folders)
    shown, calls = views(run.plan, run.rows, SignatureReader(), catalog), InThisProcess(catalog)
    page = make_page(run.folder, run.plan, run.rows, shown, catalog, calls)
    assert not page.warnings, "; ".join(page.warnings)
    return render(page)


def assert_same_records(
    first: Run,
    second: Run,
    *,
    tolerance: float = 1e-5,
    margins: Sequence[str] = (),
    margin: float = 1e-3,
    at_most: int = 2,
) -> None:
    """Assert that two runs of one suite have the same records, whatever the batch size or the order of cells.

    Args:
        first, second: the runs.
        tolerance: allowed difference of floating-point columns.
        margins: columns that say how far an example is from another outcome, such as another class; the first one that
            the records of a cell have counts. Without any no example may differ.
        margin: an example may differ only if it is closer than this, which makes it round-off.
        at_most: number of examples of a cell that may differ for that reason.
    """
    cells = {row.cell: row for row in second.rows if row.cell}
    for row in first.rows:
        if row.cell and row.n is not None:
            assert row.cell in cells, f"the second run has no cell {row.cell}"
            one, two = first.records(row), second.records(cells[row.cell])
            differing = _differing(one, two, row.cell, tolerance, margins)
            assert len(differing) <= at_most, f"{row.cell}: {len(differing)} examples differ: {differing}"
            assert all(distance is not None and abs(distance) < margin for distance in differing.values()), (
                f"{row.cell}: these differ by more than round-off: {differing}"
            )


def _differing(
    one: Records, two: Records, cell: str, tolerance: float, margins: Sequence[str]
) -> dict[str, float | None]:
    """The ids of the examples that differ, each with how far it is from another outcome, if that is known."""
    found = record_differences(one, two, tolerance=tolerance, margins=())
    assert not found.mismatch, f"{cell}: {found.mismatch}"
    column = next((name for name in margins if name in one.table.column_names), "")
    distances = dict(zip(one["id"].tolist(), one.table.column(column).to_pylist(), strict=True)) if column else {}
    return {example: distances.get(example) for example in found.beyond}
