"""Coverage of means over seeds, of a training that may fail, and of the ranks of a leaderboard, all together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, MeasuredCell, Records, Row, Status, proportion
from harness.results.comparison.compare import ExampleValues, MetricFacts, Side
from harness.results.leaderboard.ranks import Protocol, board, protocols
from harness.scoring.over_seeds import OverSeeds
from simulation.framework import Case, Outcome, covers


def _over_seeds(rng: np.random.Generator, *, seeds: int, failing: float) -> Outcome:
    values = np.where(rng.random(seeds) < failing, 0.1, rng.normal(0.9, 0.01, seeds))
    return covers(_mean_over(values), failing * 0.1 + (1 - failing) * 0.9)


def _shared(rng: np.random.Generator, *, seeds: int, between: float, shared: float, own: float) -> Outcome:
    """Values that differ by seed, by an error of the examples that all seeds share, and by one of each seed's own."""
    values = rng.normal(2, between, seeds) + rng.normal(0, own, seeds) + rng.normal(0, shared)
    return covers(_mean_over(values, 1.96 * np.hypot(shared, own)), 2.0)


def _collapsing(rng: np.random.Generator, *, seeds: int) -> Outcome:
    """The share of ten modes that is drawn: all, or eight where a training collapses, as three in ten do."""
    kept = np.where(rng.random(seeds) < 0.3, 0.8, 1.0)
    return covers(_mean_over(kept, 0.005), 0.3 * 0.8 + 0.7)


def _mean_over(values: npt.NDArray[np.float64], reach: float | None = None) -> Estimate:
    cells = [_cell(seed, value, reach) for seed, value in enumerate(values.tolist())]
    return next(iter(OverSeeds().rows(cells))).estimates["accuracy"]


def _cell(seed: int, value: float, reach: float | None) -> MeasuredCell:
    ends = (None, None) if reach is None else (value - reach, value + reach)
    row = Row("e", {"model": "m"}, seed, Status.OK, estimates={"accuracy": Estimate(value, *ends, 0.95, "m", 9)}, n=9)
    return MeasuredCell(row, "", lambda: Records.of({"id": ["a"]}))


def _ranks(rng: np.random.Generator, *, accuracies: tuple[float, ...], n: int) -> Outcome:
    """All ranks are inside their intervals; ranks of equal models are every one that they share."""
    from scipy.special import ndtri

    hardness = np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, len(accuracies)))
    right = hardness < ndtri(np.array(accuracies))
    places = {place.name: place for place in board(_protocol(right)).places}
    truth = np.array(accuracies)
    inside = [
        places[str(i)].low <= 1 + (truth > value).sum() and places[str(i)].high >= (truth >= value).sum()
        for i, value in enumerate(accuracies)
    ]
    return Outcome(all(inside), width=float(np.mean([place.high - place.low for place in places.values()])))


def _protocol(right: npt.NDArray[np.bool_]) -> Protocol:
    n, models = right.shape
    ids = [str(i) for i in range(n)]
    rows = [
        Row(
            "e",
            {"model": str(i), "data": "d"},
            0,
            Status.OK,
            estimates={"accuracy": proportion(int(right[:, i].sum()), n)},
            n=n,
            comparability={"task": {"name": "t"}},
            cell=str(i),
            components={"model": {"name": str(i)}},
        )
        for i in range(models)
    ]

    def values(row: Row, metric: str) -> ExampleValues:
        return ExampleValues(ids, right[:, int(row.cell)].astype(np.float64))

    (protocol,) = protocols(
        [Side("run", Path("run"), rows, {("e", "accuracy"): MetricFacts("max", "fraction")}, values)]
    )
    return protocol


_APART = tuple(0.9 - 0.01 * i for i in range(10))

CASES = [
    *(
        Case("over_seeds mean", f"normal, {seeds} seeds", partial(_over_seeds, seeds=seeds, failing=0.0))
        for seeds in (2, 3, 5)
    ),
    # `OverSeeds` says so: a failure that did not happen leaves no trace.
    *(
        Case(
            "over_seeds mean",
            f"one training in ten fails, {seeds} seeds",
            partial(_over_seeds, seeds=seeds, failing=0.1),
            least=0.2,
        )
        for seeds in (3, 5)
    ),
    *(
        Case(
            "over_seeds mean",
            f"three trainings in ten collapse, {seeds} seeds with intervals of their own",
            partial(_collapsing, seeds=seeds),
            least=least,
        )
        for seeds, least in ((2, 0.3), (3, 0.5), (5, 0.7), (10, 0.93))
    ),
    *(
        Case(
            "over_seeds mean",
            f"{world}, {seeds} seeds with intervals of their own",
            partial(_shared, seeds=seeds, between=between, shared=shared, own=own),
            conservative=True,
        )
        for world, between, shared, own in (
            ("one reference", 0.05, 0.3, 0.0),
            ("one reference, seeds as far apart", 0.3, 0.3, 0.0),
            ("no shared error", 0.1, 0.0, 0.3),
        )
        for seeds in (2, 3, 5, 10)
    ),
    *(
        Case(
            "leaderboard ranks",
            f"{name}, n {n}",
            partial(_ranks, accuracies=accuracies, n=n),
            conservative=True,
            repetitions=150,
            quick=20,
        )
        for name, accuracies, n in (
            ("10 models a point apart", _APART, 500),
            ("10 models a point apart", _APART, 2000),
            ("10 equal models", (0.8,) * 10, 500),
            ("5 models 5 points apart", tuple(0.8 - 0.05 * i for i in range(5)), 200),
        )
    ),
]
