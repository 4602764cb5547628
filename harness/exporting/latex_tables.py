"""Tables for LaTeX (booktabs): one for each experiment, with intervals, n, status, key, and why numbers are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.escaping import latex_table
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.numbers import Source
from harness.results.table import TableView, metric_heading


def latex_files(source: Source, benchmarks: Benchmarks) -> tuple[Mapping[str, str], Sequence[str]]:
    """One file; it holds everything."""
    experiments = dict.fromkeys(row.experiment for row in source.rows)
    return {"table.tex": "\n".join(_table(source, name) for name in experiments)}, ()


def _table(source: Source, experiment: str) -> str:
    known = source.metrics.get(experiment, {})
    headings = {name: metric_heading(name, str(facts.get("direction", ""))) for name, facts in known.items()}
    units = {name: str(facts.get("unit", "")) for name, facts in known.items()}
    view = TableView([row for row in source.rows if row.experiment == experiment], headings, units)
    columns, body = view.columns()
    constants = ", ".join(f"{role} {label}" for role, label in view.constants().items())
    about = [f"{source.suite}: {experiment}", constants, "intervals at 95 %", *view.notes()]
    return latex_table(columns, body, f"{'; '.join(part for part in about if part)}.")
