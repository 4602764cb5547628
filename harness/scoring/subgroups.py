"""Rows for the subgroups of a cell: every metric within each group, and the gap between the groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.cells import Use
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row
from harness.contract.tasks import Clustered, Grouped, Metric, OfMembers, PerExample, Summed
from harness.isolation import Fault, isolated
from harness.plugins import Catalog
from harness.scoring.limits import checked
from harness.scoring.metrics import without_numbers
from harness.scoring.plugin_calls import Scoring
from harness.statistics.clustered_sums import clusters_of
from harness.statistics.gaps import MIN_UNITS_PER_GROUP, gap_estimate
from harness.statistics.partition import Partition
from harness.statistics.quantiles import LEVEL
from harness.store.keys import key_of, statistics_of
from harness.store.store import array_digests

Floats = npt.NDArray[np.float64]
Sums = tuple[Floats, Floats]
DERIVED = "group"


def group_rows(cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use], scoring: Scoring) -> list[Row]:
    """Return a row per group and one for the gap of each grouping; computed once per version of the code and kept."""
    if cell.row.n is None or not cell.row.status.is_measured:
        return []
    inputs = {
        "row": asdict(cell.row),
        "records": cell.digest,
        "arrays": {} if cell.folder is None else array_digests(cell.folder),
        "groups": list(groups),
        "metrics": [use.identity for use in metrics],
        **statistics_of(__name__, metrics, scoring.catalog, scoring.store),
    }
    key = key_of(inputs)
    stored = scoring.store.get_json("estimates", key)
    if stored is not None:
        return [Row.from_json(raw) for raw in stored["rows"]]
    rows = scoring.checked(scoring.calls.group_rows(cell, groups, metrics))
    if isinstance(rows, Fault):
        return [replace(_bare(cell.row, "groups"), status=rows.status, reason=rows.reason)]
    scoring.store.put_json("estimates", key, {"rows": [row.to_json() for row in rows]})
    return rows


def rows_of_groups(cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use], catalog: Catalog) -> list[Row]:
    """Return a row per group and one for the gap of each grouping. Raises what reading the records raises."""
    return list(_rows(cell, groups, metrics, catalog))


def _rows(cell: MeasuredCell, groups: Sequence[str], metrics: Sequence[Use], catalog: Catalog) -> Iterator[Row]:
    records = cell.records()
    made: dict[str, Metric] = {
        use.label: catalog.find("metric", use.name).component.load()(**use.arguments) for use in metrics
    }
    for name in groups:
        partition = Partition.of(records, name)
        parts = []
        split = records.split(partition.of_row, len(partition.members))
        for member, part in zip(partition.members, split, strict=True):
            row = replace(_bare(cell.row, f"{name}: {_shown(member)}"), n=len(part))
            of_member = partial(_of_member, records=records, part=part, name=name, member=member, row=cell.row)
            parts.append(_filled(row, made, of_member))
        yield from parts
        gap = replace(_bare(cell.row, f"{name}: gap"), n=len(records))
        yield _filled(gap, made, partial(_gap, records=records, partition=partition, row=cell.row, parts=parts))


def _shown(member: str) -> str:
    """The name of a group in a label; one that is called as the row of the gap is stands in quotes."""
    bare = member.strip('"')
    is_like_a_gap = bare == "gap" or bare.endswith(": gap")
    return '"{}"'.format(member.replace('"', '""')) if is_like_a_gap else member


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


def _filled(row: Row, metrics: Mapping[str, Metric], estimate: Callable[..., Estimate]) -> Row:
    """Return the row with these estimates; a metric that raises loses its own number, and the row its status."""
    estimates, status, reason = {}, row.status, row.reason
    for label, metric in metrics.items():
        result = isolated(partial(estimate, metric, label=label))
        if isinstance(result, Fault):
            estimates[label] = Estimate.undefined(result.reason, n=row.n or 0)
            if status.is_measured:
                status, reason = result.status, f"metric {label}: {result.reason}"
        else:
            estimates[label] = result
    return without_numbers(replace(row, estimates=estimates, status=status, reason=reason))


def _why_undefined(metric: Metric, records: Records, row: Row, label: str) -> Estimate | None:
    """Return the estimate that says why a metric has no value by group; None if it has one."""
    if isinstance(metric, Grouped) and metric.group is not None:
        return Estimate.not_applicable("it compares groups itself: see the row of all examples", n=len(records))
    whole = row.estimates.get(label)
    if whole is not None and not whole.applies:
        return whole
    missing = [column for column in metric.columns if column not in records]
    if missing:
        return Estimate.undefined(f"the records have no {', '.join(missing)}", n=len(records))
    return None


def _of_member(
    metric: Metric, *, records: Records, part: Records, name: str, member: str, row: Row, label: str
) -> Estimate:
    """Return the metric within one group."""
    if isinstance(metric, OfMembers) and isinstance(metric, Grouped) and metric.group == name:
        return checked(metric.estimate_of_member(records, member), metric)
    lacking = _why_undefined(metric, part, row, label)
    if lacking is not None:
        return lacking
    try:
        estimate = metric.estimate(part)
    except KeyError:
        # What rests on arrays of the whole cell, such as a Frechet distance, has no value for some of its rows.
        return Estimate.not_applicable("it is measured on the whole set only", n=len(part))
    except InvalidOutput as error:
        # What is wrong with all records has made the row of the cell invalid; here only a part lacks something.
        return Estimate.undefined(str(error), n=len(part))
    return checked(estimate, metric)


def _gap(
    metric: Metric, *, records: Records, partition: Partition, row: Row, parts: Sequence[Row], label: str
) -> Estimate:
    """Return the largest value of a group less the smallest, with its interval and p by permutation."""
    lacking = _why_undefined(metric, records, row, label)
    if lacking is not None:
        return lacking
    try:
        sums = _sums(metric, records)
    except KeyError:
        sums = None
    if sums is None:
        return Estimate.not_applicable("it has no values per example to permute", n=len(records))
    named = metric.clusters if isinstance(metric, Clustered) else None
    if named is not None and not isinstance(named, str):
        return _untested_gap([part.estimates[label].value for part in parts], named, len(records))
    clusters = None if named is None else clusters_of(records, named)
    units = "examples" if clusters is None else f"clusters by {named}"
    # What is outside a metric's denominator is not missing; the metric itself knows which is which.
    whole = row.estimates.get(label)
    n_missing = whole.n_missing if whole is not None else int((~np.isfinite(sums[0])).sum())
    try:
        gap = gap_estimate(*sums, partition, clusters=clusters, units=units, most=_most(*sums), n_missing=n_missing)
    except InvalidOutput as error:
        return Estimate.undefined(str(error), n=len(records), n_missing=n_missing)
    gap = replace(gap, within=whole.within if whole is not None else "")
    if not isinstance(metric, Summed) or gap.value is None:
        return gap
    return _in_units(gap, sums, partition, [part.estimates[label].value for part in parts])


def _untested_gap(values: Sequence[float | None], clusters: Sequence[str], n: int) -> Estimate:
    """Return the gap of rows that belong to several clusters each, which leaves nothing that may change groups."""
    defined = [value for value in values if value is not None]
    if len(defined) < 2:
        return Estimate.undefined(f"{len(defined)} groups have a value; a gap needs 2", n=n)
    reason = f"no test: each record belongs to several clusters ({', '.join(clusters)}), so none can change its group"
    return Estimate(max(defined) - min(defined), None, None, LEVEL, "none", n, reason=reason)


def _sums(metric: Any, records: Records) -> Sums | None:
    if isinstance(metric, Summed):
        return metric.sums(records)
    if isinstance(metric, PerExample):
        values = metric.per_example(records)
        return values, np.where(np.isfinite(values), 1.0, np.nan)
    return None


def _most(tops: Floats, bottoms: Floats) -> float:
    """Return the largest gap that there can be: 1 for means of values from 0 to 1."""
    known = np.isfinite(tops) & np.isfinite(bottoms)
    shares = (bottoms[known] == 1).all() and ((tops[known] >= 0) & (tops[known] <= 1)).all()
    return 1.0 if shares else math.inf


def _in_units(gap: Estimate, sums: Sums, partition: Partition, values: Sequence[float | None]) -> Estimate:
    """Return the gap of a metric that increases with a ratio of sums, such as the exponential of it, in its units.

    The interval is stretched by the mean slope between the groups. The mean under permutation has other units.
    """
    tops, bottoms = (np.where(np.isfinite(each), each, 0.0) for each in sums)
    groups = len(partition.members)
    top, bottom = (np.bincount(partition.of_row, each, minlength=groups) for each in (tops, bottoms))
    compared = np.bincount(partition.of_row, bottoms > 0, minlength=groups) >= MIN_UNITS_PER_GROUP
    defined = [i for i in np.flatnonzero(compared).tolist() if values[i] is not None]
    if not defined or np.allclose([values[i] or 0.0 for i in defined], (top / bottom)[defined], rtol=1e-9, atol=0.0):
        return gap
    shown = [float(values[i] or 0.0) for i in defined]
    value, old = max(shown) - min(shown), gap.value or 0.0
    if old == 0 or gap.low is None or gap.high is None:
        return replace(gap, value=value, low=None, high=None, null=None)
    low, high = (end * value / old for end in (gap.low, gap.high))
    return replace(gap, value=value, low=low, high=high, null=None, method=f"{gap.method}, mean slope")
