"""Which parameters of a random search decide what a model reaches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.api import LEVEL, Estimate, MeasuredCell, Row, Status
from harness_capacity.comparisons.expected_best import Floats
from harness_capacity.comparisons.functional_anova import variance_shares_of
from harness_capacity.comparisons.searches import Search, searches
from harness_capacity.comparisons.sweeps import is_number

LEAST_TRIES = 10
_METHOD = "forest, no interval"


class VarianceShares:
    """Share of the variance over configurations that each drawn parameter has alone.

    Functional analysis of variance (Hutter, Hoos & Leyton-Brown 2014): a forest from configuration to mean validation
    score, whose marginals are exact. A row for each search: `share_<parameter>`; `share_combinations`, the rest;
    `explained`, the share of the variance that a forest predicts for configurations that it has not seen.

    There are no intervals, since what is uncertain is mostly bias: for a sum of two parameters with shares of .8 and .2
    beside one that does nothing, the means of 12 simulations were .90, .08 and .00 with 12 or 20 configurations, and
    .83, .16 and .00 with 40. The order is right, small shares are too small. With fewer than 10 configurations, or
    where the forest predicts worse than the mean does, shares are undefined.

    Args:
        metric: the label of the metric, from 0 to 1, of which more is better.
        validation, test: the words that tell the two splits in the labels of the data.
    """

    def __init__(self, metric: str = "accuracy", validation: str = "validation", test: str = "test") -> None:
        self._metric, self._validation, self._test = metric, validation, test

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """A row for every search. Raises HarnessError where no model is drawn or a split is missing."""
        for search in searches([cell.row for cell in cells], self._metric, self._validation, self._test):
            yield Row(
                experiment=search.first.experiment,
                labels={**search.labels, "model": f"{search.label} (shares of variance)"},
                seed=search.first.seed,
                status=Status.OK,
                estimates=_estimates(search),
                components=search.first.components,
            )


def _estimates(search: Search) -> dict[str, Estimate]:
    names = list(search.parameters[0])
    n = len(search.scores)
    if n < LEAST_TRIES:
        return _undefined(names, f"{n} configurations are too few; {LEAST_TRIES} are needed", search)
    shares = variance_shares_of(coded(search.parameters), search.scores)
    if shares is None:
        return _undefined(names, "all configurations have the same score", search)
    explained = Estimate(shares.explained, None, None, LEVEL, _METHOD, n, search.missing)
    if shares.explained <= 0:
        reason = "the parameters predict no score of a configuration that was left out"
        return {**_undefined(names, reason, search), "explained": explained}
    rest = max(0.0, 1 - float(shares.main.sum()))
    values = dict(zip([f"share_{name}" for name in names], shares.main.tolist(), strict=True))
    return {
        name: Estimate(value, None, None, LEVEL, _METHOD, n, search.missing)
        for name, value in {**values, "share_combinations": rest}.items()
    } | {"explained": explained}


def _undefined(names: Sequence[str], reason: str, search: Search) -> dict[str, Estimate]:
    undefined = Estimate.undefined(reason, n=len(search.scores), n_missing=search.missing)
    return dict.fromkeys([*(f"share_{name}" for name in names), "share_combinations"], undefined)


def coded(configurations: Sequence[Mapping[str, Any]]) -> Floats:
    """Configurations as numbers `[n, d]`: numbers as they are, other values by their order as text."""
    columns = []
    for name in configurations[0]:
        values = [given[name] for given in configurations]
        if not all(is_number(value) for value in values):
            texts = [json.dumps(value, sort_keys=True, default=str) for value in values]
            values = [sorted(set(texts)).index(text) for text in texts]
        columns.append(values)
    return np.array(columns, dtype=np.float64).T.reshape(len(configurations), -1)
