"""A million rows in a hundred groups: counted once, resampled and permuted as counts."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.api import Partition, Records
from harness_fairness.metrics.confusion_counts import Rate, confusions, outcomes_of, successes_and_trials
from harness_fairness.metrics.rate_gaps import SubgroupErrorGap

N, GROUPS, REPLICATES = 1_000_000, 100, 1_000
RATES: tuple[Rate, ...] = ("error", "fpr", "selection_rate")


@pytest.fixture(scope="module")
def million() -> Records:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, N)
    prediction = np.where(rng.random(N) < 0.85, label, 1 - label)
    names = np.array([f"group-{i:02d}" for i in range(GROUPS)])
    columns = {"label": label, "prediction": prediction, "group.g": names[rng.integers(0, GROUPS, N)]}
    return Records.of({"id": np.arange(N).astype(str), **columns})


def bootstrapped(records: Records) -> dict[Rate, np.ndarray]:  # type: ignore[type-arg]
    """Three rates of every group under a thousand bootstraps of the rows, `[replicates, groups]` each."""
    rows = outcomes_of(records, "error", 1)
    assert rows is not None
    counts = confusions(rows, Partition.of(records, "g")).counts
    drawn = np.random.default_rng(1).multinomial(N, counts.ravel() / N, size=REPLICATES)
    drawn = drawn.reshape(REPLICATES, *counts.shape)
    found = {}
    for rate in RATES:
        successes, trials = successes_and_trials(drawn, rate)
        found[rate] = successes / trials
    return found


@pytest.mark.slow
def test_a_thousand_bootstraps(million: Records, benchmark: BenchmarkFixture) -> None:
    drawn = benchmark(bootstrapped, million)["error"]
    # The spread of a rate of 10,000 rows at .15.
    assert drawn.std(axis=0).mean() == pytest.approx((0.15 * 0.85 / 10_000) ** 0.5, rel=0.05)


@pytest.mark.slow
def test_three_gaps_with_permutations_and_intervals(million: Records, benchmark: BenchmarkFixture) -> None:
    found = benchmark(lambda: [SubgroupErrorGap("g", rate).estimate(million) for rate in RATES])
    assert all(estimate.p is not None for estimate in found)


@pytest.mark.slow
def test_point_estimates_beside_fairlearns(million: Records, benchmark: BenchmarkFixture) -> None:
    """Three rates of every group of a fifth of the rows; `ratio` is fairlearn's CPU time over ours."""
    metrics = pytest.importorskip("fairlearn.metrics")
    some = million.where(np.arange(N) < N // 5)
    frame = some.frame()

    def ours() -> list[np.ndarray]:  # type: ignore[type-arg]
        rows = outcomes_of(some, "error", 1)
        assert rows is not None
        counts = confusions(rows, Partition.of(some, "g"))
        return [np.divide(*counts.successes_and_trials(rate)) for rate in RATES]

    started = time.process_time()
    theirs = metrics.MetricFrame(
        metrics={
            "error": lambda y_true, y_pred: float(np.mean(y_true != y_pred)),
            "fpr": metrics.false_positive_rate,
            "selection_rate": metrics.selection_rate,
        },
        y_true=frame["label"],
        y_pred=frame["prediction"],
        sensitive_features=frame["group.g"],
    ).by_group
    taken = time.process_time() - started
    found = benchmark(ours)
    if not benchmark.disabled:
        benchmark.extra_info["ratio"] = taken / benchmark.stats.stats.min
    assert np.allclose(np.stack(found, axis=1), theirs.to_numpy(), rtol=0, atol=1e-12)
