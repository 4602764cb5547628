"""Random searches found among the rows of a table: the scores of every drawn configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import HarnessError, Row, Status
from harness_capacity.comparisons.expected_best import Floats

_DRAW = re.compile(r" draw=(\d+)(?= |$)")
_FAILED_TRIES = (Status.FAILED, Status.INVALID, Status.CRASHED, Status.OOM, Status.TIMEOUT)
_LEAST_TRIES = 2


@dataclass(frozen=True)
class Search:
    """The tries of one family of models on one data set.

    Attributes:
        first: a row, for what all have in common.
        labels: of the rows, without the draw and the split.
        numbers: of the draws, `[n]`.
        parameters: of each draw, those that were drawn.
        validation, test: the scores of every draw under every seed, `[n, seeds]`.
        missing: draws that are left out, since a cell of theirs was not run.
        failed: cells without a number, which count as 0: that a training fails is a part of the search.
    """

    first: Row
    labels: Mapping[str, str]
    numbers: Sequence[int]
    parameters: Sequence[Mapping[str, Any]]
    validation: Floats
    test: Floats
    missing: int
    failed: int

    @property
    def label(self) -> str:
        """The label of the family."""
        return self.labels["model"]

    @property
    def scores(self) -> Floats:
        """The validation score of each try: the mean over its seeds, `[n]`."""
        return np.asarray(self.validation.mean(axis=1))

    @property
    def test_scores(self) -> Floats:
        """The test score of each try, `[n]`."""
        return np.asarray(self.test.mean(axis=1))

    @property
    def best(self) -> int:
        """The place of the try that is best on validation; the earlier one of equals."""
        return int(self.scores.argmax())

    def named(self, place: int) -> str:
        """The parameters of a try in words."""
        return ", ".join(f"{name} {_short(value)}" for name, value in self.parameters[place].items())


def searches(rows: Sequence[Row], metric: str, validation: str = "validation", test: str = "test") -> list[Search]:
    """Find every random search among rows.

    Args:
        rows: of a table.
        metric: the label of the metric, in [0, 1], of which more is better.
        validation, test: the words that tell the two splits in the labels of the data.

    Raises:
        HarnessError: no model is drawn, there is no such data, or the metric has values outside [0, 1].
    """
    families: dict[str, dict[str, dict[int, dict[int, Row]]]] = {}
    drawn = [row for row in rows if not row.derived and _DRAW.search(row.labels.get("model", ""))]
    for row in drawn:
        for split, word in (("validation", validation), ("test", test)):
            words = row.labels.get("data", "").split(" ")
            if word in words:
                labels = {
                    **row.labels,
                    "model": _DRAW.sub("", row.labels["model"]),
                    "data": " ".join(each for each in words if each != word),
                }
                tries = families.setdefault(json.dumps(labels), {"validation": {}, "test": {}})[split]
                tries.setdefault(_number(row), {})[row.seed] = row
    if not drawn:
        raise HarnessError("no model is drawn at random: give one `draws: {n: 20, from: {...}}`")
    if not any(splits["validation"] and splits["test"] for splits in families.values()):
        found = ", ".join(sorted({row.labels.get("data", "") for row in drawn}))
        raise HarnessError(f"every try is needed on data called {validation!r} and {test!r}; the data are {found}")
    return [_search(json.loads(labels), splits, metric) for labels, splits in families.items() if splits["test"]]


def _number(row: Row) -> int:
    match = _DRAW.search(row.labels["model"])
    return int(match[1]) if match else -1


def _search(labels: dict[str, str], splits: Mapping[str, Mapping[int, Mapping[int, Row]]], metric: str) -> Search:
    both = [splits["validation"], splits["test"]]
    seeds = sorted({seed for tries in both for rows in tries.values() for seed in rows})
    numbers = sorted({number for tries in both for number in tries})
    scores = np.array(
        [[[_score(tries.get(number, {}).get(seed), metric) for seed in seeds] for number in numbers] for tries in both]
    )
    whole = ~np.isnan(scores).any(axis=(0, 2))
    if whole.sum() < _LEAST_TRIES:
        raise HarnessError(f"{labels['model']}: {whole.sum()} of {len(numbers)} tries gave numbers; two are needed")
    kept = [number for number, is_whole in zip(numbers, whole, strict=True) if is_whole]
    rows = [next(iter(splits["validation"][number].values())) for number in kept]
    missing = len(numbers) - len(kept)
    failed = sum(row.status in _FAILED_TRIES for tries in both for cells in tries.values() for row in cells.values())
    return Search(rows[0], labels, kept, _drawn_parameters(rows), scores[0][whole], scores[1][whole], missing, failed)


def _score(row: Row | None, metric: str) -> float:
    """The metric of a cell; 0 where the cell failed, NaN where it was not run."""
    if row is None:
        return float("nan")
    if row.status in _FAILED_TRIES:
        return 0.0
    estimate = row.estimates.get(metric)
    if estimate is None or estimate.value is None:
        if row.status.is_measured and estimate is None:
            raise HarnessError(f"no row has the metric {metric!r}; there are {', '.join(row.estimates)}")
        return float("nan")
    if not 0 <= estimate.value <= 1:
        raise HarnessError(f"{metric} is {estimate.value:g}; best_of_k needs a score from 0 to 1, more being better")
    return float(estimate.value)


def _drawn_parameters(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The parameters of each model that are not the same for all."""
    each: list[Mapping[str, Any]] = [row.components.get("model", {}).get("parameters", {}) for row in rows]
    names = [name for name in each[0] if len({json.dumps(given.get(name), default=str) for given in each}) > 1]
    return [{name: given.get(name) for name in names} for given in each]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
