"""From the records of a cell to its row: metrics are computed once per version of their code and kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from harness.contract.cells import Cell, Use
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row
from harness.isolation import Fault, isolated
from harness.plugins import Catalog
from harness.store.cell_result import CellResult
from harness.store.keys import file_digest, key_of, statistics_of
from harness.store.records import RECORDS, read_records
from harness.store.store import Store, array_digests


class Measurer:
    """Computes metrics on stored records.

    A metric that raises or returns nonsense costs its own number and the row's `ok`, never the records.
    """

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog, self._store = catalog, store

    def row(self, cell: Cell, result: CellResult, folder: Path) -> Row:
        """The table row of a cell whose result and records lie in a folder."""
        estimates: dict[str, Estimate] = {}
        status, reason = result.status, result.reason
        for use in cell.metrics if result.n is not None else ():
            found = self._estimate(use, result, folder)
            if isinstance(found, Fault):
                estimates[use.label] = Estimate.undefined(found.reason, n=result.n or 0)
                if status.is_measured:
                    status, reason = found.status, f"metric {use.label}: {found.reason}"
            else:
                estimates[use.label] = found
        return Row(
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
            facts=result.facts,
            components={role: use.identity if use else None for role, use in cell.components.items()},
        )

    def measured(self, cell: Cell, result: CellResult, folder: Path) -> MeasuredCell:
        """The cell as aggregates see it."""
        digest = file_digest(folder / RECORDS) if result.n is not None else ""
        return MeasuredCell(self.row(cell, result, folder), digest, lambda: self.records(result, folder), folder)

    def records(self, result: CellResult, folder: Path) -> Records:
        """The records of a cell."""
        return read_records(folder, result.protocol)

    def _estimate(self, use: Use, result: CellResult, folder: Path) -> Estimate | Fault:
        if not result.status.is_measured:
            return Estimate.undefined("no number while some records are in error", n=result.n or 0)
        inputs = {
            "records": file_digest(folder / RECORDS),
            "arrays": array_digests(folder),
            "protocol": result.protocol,
            "metric": use.identity,
            **statistics_of(__name__, [use], self._catalog, self._store),
        }
        key = key_of(inputs)
        kept = self._store.get_json("estimates", key)
        if kept is not None:
            return Estimate(**kept)
        found = isolated(lambda: self._compute(use, self.records(result, folder)))
        if isinstance(found, Estimate):
            self._store.put_json("estimates", key, asdict(found))
        return found

    def _compute(self, use: Use, records: Records) -> Estimate:
        metric = self._catalog.find("metric", use.name).component.load()(**use.arguments)
        missing = [column for column in metric.columns if column not in records]
        if missing:
            return Estimate.not_applicable(f"the records have no {', '.join(missing)}", n=len(records))
        estimate = metric.estimate(records)
        if not isinstance(estimate, Estimate):
            raise InvalidOutput(f"it returned a {type(estimate).__name__}, not an Estimate")
        return estimate
