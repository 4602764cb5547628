"""Errors and stated deviations of models inside the range of their training data and beyond it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.api import Estimate, MeasuredCell, Records, Row, Status, mean
from harness_capacity.comparisons.sweeps import parameter, without

_SPLIT = ("data.split",)
GROWS = 2.0
"""A deviation that is so many times as large outside counts as growing."""


@dataclass(frozen=True)
class _Region:
    """What one cell shows: the largest error, the mean stated deviation, and the share of targets that it covers."""

    sup_error: float
    deviation: float | None
    covered: float | None

    @classmethod
    def of(cls, records: Records) -> _Region:
        error = np.abs(records.floats("error"))
        if "deviation" not in records:
            return cls(float(error.max()), None, None)
        deviation = records.floats("deviation")
        # 1.96 deviations hold 95 % of a Gaussian.
        return cls(float(error.max()), float(deviation.mean()), float((error <= 1.959964 * deviation).mean()))


@dataclass(frozen=True)
class _Pair:
    """A model under one seed, inside and outside."""

    inside: _Region
    outside: _Region

    def growth(self) -> float | None:
        """How many times as large the stated deviation is outside; None if the model states none."""
        if self.inside.deviation is None or self.outside.deviation is None:
            return None
        return self.outside.deviation / self.inside.deviation


class Extrapolation:
    """A row for each model: its largest error inside and outside the training range, and what it states about it.

    `error_inside`, `error_outside`, `baseline_outside` (the baseline's largest error outside), `deviation_growth`
    (mean stated deviation outside over inside) and `coverage_outside` (share of the targets outside within 1.96 stated
    deviations); means over seeds with Student's t interval. The column `warns` says whether the stated deviation grows
    to twice or more: `yes`, `no`, or `states none`. Cells on the splits `test` and `outside` of the same data belong
    together.

    Args:
        baseline: the label of the model that the others are compared with.
    """

    def __init__(self, baseline: str = "constant") -> None:
        self._baseline = baseline

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """A row for each model that was measured inside and outside."""
        families = list(_families(cells))
        for first, pairs in families:
            same = [
                other
                for row, other in families
                if row.labels["model"] == self._baseline and _function_of(row) == _function_of(first)
            ]
            yield self._row(first, pairs, same[0] if same else [])

    def _row(self, first: Row, pairs: Sequence[_Pair], baseline: Sequence[_Pair]) -> Row:
        growths = [growth for pair in pairs if (growth := pair.growth()) is not None]
        warns = "states none" if not growths else "yes" if float(np.mean(growths)) >= GROWS else "no"
        covered = [pair.outside.covered for pair in pairs if pair.outside.covered is not None]
        states_none = Estimate.not_applicable("the model states no deviation", n=len(pairs))
        no_baseline = Estimate.undefined(f"no model labelled {self._baseline!r} was measured outside")
        estimates = {
            "error_inside": mean([pair.inside.sup_error for pair in pairs], least=0.0),
            "error_outside": mean([pair.outside.sup_error for pair in pairs], least=0.0),
            "baseline_outside": _mean_or(no_baseline, [pair.outside.sup_error for pair in baseline]),
            "deviation_growth": _mean_or(states_none, growths),
            "coverage_outside": _share_or(states_none, covered),
        }
        name = parameter(first.components, "data.name") or first.labels.get("data", "")
        return Row(
            experiment=first.experiment,
            labels={**first.labels, "data": f"{name}, inside and outside"},
            seed=first.seed,
            status=Status.OK,
            estimates=estimates,
            components=first.components,
            facts={"display": {"warns": warns, "seeds": str(len(pairs))}},
        )


def _families(cells: Sequence[MeasuredCell]) -> Iterator[tuple[Row, list[_Pair]]]:
    """The first row of each model on each function, and its pairs of cells under every seed."""
    families: dict[str, dict[int, dict[str, MeasuredCell]]] = {}
    for cell in cells:
        split = parameter(cell.row.components, "data.split")
        if split in ("test", "outside") and cell.row.status.is_measured and cell.row.n:
            key = json.dumps(without(cell.row.components, _SPLIT), sort_keys=True, default=str)
            families.setdefault(key, {}).setdefault(cell.row.seed, {})[split] = cell
    for of_seeds in families.values():
        whole = [pair for pair in of_seeds.values() if len(pair) == len(("test", "outside"))]
        if whole:
            regions = [{split: _Region.of(cell.records()) for split, cell in pair.items()} for pair in whole]
            yield whole[0]["test"].row, [_Pair(each["test"], each["outside"]) for each in regions]


def _function_of(row: Row) -> str:
    return json.dumps(without({"data": row.components["data"]}, _SPLIT), sort_keys=True, default=str)


def _mean_or(otherwise: Estimate, values: Sequence[float]) -> Estimate:
    return mean(values, least=0.0) if values else otherwise


def _share_or(otherwise: Estimate, shares: Sequence[float]) -> Estimate:
    estimate = _mean_or(otherwise, shares)
    return estimate if estimate.high is None else replace(estimate, high=min(1.0, estimate.high))
