"""The numbers of two runs of one suite, row by row: what metrics and aggregates made of equal records."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from harness.contract.rows import Row
from harness.library import Run


def differing_numbers(first: Run, second: Run, tolerance: float) -> Iterator[str]:
    """Yield what differs in the rows of two runs.

    Args:
        first, second: the runs.
        tolerance: allowed difference of two values, relative and absolute.
    """
    others = {_identity(row): row for row in second.rows}
    for row in first.rows:
        other = others.get(_identity(row))
        if other is None:
            yield f"the row {_name(row)} is missing in the second run"
            continue
        for metric, estimate in row.estimates.items():
            one, two = estimate.value, other.estimates[metric].value if metric in other.estimates else None
            if not (one == two or (one is not None and two is not None and _close(one, two, tolerance))):
                yield f"{metric} of {_name(row)} is {one}, then {two}"
    if missing := others.keys() - {_identity(row) for row in first.rows}:
        yield f"the second run has {len(missing)} more rows"


def _close(one: float, two: float, tolerance: float) -> bool:
    return isclose(one, two, rel_tol=tolerance, abs_tol=tolerance)


def _identity(row: Row) -> tuple[object, ...]:
    return row.experiment, row.cell, row.derived, row.seed, tuple(sorted(row.labels.items()))


def _name(row: Row) -> str:
    return " / ".join(row.labels.values())
