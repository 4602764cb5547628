"""Computing the row of a cell from its records; metrics are computed once per version of their code and kept."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from harness.contract.cells import Cell, Use
from harness.contract.errors import InvalidOutput, NotApplicable
from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row, Status
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.scoring.limits import checked
from harness.scoring.plugin_calls import Scoring
from harness.store.cell_result import CellResult
from harness.store.keys import file_digest, key_of, statistics_of
from harness.store.records import RECORDS, read_records
from harness.store.store import array_digests


def without_numbers(row: Row) -> Row:
    """Return the row, skipped where it was measured and none of its metrics applies.

    Its records are right and its metrics too, they only do not fit together: an audit whose numbers need labels that
    the table lacks is not `ok`, and nothing has failed.
    """
    if not row.status.is_measured or not row.estimates or any(each.applies for each in row.estimates.values()):
        return row
    first: dict[str, str] = {}
    for label, estimate in row.estimates.items():
        first.setdefault(estimate.reason, label)
    reasons = "; ".join(f"{label}: {reason}" for reason, label in first.items())
    return replace(row, status=Status.SKIPPED, reason=f"no metric applies: {reasons}")


class Measurer:
    """Computes metrics on stored records.

    A metric that raises or returns nonsense loses its own number and the row's status `ok`, never the records.
    """

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring

    def row(self, cell: Cell, result: CellResult, folder: Path) -> Row:
        """Return the table row of a cell whose result and records lie in a folder."""
        estimates: dict[str, Estimate] = {}
        faults: dict[str, Fault] = {}
        for use in cell.metrics if result.n is not None else ():
            estimate = self._estimate(use, result, folder)
            if isinstance(estimate, Fault):
                estimates[use.label] = Estimate.undefined(estimate.reason, n=result.n or 0)
                faults[use.label] = estimate
            else:
                estimates[use.label] = estimate
        status, reason = result.status, result.reason
        if faults and status.is_measured:
            status = next(iter(faults.values())).status
            reason = "; ".join(f"metric {label}: {fault.reason}" for label, fault in faults.items())
        row = Row(
            experiment=cell.experiment,
            labels=cell.labels,
            seed=cell.seed,
            status=status,
            reason=reason,
            estimates=estimates,
            n=result.n,
            comparability=result.comparability,
            cost=result.cost,
            seconds=result.seconds,
            cell=cell.id,
            facts=result.stated_facts,
            components={role: use.identity if use else None for role, use in cell.components.items()},
        )
        return without_numbers(row)

    def measured(self, cell: Cell, result: CellResult, folder: Path) -> MeasuredCell:
        """Return the cell as aggregates are given it."""
        digest = file_digest(folder / RECORDS) if result.n is not None else ""
        return MeasuredCell(self.row(cell, result, folder), digest, lambda: self.records(result, folder), folder)

    def records(self, result: CellResult, folder: Path) -> Records:
        """Return the records of a cell."""
        return read_records(folder, result.protocol)

    def _estimate(self, use: Use, result: CellResult, folder: Path) -> Estimate | Fault:
        if not result.status.is_measured:
            return Estimate.undefined("no number while some records are in error", n=result.n or 0)
        inputs = {
            "records": file_digest(folder / RECORDS),
            "arrays": array_digests(folder),
            "protocol": result.protocol,
            "metric": use.identity,
            **statistics_of(__name__, [use], self._scoring.catalog, self._scoring.store),
        }
        key = key_of(inputs)
        if (stored := self._stored(key)) is not None:
            return stored
        estimate = self._scoring.checked(self._scoring.calls.estimate(use, folder, result.protocol))
        if isinstance(estimate, Estimate):
            self._scoring.store.put_json("estimates", key, asdict(estimate))
        return estimate

    def _stored(self, key: str) -> Estimate | None:
        """Return the estimate that the store holds; None of what is none, as in a store that somebody has edited."""
        try:
            stored = self._scoring.store.get_json("estimates", key)
            return None if stored is None else Estimate(**stored)
        except (InvalidOutput, TypeError, ValueError, RecursionError, OSError):
            return None


def estimate_of(use: Use, records: Records, catalog: Catalog) -> Estimate:
    """Return what a metric says of records. Raises what the metric raises, and InvalidOutput."""
    metric = catalog.find("metric", use.name).component.load()(**use.arguments)
    missing = [column for column in metric.columns if column not in records]
    if missing:
        return Estimate.not_applicable(f"the records have no {', '.join(missing)}", n=len(records))
    try:
        estimate = metric.estimate(records)
    except NotApplicable as error:
        return Estimate.not_applicable(str(error), n=len(records))
    return checked(estimate, metric)
