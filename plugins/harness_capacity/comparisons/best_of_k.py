"""How many tries of a random search a family of models needs, and what it then reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from harness.api import LEVEL, Estimate, MeasuredCell, Row, Status
from harness.api.statistics import drawn_out, mean, student_quantile
from harness_capacity.comparisons.expected_best import Floats, expected_best, expected_of_chosen, interval_of_best
from harness_capacity.comparisons.searches import Search, searches

_METHOD = "order statistics, any distribution"
_LEAST_SEEDS_OF_INTERVAL = 3
_LEAST_TRIES_OF_SPREAD = 5


class BestOfK:
    """Expected best score of k tries of a random search, and how many tries a target takes.

    A try trains one configuration of `draws:` under every seed; its score is the mean over them. Configurations are
    chosen on validation and reported on test. Dodge et al. 2019, arXiv:1909.03004, without replacement: k = 1 is the
    mean of all tries, k = n their maximum.

    A row for every k: `best_on_validation`, and `test_of_best`, the test score of the try that is best on validation;
    of all tries, that is one configuration, with Student's interval over its seeds. A further row: `tries_needed`, the
    smallest k whose expected best reaches the target, with the k at which the ends of the interval reach it;
    `spread_configurations` and `spread_seeds`, the standard deviations of a single training from one configuration to
    another and from one seed to another.

    Intervals of `best_on_validation` hold for new draws from the same space, whatever the distribution of scores: in
    simulations with 10 and 20 tries of four distributions they covered in 98 to 100 % for every k up to n - 1, where
    bootstraps fall to 50 %; those of `tries_needed` covered in over 99 %. They do not hold for other examples. Those of
    the spreads are jackknife intervals, which with 20 tries covered in 83 to 97 % (configurations: least where scores
    are skewed, or one in ten is much better than the rest) and in 93 % (seeds). A cell that failed counts as a score
    of 0, since a training that fails is a try too.

    Args:
        metric: the label of the metric, from 0 to 1, of which more is better.
        target: the value of the metric that is to be reached on validation.
        tries: the k that have rows, beside the number of all tries.
        validation, test: the words that tell the two splits in the labels of the data.
    """

    def __init__(
        self,
        metric: str = "accuracy",
        target: Annotated[float, Gt(0), Lt(1)] = 0.9,
        tries: list[Annotated[int, Ge(1)]] | None = None,
        validation: str = "validation",
        test: str = "test",
    ) -> None:
        self._metric, self._target, self._tries = metric, target, [1, 5] if tries is None else tries
        self._validation, self._test = validation, test

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """The rows of every search. Raises HarnessError where no model is drawn or a split is missing."""
        for search in searches([cell.row for cell in cells], self._metric, self._validation, self._test):
            yield from self._rows(search)

    def _rows(self, search: Search) -> Iterator[Row]:
        n = len(search.scores)
        if not search.scores.any():
            row = _row(search, f"{n} tries", {})
            yield replace(row, status=Status.INVALID, reason="no try gave a number above 0")
            return
        chosen = expected_of_chosen(search.scores, search.test_scores)
        for k in sorted({k for k in self._tries if k < n}):
            test = Estimate(float(chosen[k - 1]), None, None, LEVEL, "no interval", n, search.missing)
            words = f"best of {k} {'try' if k == 1 else 'tries'}"
            yield _row(search, words, {"best_on_validation": _best(search, k), "test_of_best": test})
        best = {"best_on_validation": _best(search, n), "test_of_best": _of_seeds(search.test[search.best])}
        display = {"display": {"configuration": search.named(search.best)}}
        yield replace(_row(search, f"best of all {n} tries", best), facts=display)
        needed = {
            "tries_needed": tries_needed(search, self._target),
            "spread_configurations": _spread(search, configurations_deviation),
            "spread_seeds": _spread(search, seeds_deviation),
        }
        yield _row(search, f"tries for {self._metric} {self._target:g}", needed)


def tries_needed(search: Search, target: float) -> Estimate:
    """The smallest number of tries whose expected best reaches the target."""
    curve, n = expected_best(search.scores), len(search.scores)
    value = _first_at(curve, target)
    ends = [interval_of_best(search.scores, k) for k in range(1, n + 1)]
    fewest = _first_at(np.array([high for _, high in ends]), target)
    most = _first_at(np.array([low for low, _ in ends]), target)
    if value is None:
        least = f"; {fewest} or more would do" if fewest is not None else ""
        return Estimate.undefined(f"not reached in {n} tries{least}", n=n, n_missing=search.missing)
    reason = "" if most is not None else f"the lower end of the interval does not reach {target:g} in {n} tries"
    return Estimate(value, fewest, most, LEVEL, _METHOD, n, search.missing, reason)


def configurations_deviation(validation: Floats) -> float:
    """The standard deviation over configurations, beyond what seeds make of it; scores `[n, seeds]`."""
    of_means = float(validation.mean(axis=1).var(ddof=1))
    return float(np.sqrt(max(0.0, of_means - seeds_deviation(validation) ** 2 / validation.shape[1])))


def seeds_deviation(validation: Floats) -> float:
    """The standard deviation over the seeds of one configuration, pooled over all; 0 for one seed. `[n, seeds]`."""
    return float(np.sqrt(validation.var(axis=1, ddof=1).mean())) if validation.shape[1] > 1 else 0.0


def _best(search: Search, k: int) -> Estimate:
    value = float(expected_best(search.scores)[k - 1])
    failed = f"{search.failed} cells failed and count as 0" if search.failed else ""
    # Where the best tries tie, the mean over the order statistics may end a millionth below the value.
    ends = drawn_out(value, *interval_of_best(search.scores, k))
    return Estimate(value, *ends, LEVEL, _METHOD, len(search.scores), search.missing, failed)


def _of_seeds(scores: Floats) -> Estimate:
    if len(scores) < _LEAST_SEEDS_OF_INTERVAL:
        return Estimate(float(scores.mean()), None, None, LEVEL, "no interval for fewer than 3 seeds", len(scores))
    return mean(scores)


def _spread(search: Search, statistic: Callable[[Floats], float]) -> Estimate:
    """A standard deviation with the jackknife interval of its logarithm over configurations."""
    n, seeds = search.validation.shape
    value = statistic(search.validation)
    if seeds == 1 and statistic is seeds_deviation:
        return Estimate.undefined("the models were trained under one seed", n=n, n_missing=search.missing)
    without_one = [statistic(np.delete(search.validation, place, axis=0)) for place in range(n)]
    if n < _LEAST_TRIES_OF_SPREAD:
        return Estimate(
            value, None, None, LEVEL, "no interval", n, search.missing, f"too few for an interval: {n} tries"
        )
    if min(value, *without_one) <= 0:
        reason = "the spread is 0, or would be without one of the tries"
        return Estimate(value, None, None, LEVEL, "no interval", n, search.missing, reason)
    logs = np.log(without_one)
    error = float(np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum()))
    factor = float(np.exp(student_quantile(n - 1) * error))
    return Estimate(value, value / factor, value * factor, LEVEL, "jackknife", n, search.missing)


def _first_at(curve: Floats, target: float) -> int | None:
    reached = np.flatnonzero(curve >= target)
    return int(reached[0]) + 1 if len(reached) else None


def _row(search: Search, what: str, estimates: Mapping[str, Estimate]) -> Row:
    return Row(
        experiment=search.first.experiment,
        labels={**search.labels, "model": f"{search.label} ({what})"},
        seed=search.first.seed,
        status=Status.OK,
        estimates=estimates,
        components=search.first.components,
    )
