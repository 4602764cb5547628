"""CSV with one line for each number: value, interval, n, direction and key, rows without numbers included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.contract.cells import SHOWN_LABELS
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.numbers import Number, Source
from harness.results.table import csv_of


def csv_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file; it holds everything."""
    return {"table.csv": csv_of([_line(source, number) for number in source.numbers()], ("suite",))}, ()


def _line(source: Source, number: Number) -> dict[str, Any]:
    row, estimate = number.row, number.estimate
    line: dict[str, Any] = {"suite": source.suite, "experiment": row.experiment}
    line |= {role: row.labels.get(role, "") for role in SHOWN_LABELS}
    line |= {"seed": row.seeds, "status": str(row.status), "metric": number.metric}
    line |= {"direction": number.direction, "unit": number.unit}
    names = ("value", "low", "high", "level", "method", "n", "n_missing", "null", "p", "within")
    line |= {name: None if estimate is None else getattr(estimate, name) for name in names}
    return {**line, "reason": number.reason, "key": row.key, "derived": row.derived}
