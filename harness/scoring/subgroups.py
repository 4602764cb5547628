"""Rows for the subgroups of a cell: every metric within each group, and the gap between the groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.cells import Use
from harness.contract.context import derive_seed
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row
from harness.contract.tasks import Metric, PerExample, Summed
from harness.isolation import Fault, isolated
from harness.plugins import Catalog
from harness.statistics.intervals import LEVEL
from harness.statistics.partition import Partition
from harness.statistics.permutation import permuted_gap
from harness.store.keys import key_of, statistics_of
from harness.store.store import Store

DERIVED = "group"
MIN_RECORDS_PER_GROUP = 2


def group_rows(
    cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use], catalog: Catalog, store: Store
) -> list[Row]:
    """Return a row per group and one for the gap of each grouping; computed once per version of the code and kept."""
    if cell.row.n is None or not cell.row.status.is_measured:
        return []
    inputs = {
        "row": asdict(cell.row),
        "records": cell.digest,
        "groups": list(groups),
        "metrics": [use.identity for use in metrics],
        **statistics_of(__name__, metrics, catalog, store),
    }
    key = key_of(inputs)
    stored = store.get_json("estimates", key)
    if stored is not None:
        return [Row.from_json(raw) for raw in stored["rows"]]
    rows = isolated(lambda: list(_rows(cell, groups, metrics, catalog)))
    if isinstance(rows, Fault):
        return [replace(_bare(cell.row, "groups"), status=rows.status, reason=rows.reason)]
    store.put_json("estimates", key, {"rows": [row.to_json() for row in rows]})
    return rows


def _rows(cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use], catalog: Catalog) -> Iterator[Row]:
    records = cell.records()
    made: dict[str, Metric] = {
        use.label: catalog.find("metric", use.name).component.load()(**use.arguments) for use in metrics
    }
    for name in groups:
        partition = Partition.of(records, name)
        for i, member in enumerate(partition.members):
            part = replace(records.where(partition.of_row == i), folder=None)
            estimates = {label: _within(metric, part, cell.row, label) for label, metric in made.items()}
            yield replace(_bare(cell.row, f"{name}: {member}"), estimates=estimates, n=len(part))
        gaps = {label: _gap(metric, records, partition, cell.row, label) for label, metric in made.items()}
        yield replace(_bare(cell.row, f"{name}: gap"), estimates=gaps, n=len(records))


def _bare(row: Row, label: str) -> Row:
    """Return an empty row of the same combination for a part of its examples."""
    comparability = {**row.comparability, "group": label} if row.comparability else {}
    return replace(
        row,
        labels={**row.labels, "group": label},
        estimates={},
        comparability=comparability,
        cost={},
        seconds=None,
        cell="",
        derived=DERIVED,
    )


def _why_undefined(metric: Metric, records: Records, row: Row, label: str) -> Estimate | None:
    """Return the estimate that says why a metric has no value by group; None if it has one."""
    whole = row.estimates.get(label)
    if whole is not None and not whole.applies:
        return whole
    missing = [column for column in metric.columns if column not in records]
    if missing:
        return Estimate.undefined(f"the records have no {', '.join(missing)}", n=len(records))
    return None


def _within(metric: Metric, part: Records, row: Row, label: str) -> Estimate:
    """Return the metric within one group."""
    lacking = _why_undefined(metric, part, row, label)
    if lacking is not None:
        return lacking
    try:
        return metric.estimate(part)
    except KeyError:
        # What rests on arrays of the whole cell, such as a Frechet distance, has no value for some of its rows.
        return Estimate.not_applicable("it is measured on the whole set only", n=len(part))
    except InvalidOutput as error:
        # What is wrong with all records has made the row of the cell invalid; here only a part lacks something.
        return Estimate.undefined(str(error), n=len(part))


def _gap(metric: Metric, records: Records, partition: Partition, row: Row, label: str) -> Estimate:
    """Return the largest value of a group less the smallest, tested against chance by permutation."""
    lacking = _why_undefined(metric, records, row, label)
    if lacking is not None:
        return lacking
    sums = _sums(metric, records)
    if sums is None:
        return Estimate.not_applicable("it has no values per example to permute", n=len(records))
    tops, bottoms = sums
    counted = np.isfinite(tops) & np.isfinite(bottoms) & (bottoms > 0)
    sizes = np.bincount(partition.of_row[counted], minlength=len(partition.members))
    named = zip(partition.members, sizes, strict=True)
    left_out = [f"{member} ({size})" for member, size in named if size < MIN_RECORDS_PER_GROUP]
    groups = np.flatnonzero(sizes >= MIN_RECORDS_PER_GROUP)
    # What is outside a metric's denominator is not missing; the metric itself knows which is which.
    whole = row.estimates.get(label)
    n_missing = whole.n_missing if whole is not None else int((~counted).sum())
    if len(groups) < 2:
        reason = f"{len(groups)} groups have {MIN_RECORDS_PER_GROUP} examples that count; a gap needs 2"
        return Estimate.undefined(reason, n=int(counted.sum()), n_missing=n_missing)
    inside = counted & np.isin(partition.of_row, groups)
    values = [_within(metric, records.where(inside & (partition.of_row == i)), row, label).value for i in groups]
    defined = [value for value in values if value is not None]
    rng = np.random.default_rng(derive_seed(row.seed, "gap", partition.name, label))
    of_row = np.searchsorted(groups, partition.of_row[inside])
    test = permuted_gap(tops[inside], bottoms[inside], of_row, len(groups), rng)
    # The test is on the ratio of sums; only where that is the metric itself does its null have the metric's units.
    null = test.null if isinstance(metric, PerExample) else None
    note = f"left out, too few: {', '.join(left_out)}" if left_out else ""
    value = max(defined) - min(defined)
    n = int(inside.sum())
    within = row.estimates[label].within if label in row.estimates else ""
    return Estimate(value, None, None, LEVEL, "permutation", n, n_missing, note, null=null, p=test.p, within=within)


def _sums(metric: Any, records: Records) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    if isinstance(metric, Summed):
        return metric.sums(records)
    if isinstance(metric, PerExample):
        values = metric.per_example(records)
        return values, np.where(np.isfinite(values), 1.0, np.nan)
    return None
