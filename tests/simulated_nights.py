"""Nights drawn from records: rows of truth values over the same examples, of models that were trained anew or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side, compare
from harness.results.nights.judge import Night, judge
from harness.statistics.intervals import proportion

Outcomes = npt.NDArray[np.bool_]
"""`[rows, examples]`, whether each row has each example right."""


def ease(rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """`[n]`, the probability that a training gets each example right; most are easy, some are hopeless."""
    return rng.beta(2.0, 0.5, size=n)


def outcomes(rng: np.random.Generator, easy: npt.NDArray[np.float64], n_rows: int, noise: float) -> Outcomes:
    """What one night's measurement of every row gives: for a share of the examples it is a matter of chance."""
    fixed = np.random.default_rng(0).random((n_rows, len(easy))) < easy
    anew = rng.random((n_rows, len(easy))) < noise
    return np.where(anew, rng.random((n_rows, len(easy))) < easy, fixed)


def side(name: str, right: Outcomes) -> Side:
    """One night as a side of a comparison."""
    n = right.shape[1]
    ids = [str(i) for i in range(n)]
    rows = [
        Row(
            "e",
            {"model": f"m{number}", "data": "d"},
            0,
            Status.OK,
            estimates={"accuracy": proportion(int(each.sum()), n)},
            n=n,
            comparability={"task": {"name": "t"}, "data": {"digest": "d", "ids": "i", "n": n}, "protocol": {}},
            cell=str(number),
        )
        for number, each in enumerate(right)
    ]
    facts = {("e", "accuracy"): MetricFacts("max", "fraction", {"name": "accuracy", "version": 1, "parameters": {}})}
    return Side(name, Path(name), rows, facts, lambda row, _: ExampleValues(ids, right[int(row.cell)].astype(float)))


def night(before: Outcomes, now: Outcomes) -> Night:
    """The night judged against the one before."""
    return judge(compare(side("before", before), side("now", now)), "s", "now")


def dropped(rng: np.random.Generator, right: Outcomes, row: int, points: float) -> Outcomes:
    """The same, but so many points of the examples that a row has right are wrong."""
    worse = right.copy()
    chosen = rng.choice(np.flatnonzero(right[row]), size=round(points / 100 * right.shape[1]), replace=False)
    worse[row, chosen] = False
    return worse
