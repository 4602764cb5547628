"""A run or a table file as one side of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.contract.cells import Use
from harness.contract.errors import HarnessError, InvalidOutput, UsageError
from harness.contract.records import Records
from harness.contract.rows import Row
from harness.contract.tasks import PerExample
from harness.isolation import Fault, isolated
from harness.plugins import Catalog
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side
from harness.results.table import table_json
from harness.scoring.rows import recorded_rows
from harness.signatures import SignatureReader
from harness.store.open import cached_signatures, open_store
from harness.store.records import RECORDS, read_records
from harness.store.run_folder import RUN, RunFolder

_MEAN_TOLERANCE = 1e-6


def open_sides(a: str, b: str, results: Path, catalog: Catalog) -> tuple[Side, Side]:
    """Both sides of a comparison, each a run or a table file.

    Args:
        a, b: a run's folder, `suite/run-id`, the name of a suite for its latest run, or a file such as table.json.
        results: the results folder.
        catalog: where metrics are looked up.

    Raises:
        UsageError: there is no such run, or a file that is not a table.
    """
    signatures = cached_signatures(results, catalog)
    return _open(a, results, catalog, signatures), _open(b, results, catalog, signatures)


def open_latest(name: str, results: Path, catalog: Catalog) -> tuple[list[Side], list[str]]:
    """The latest run of every suite of a results folder, or the one run or table that is named.

    Args:
        name: a results folder, or what `open_sides` takes.
        results: the results folder of a run that is named.
        catalog: where metrics are looked up.

    Returns:
        The sides, and what could not be read and why.

    Raises:
        UsageError: nothing can be read.
    """
    latest = {path.parents[1]: path.parent for path in sorted(Path(name).glob(f"*/*/{RUN}"))}
    if not latest:
        return [_open(name, results, catalog, cached_signatures(results, catalog))], []
    signatures = cached_signatures(Path(name), catalog)
    sides, notes = [], []
    for run in latest.values():
        try:
            sides.append(_open(str(run), Path(name), catalog, signatures))
        except UsageError as error:
            notes.append(f"left out: {error}")
    if not sides:
        raise UsageError("\n".join(notes))
    return sides, notes


def _open(name: str, results: Path, catalog: Catalog, signatures: SignatureReader) -> Side:
    if Path(name).is_file():
        rows = _read_table(Path(name))
        return Side(name, Path(name), rows, _installed_facts(rows, catalog, signatures))
    if Path(name).suffix == ".json":
        raise UsageError(f"there is no table file {name!r}")
    folder = RunFolder.find(name, results)
    plan, rows = recorded_rows(folder, catalog, open_store(results))
    uses = {(e.name, use.label): use for e in plan.experiments.values() for use in e.metrics}
    planned = {key: _facts(use, catalog, signatures) for key, use in uses.items()}
    facts = {**_installed_facts([row for row in rows if row.derived], catalog, signatures), **planned}
    return Side(f"{plan.suite}/{folder.run_id}", folder.path, rows, facts, _reader(folder, uses, catalog))


def _read_table(path: Path) -> list[Row]:
    try:
        return table_json(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UsageError(
            f"{path} is no table whose rows this version can read; "
            "give the table.json of a run, made again with `harness table` if it is old"
        ) from None


def _facts(use: Use, catalog: Catalog, signatures: SignatureReader) -> MetricFacts:
    signature = signatures.read(catalog.find(use.kind, use.name).component)
    return MetricFacts(signature.direction, signature.unit, use.identity)


def _installed_facts(
    rows: Sequence[Row], catalog: Catalog, signatures: SignatureReader
) -> dict[tuple[str, str], MetricFacts]:
    """Return facts of the installed metrics of these labels; which version made the numbers is not known."""
    facts = {}
    for key in {(row.experiment, label) for row in rows for label in row.estimates}:
        try:
            signature = signatures.read(catalog.find("metric", key[1]).component)
        except HarnessError:
            continue
        facts[key] = MetricFacts(signature.direction, signature.unit)
    return facts


def _reader(
    folder: RunFolder, uses: Mapping[tuple[str, str], Use], catalog: Catalog
) -> Callable[[Row, str], ExampleValues | None]:
    """Return a function that reads the values per example of a metric at a row of a run."""

    def read(row: Row, metric: str) -> ExampleValues | None:
        use, path = uses.get((row.experiment, metric)), folder.cell(row.cell)
        if use is None or row.derived or not row.cell or not (path / RECORDS).is_file():
            return None
        values = isolated(lambda: _per_example(use, read_records(path, row.protocol), catalog))
        if isinstance(values, Fault):
            raise InvalidOutput(f"per_example of {use.label}: {values.reason}")
        if values is not None:
            _check_mean(values, row.estimates[metric].value, use.label)
        return values

    return read


def _per_example(use: Use, records: Records, catalog: Catalog) -> ExampleValues | None:
    metric = catalog.find("metric", use.name).component.load()(**use.arguments)
    if not isinstance(metric, PerExample):
        return None
    values = np.asarray(metric.per_example(records), dtype=np.float64)
    if values.shape != (len(records),):
        raise InvalidOutput(f"it returned shape {list(values.shape)} for {len(records)} records")
    return ExampleValues([str(name) for name in records["id"]], values)


def _check_mean(values: ExampleValues, value: float | None, label: str) -> None:
    """Raise InvalidOutput unless the mean is the metric's value, since a paired test would test something else."""
    counted = values.values[~np.isnan(values.values)]
    mean = float(counted.mean()) if len(counted) else None
    if mean is None or value is None or not np.isclose(mean, value, rtol=_MEAN_TOLERANCE, atol=_MEAN_TOLERANCE):
        problem = "no example counts" if mean is None else f"its mean is {mean:.6g}"
        raise InvalidOutput(f"per_example of {label}: {problem}, but the metric's value is {value}")
