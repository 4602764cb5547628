"""Predictive distributions and intervals."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy import integrate

from harness.api import Records
from harness_uncertainty.metrics.regression import CRPS, IntervalCoverage, IntervalWidth, gaussian_crps


def records(**columns: object) -> Records:
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    return Records.of({"id": [str(i) for i in range(n)], **columns})


def test_the_score_of_a_gaussian_at_its_mean() -> None:
    """(sqrt 2 - 1) / sqrt pi times the deviation."""
    found = CRPS().estimate(records(error=[0.0, 0.0], deviation=[1.0, 2.0]))
    assert found.value == pytest.approx(1.5 * (np.sqrt(2) - 1) / np.sqrt(np.pi))


def test_the_score_by_its_integral() -> None:
    """Integral of (F(x) - 1{x >= target})^2."""
    cdf = NormalDist(0.7, 1.8).cdf
    below, _ = integrate.quad(lambda x: cdf(x) ** 2, -20, 2.0)
    above, _ = integrate.quad(lambda x: (cdf(x) - 1) ** 2, 2.0, 20)
    assert gaussian_crps(np.array([2.0 - 0.7]), np.array([1.8]))[0] == pytest.approx(below + above, abs=1e-7)


def test_without_a_deviation_it_is_the_absolute_error() -> None:
    assert CRPS().estimate(records(error=[1.0, -3.0], deviation=[None, None])).value == pytest.approx(2)
    assert CRPS().estimate(records(error=[1.0, -3.0])).value == pytest.approx(2)


def test_the_interval_of_the_model_comes_first() -> None:
    given = records(
        target=[0.0, 1.0, 2.0], prediction=[0.0, 0.0, 0.0], low=[-1.0, -1.0, -1.0], high=[1.0, 1.0, 1.0],
        level=[0.8, 0.8, 0.8], deviation=[9.0, 9.0, 9.0],
    )  # fmt: skip
    found = IntervalCoverage().estimate(given)
    assert (found.value, found.null) == (pytest.approx(2 / 3), 0.8)
    assert IntervalWidth().estimate(given).value == pytest.approx(2)


def test_a_deviation_makes_a_gaussian_interval() -> None:
    given = records(
        target=[0.0, 1.65], prediction=[0.0, 0.0], deviation=[1.0, 1.0], low=[None, None], high=[None, None]
    )
    found = IntervalCoverage(level=0.9).estimate(given)
    assert (found.value, found.null) == (0.5, 0.9)
    assert IntervalWidth(level=0.9).estimate(given).value == pytest.approx(2 * 1.6448536)


def test_missing_predictions_are_counted_and_no_interval_does_not_apply() -> None:
    given = records(target=[0.0, 0.0], prediction=[0.0, None], deviation=[1.0, 1.0], error=[0.0, None])
    found = IntervalCoverage().estimate(given)
    assert (found.value, found.n_missing) == (1.0, 1)
    assert CRPS().estimate(given).n_missing == 1
    for metric in (IntervalCoverage(), IntervalWidth()):
        assert not metric.estimate(records(target=[0.0], prediction=[1.0])).applies


def test_a_missing_target_is_not_a_miss() -> None:
    given = Records.of({"id": ["a", "b"], "target": [1.0, None], "low": [0.0, 0.0], "high": [2.0, 2.0]})
    found = IntervalCoverage().estimate(given)
    assert (found.value, found.n, found.n_missing) == (1.0, 1, 1)
