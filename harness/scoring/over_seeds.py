"""The mean and the spread of every metric over seeds, of training and of random draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import sqrt
from statistics import stdev
from typing import Any

from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Row, Status
from harness.statistics.intervals import LEVEL, mean

_MIN_SEEDS = 2


class OverSeeds:
    """Mean and standard deviation of every metric over seeds, a row each: how stable training is.

    The mean has Student's t interval over seeds, which holds for a new seed too; the standard deviation has that of a
    normal spread (chi squared). Seeds that gave no number are counted as missing, never left out silently.
    """

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Yield two rows for every group of cells that differ in their seed only."""
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for cell in cells:
            if cell.row.status is not Status.SKIPPED:
                groups.setdefault(tuple(sorted(cell.row.labels.items())), []).append(cell.row)
        for rows in groups.values():
            if len(rows) >= _MIN_SEEDS:
                yield from _rows_of(rows)


def _rows_of(rows: Sequence[Row]) -> Iterator[Row]:
    seeds = [row.seed for row in rows]
    good = [row for row in rows if row.status is Status.OK]
    first = good[0] if good else rows[0]
    names = dict.fromkeys(name for row in rows for name in row.estimates)
    for word, statistic in (("mean", mean), ("spread", _spread)):
        estimates = {name: _over(rows, name, statistic) for name in names}
        protocol = {**first.protocol, "over_seeds": {"statistic": word, "seeds": seeds}}
        suffix = f"{word} of {len(rows)} seeds"
        role = "model" if "model" in first.labels else next(iter(first.labels))
        yield Row(
            experiment=first.experiment,
            labels={**first.labels, role: f"{first.labels[role]} ({suffix})"},
            seed=first.seed,
            status=Status.OK if good else Status.INVALID,
            reason="" if good else f"none of {len(rows)} seeds gave a number",
            estimates=estimates,
            n=first.n,
            comparability={**first.comparability, "protocol": protocol} if first.comparability else {},
            components=first.components,
        )


def _over(rows: Sequence[Row], name: str, statistic: Callable[..., Estimate]) -> Estimate:
    estimates = [row.estimates[name] for row in rows if name in row.estimates]
    if estimates and not any(estimate.applies for estimate in estimates):
        return estimates[0]
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    n_missing = len(rows) - len(values)
    if len(values) < _MIN_SEEDS:
        reason = f"{len(values)} of {len(rows)} seeds gave a number; a spread needs {_MIN_SEEDS}"
        return Estimate.undefined(reason, n=len(values), n_missing=n_missing)
    return statistic(values, n_missing=n_missing)


def _spread(values: list[float], *, n_missing: int) -> Estimate:
    """The standard deviation, with the interval of a normal sample."""
    from scipy.special import chdtri

    value, freedom = stdev(values), len(values) - 1
    low, high = (value * sqrt(freedom / float(chdtri(freedom, tail))) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(value, low, high, LEVEL, "chi squared", len(values), n_missing)
