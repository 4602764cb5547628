"""A run or a table file as one side of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from harness.contract.cells import Use
from harness.contract.errors import HarnessError, InvalidOutput, UsageError
from harness.contract.records import Records
from harness.contract.rows import Row
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.results.comparison.compare import ExampleInfluences, ExampleValues, MetricFacts, Side
from harness.results.table import table_json
from harness.scoring.plugin_calls import PluginCalls, Scoring
from harness.scoring.rows import recorded_rows
from harness.signatures import SignatureReader
from harness.store.open import cached_signatures, open_store
from harness.store.records import RECORDS, read_records
from harness.store.run_folder import RUN, RunFolder, runs_in
from harness.suite.plan import Plan

_MEAN_TOLERANCE = 1e-6
Answer = TypeVar("Answer")


def open_sides(a: str, b: str, results: Path, catalog: Catalog, calls: PluginCalls) -> tuple[Side, Side]:
    """Both sides of a comparison, each a run or a table file.

    Args:
        a, b: a run's folder, `suite/run-id`, the name of a suite for its latest run, or a file such as table.json.
        results: the results folder.
        catalog: where metrics are looked up.
        calls: calls them.

    Raises:
        UsageError: there is no such run, or a file that is not a table.
    """
    signatures = cached_signatures(results, catalog)
    return _open(a, results, catalog, signatures, calls), _open(b, results, catalog, signatures, calls)


def open_side(name: str, results: Path, catalog: Catalog, calls: PluginCalls) -> Side:
    """One side of a comparison; as `open_sides`."""
    return _open(name, results, catalog, cached_signatures(results, catalog), calls)


def open_latest(name: str, results: Path, catalog: Catalog, calls: PluginCalls) -> tuple[list[Side], list[str]]:
    """The latest run of every suite of a results folder, or the one run or table that is named.

    Args:
        name: a results folder, or what `open_sides` takes.
        results: the results folder of a run that is named.
        catalog: where metrics are looked up.
        calls: calls them.

    Returns:
        The sides, and what could not be read and why.

    Raises:
        UsageError: nothing can be read.
    """
    suites = sorted({path.parents[1] for path in Path(name).glob(f"*/*/{RUN}")})
    latest = {suite: runs[-1] for suite in suites if (runs := runs_in(suite))}
    if not latest:
        return [_open(name, results, catalog, cached_signatures(results, catalog), calls)], []
    signatures = cached_signatures(Path(name), catalog)
    sides, notes = [], []
    for run in latest.values():
        try:
            sides.append(_open(str(run), Path(name), catalog, signatures, calls))
        except UsageError as error:
            notes.append(f"left out: {error}")
    if not sides:
        raise UsageError("\n".join(notes))
    return sides, notes


def _open(name: str, results: Path, catalog: Catalog, signatures: SignatureReader, calls: PluginCalls) -> Side:
    if Path(name).is_file():
        rows = _read_table(Path(name))
        return Side(name, Path(name), rows, _installed_facts(rows, catalog, signatures))
    if Path(name).suffix == ".json":
        raise UsageError(f"there is no table file {name!r}")
    folder = RunFolder.find(name, results)
    plan, rows = recorded_rows(folder, Scoring(catalog, open_store(results, needs_writing=False), calls))
    return side_of(folder, plan, rows, catalog, signatures, calls)


def side_of(
    folder: RunFolder,
    plan: Plan,
    rows: Sequence[Row],
    catalog: Catalog,
    signatures: SignatureReader,
    calls: PluginCalls,
) -> Side:
    """A run whose rows are known as one side of a comparison."""
    uses = {(e.name, use.label): use for e in plan.experiments.values() for use in e.metrics}
    planned = {key: _facts(use, catalog, signatures) for key, use in uses.items()}
    facts = {**_installed_facts([row for row in rows if row.derived], catalog, signatures), **planned}
    measured = _Measured(folder, uses, calls)
    return Side(
        f"{plan.suite}/{folder.run_id}",
        folder.path,
        rows,
        facts,
        measured.values,
        measured.influences,
        measured.records,
    )


def _read_table(path: Path) -> list[Row]:
    try:
        return table_json(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except InvalidOutput as error:
        raise UsageError(
            f"{path} is no table that this version can read: {error}; "
            "give the table.json of a run, made again with `harness table` if it is old"
        ) from None


def _facts(use: Use, catalog: Catalog, signatures: SignatureReader) -> MetricFacts:
    signature = signatures.read(catalog.find(use.kind, use.name).component)
    return MetricFacts(signature.direction, signature.unit, use.identity)


def _installed_facts(
    rows: Sequence[Row], catalog: Catalog, signatures: SignatureReader
) -> dict[tuple[str, str], MetricFacts]:
    """Return facts of the installed metrics, or aggregates, of these labels; which version made them is not known."""
    facts = {}
    for key in {(row.experiment, label) for row in rows for label in row.estimates}:
        for kind in ("metric", "aggregate"):
            with suppress(HarnessError):
                signature = signatures.read(catalog.find(kind, key[1]).component)
                facts[key] = MetricFacts(signature.direction, signature.unit)
                break
    return facts


@dataclass(frozen=True)
class _Measured:
    """The records of a run, and what its metrics say of single examples."""

    folder: RunFolder
    uses: Mapping[tuple[str, str], Use]
    calls: PluginCalls

    def values(self, row: Row, metric: str) -> ExampleValues | None:
        """The values per example of a metric at a row, whose mean is the metric's value."""
        values = self._asked(row, metric, "per_example", self.calls.per_example)
        if values is None:
            return None
        found = ExampleValues(self._ids(row), values)
        _check_mean(found, row.estimates[metric].value, metric)
        return found

    def influences(self, row: Row, metric: str) -> ExampleInfluences | None:
        """What the examples add to a metric at a row."""
        influences = self._asked(row, metric, "influences", self.calls.influences)
        return None if influences is None else ExampleInfluences(self._ids(row), influences)

    def records(self, row: Row) -> Records | None:
        """The records of a row."""
        path = self.folder.cell(row.cell)
        return read_records(path, row.protocol) if row.cell and (path / RECORDS).is_file() else None

    def _ids(self, row: Row) -> list[str]:
        return [str(name) for name in read_records(self.folder.cell(row.cell), row.protocol)["id"]]

    def _asked(
        self,
        row: Row,
        label: str,
        method: str,
        ask: Callable[[Use, Path, Mapping[str, Any]], Answer | Fault | None],
    ) -> Answer | None:
        """The answer of a metric about the records of a row; None for what has none."""
        use, path = self.uses.get((row.experiment, label)), self.folder.cell(row.cell)
        if use is None or row.derived or not row.cell or not (path / RECORDS).is_file():
            return None
        answered = ask(use, path, row.protocol)
        if isinstance(answered, Fault):
            raise InvalidOutput(f"{method} of {use.label}: {answered.reason}")
        return answered


def _check_mean(values: ExampleValues, value: float | None, label: str) -> None:
    """Raise InvalidOutput unless the mean is the metric's value, since a paired test would test something else."""
    counted = values.values[~np.isnan(values.values)]
    mean = float(counted.mean()) if len(counted) else None
    if mean is None or value is None or not np.isclose(mean, value, rtol=_MEAN_TOLERANCE, atol=_MEAN_TOLERANCE):
        problem = "no example counts" if mean is None else f"its mean is {mean:.6g}"
        raise InvalidOutput(f"per_example of {label}: {problem}, but the metric's value is {value}")
