"""What every metric promises, checked on the records of a small run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np

from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.tasks import Direction
from harness.isolation import Fault, isolated
from harness.library import Run
from harness.plugins import Entry
from harness.testing.finding import Finding, said

_ROUND_OFF = 1e-9


def metric_findings(entry: Entry, parameters: Mapping[str, Any], run: Run) -> Iterator[Finding]:
    """The checks of a metric, on the records of a run."""
    metric = entry.component.load()(**parameters)
    yield said("direction and unit", list(_undirected(metric)))
    cells = [run.records(row) for row in run.rows if row.cell and row.n]
    columns = getattr(metric, "columns", ())
    fitting = [records for records in cells if set(columns) <= set(records.table.column_names)]
    if not fitting:
        yield Finding("estimate", "not checked", f"no example has the columns {', '.join(columns)}")
        return
    records = fitting[0]
    estimate = metric.estimate(records)
    yield said("estimate", [] if isinstance(estimate, Estimate) else [f"estimate() returned {type(estimate).__name__}"])
    if not isinstance(estimate, Estimate):
        return
    second = metric.estimate(records).value
    yield said("same twice", [] if second == estimate.value else [f"{estimate.value}, then {second}"])
    yield said("no records", _empty(metric, records))
    if hasattr(metric, "per_example"):
        yield said("mean of per_example", _mean(metric, records, estimate))
    alone = Records(records.table, records.protocol)
    if isinstance(isolated(partial(metric.estimate, alone)), Fault):
        return
    yield said("declared columns", _hidden_columns(metric, alone, columns, estimate))
    yield said("order means nothing", _order(metric, alone, estimate))


def _undirected(metric: Any) -> Iterator[str]:
    for name in ("direction", "unit"):
        if not hasattr(metric, name):
            yield f"it declares no {name}"
    if getattr(metric, "direction", "max") not in get_args(Direction):
        yield f"its direction is {metric.direction!r}; it is one of {', '.join(get_args(Direction))}"
    if not isinstance(getattr(metric, "unit", ""), str):
        yield f"its unit is {metric.unit!r}; it is a text, empty for a plain number"


def _hidden_columns(metric: Any, records: Records, columns: tuple[str, ...], estimate: Estimate) -> list[str]:
    if not columns:
        return []
    keep = [name for name in records.table.column_names if name in {"id", *columns}]
    alone = isolated(partial(metric.estimate, replace(records, table=records.table.select(keep))))
    if isinstance(alone, Fault):
        return [f"with its declared columns {', '.join(columns)} alone it raises {alone.reason}"]
    same = _equal(alone.value, estimate.value)
    return [] if same else [f"with its declared columns alone it is {alone.value}, else {estimate.value}"]


def _order(metric: Any, records: Records, estimate: Estimate) -> list[str]:
    turned = np.arange(len(records))[::-1]
    other = metric.estimate(replace(records, table=records.table.take(turned)))
    return (
        []
        if _equal(other.value, estimate.value)
        else [f"{estimate.value}, and {other.value} of the same records turned"]
    )


def _empty(metric: Any, records: Records) -> list[str]:
    none = isolated(partial(metric.estimate, records.where(np.zeros(len(records), dtype=bool))))
    if isinstance(none, Fault):
        return [f"without records it raises {none.reason}; return Estimate.undefined(reason)"]
    return [] if none.value is None else [f"without records it is {none.value}; return Estimate.undefined(reason)"]


def _mean(metric: Any, records: Records, estimate: Estimate) -> list[str]:
    values = np.asarray(metric.per_example(records), dtype=float)
    if len(values) != len(records):
        return [f"per_example has {len(values)} values for {len(records)} records"]
    counted = values[~np.isnan(values)]
    mean = float(counted.mean()) if len(counted) else None
    return [] if _equal(mean, estimate.value) else [f"its mean is {mean}, the estimate {estimate.value}"]


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.isclose(one, other, rtol=_ROUND_OFF, atol=_ROUND_OFF))
