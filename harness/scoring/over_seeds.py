"""The mean and the spread of every metric over seeds, of training and of random draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import sqrt
from statistics import stdev
from typing import Any

from harness.contract.estimates import Estimate
from harness.contract.rows import MeasuredCell, Row, Status
from harness.statistics.intervals import ALL_EQUAL, LEVEL, TOO_FEW, mean

_MIN_SEEDS = 2
_MIN_SEEDS_OF_INTERVAL = 3


class OverSeeds:
    """Mean and standard deviation of every metric over seeds, a row each: how stable training is.

    The mean has Student's t interval over seeds, which holds for a new seed too; the standard deviation has that of a
    normal spread (chi squared). Seeds that gave no number are counted as missing, never left out silently.

    Both take seeds to vary alike. Where a training fails in one seed of ten, three to five seeds mostly show no failure
    and no interval can know of it: then the mean is covered in 26 to 43 % of cases. Seeds that failed to give a number
    are counted; seeds that gave a bad one are only seen if they are among those that ran. With fewer than three seeds
    that gave a number there are no intervals.
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
    estimate = statistic(values, n_missing=n_missing)
    estimate = replace(estimate, method=f"{estimate.method}, if seeds vary alike")
    if len(values) < _MIN_SEEDS_OF_INTERVAL:
        return replace(estimate, low=None, high=None, reason=f"{TOO_FEW}: {len(values)} seeds")
    return estimate


def _spread(values: list[float], *, n_missing: int) -> Estimate:
    """The standard deviation, with the interval of a normal sample; none where all values are equal."""
    from scipy.special import chdtri

    if len(set(values)) == 1:
        return Estimate(0.0, None, None, LEVEL, "chi squared", len(values), n_missing, f"{ALL_EQUAL} ({len(values)})")
    value, freedom = stdev(values), len(values) - 1
    low, high = (value * sqrt(freedom / float(chdtri(freedom, tail))) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(value, low, high, LEVEL, "chi squared", len(values), n_missing)
