"""The smallest size that reaches a value of a metric, for the best and for the median seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from harness.api import LEVEL, Estimate, HarnessError, MeasuredCell, Row, Status
from harness_capacity.comparisons.sweeps import Sweep, sweeps


class SizeNeeded:
    """The smallest width, or other size, whose metric reaches a value: for the best and for the median of the seeds.

    A row for every model that was run at several sizes. The interval reaches from the largest size tried below it, at
    which the value was not reached, to that size: what lies between was not tried. The best seed says what exists, the
    median what gradient descent finds.

    Args:
        metric: the label of the metric.
        at_most: the value that the metric must not exceed.
        at_least: the value that it must reach; give one of the two.
        over: the size: role and parameter with a dot between.
        per_example: whether to add how many parameters that makes for each example of the data, by the median seed. Of
            use where the data are those of the training.
    """

    def __init__(
        self,
        metric: str,
        at_most: float | None = None,
        at_least: float | None = None,
        over: str = "model.width",
        per_example: bool = False,
    ) -> None:
        if (at_most is None) == (at_least is None):
            raise HarnessError("size_needed takes one of `at_most` and `at_least`")
        self._metric, self._at_most, self._at_least, self._over = metric, at_most, at_least, over
        self._per_example = per_example

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """A row for every sweep. Raises HarnessError if there is none, or none of its rows has the metric."""
        found = sweeps([cell.row for cell in cells], self._over)
        if not any(sweep.values_of(self._metric) for sweep in found):
            raise HarnessError(f"no row has a value of `{self._metric}`; name the label of a metric of the experiment")
        for sweep in found:
            yield self._row(sweep)

    def _row(self, sweep: Sweep) -> Row:
        values = sweep.values_of(self._metric)
        missing = sum(map(len, sweep.members.values())) - sum(map(len, values.values()))
        best: Callable[[Sequence[float]], float] = min if self._at_most is not None else max
        goal = f"<= {self._at_most:g}" if self._at_most is not None else f">= {self._at_least:g}"
        first = sweep.first
        name = sweep.over.rpartition(".")[2]
        by_best = self._needed({size: best(of) for size, of in values.items()}, missing)
        by_median = self._needed({size: median(of) for size, of in values.items()}, missing)
        added = {"parameters_per_example": _per_example(sweep, by_median)} if self._per_example else {}
        return Row(
            experiment=first.experiment,
            labels={**sweep.labels, sweep.role: f"{sweep.labels[sweep.role]} ({name} for {self._metric} {goal})"},
            seed=first.seed,
            status=Status.OK if values else Status.INVALID,
            reason="" if values else "no size gave a number",
            estimates={f"{name}_best_seed": by_best, f"{name}_median_seed": by_median, **added},
            components=first.components,
            facts={"display": {"seeds": str(min((len(of) for of in values.values()), default=0))}},
        )

    def _needed(self, values: Mapping[float, float], missing: int) -> Estimate:
        """The smallest size at which the value is reached."""
        below = None
        for size, value in values.items():
            if self._reached(value):
                return Estimate(size, below, size, LEVEL, "between the sizes tried", len(values), missing)
            below = size
        reason = f"not reached at sizes up to {max(values):g}" if values else "no size gave a number"
        return Estimate.undefined(reason, n=len(values), n_missing=missing)

    def _reached(self, value: float) -> bool:
        return value <= self._at_most if self._at_most is not None else value >= float(self._at_least or 0.0)


def _per_example(sweep: Sweep, needed: Estimate) -> Estimate:
    """The size that is needed, in parameters for each example of the data."""
    ends = [_parameters_per_example(sweep, size) for size in (needed.value, needed.low, needed.high)]
    if ends[0] is None:
        reason = needed.reason or "the number of parameters is not known"
        return Estimate.undefined(reason, n=needed.n, n_missing=needed.n_missing)
    return replace(needed, value=ends[0], low=ends[1], high=ends[2])


def _parameters_per_example(sweep: Sweep, size: float | None) -> float | None:
    row = None if size is None else sweep.members[size][0]
    if row is None or not row.n or row.cost_block.parameters is None:
        return None
    return row.cost_block.parameters / row.n
