"""Errors of predicted numbers, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from harness.api import Records
from harness_classification.regression_metrics import MAE, R2, RMSE


def records(target: object, error: object) -> Records:
    n = len(list(target))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(n)], "target": target, "error": error})


def test_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    target = rng.standard_normal(80)
    prediction = target + 0.4 * rng.standard_normal(80)
    given = records(target, prediction - target)
    expected = {MAE: mean_absolute_error, RMSE: root_mean_squared_error, R2: r2_score}
    for metric, reference in expected.items():
        found = metric().estimate(given)
        assert found.value == pytest.approx(reference(target, prediction))
        assert found.low < found.value < found.high


def test_missing_predictions_are_counted() -> None:
    given = records([1.0, 2.0, 4.0], [1.0, None, -3.0])
    assert (MAE().estimate(given).value, MAE().estimate(given).n_missing) == (2.0, 1)
    assert (RMSE().estimate(given).value, RMSE().estimate(given).n_missing) == (pytest.approx(np.sqrt(5)), 1)
    assert R2().estimate(given).value == pytest.approx(1 - 10 / 4.5)


def test_equal_targets_have_no_variance_to_explain() -> None:
    found = R2().estimate(records([2.0, 2.0], [0.1, 0.2]))
    assert found.value is None
    assert "all targets are 2" in found.reason
    exact = RMSE().estimate(records([2.0, 2.0], [0.0, 0.0]))
    assert (exact.value, exact.high) == (0.0, None)
    assert "all values are equal" in exact.reason


def test_few_examples_have_no_interval_of_r2() -> None:
    found = R2().estimate(records([1.0, 2.0, 4.0], [0.1, 0.2, 0.4]))
    assert found.value is not None
    assert (found.low, found.reason) == (None, "too few for an interval: 3")


def test_r2_leaves_one_out_as_it_is_written() -> None:
    """The jackknife of log(1 - R2), each example left out by hand."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=12)
    prediction = target + rng.normal(size=12) / 2
    found = R2().estimate(records(target, prediction - target))
    others = [np.log(1 - r2_score(np.delete(target, i), np.delete(prediction, i))) for i in range(12)]
    spread = np.sqrt(11 / 12 * ((others - np.mean(others)) ** 2).sum())
    middle = np.log(1 - found.value)  # type: ignore[operator]
    reach = np.log(1 - found.low) - middle  # type: ignore[operator]
    assert np.log(1 - found.high) - middle == pytest.approx(-reach)  # type: ignore[operator]
    assert stats.t.ppf(0.975, 10) <= reach / spread <= stats.t.ppf(0.975, 3)


def test_sums_lead_to_the_root_mean_square() -> None:
    tops, bottoms = RMSE().sums(records([0.0, 0.0, 0.0], [3.0, None, 4.0]))
    assert np.sqrt(np.nansum(tops) / np.nansum(bottoms)) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(bottoms[1])


@pytest.mark.parametrize(
    ("sigma", "n", "least", "most"), [(1.0, 50, 0.9, 1.0), (1.0, 200, 0.8, 1.0), (0.0, 60, 0.0, 0.1)]
)
def test_r2_says_where_the_targets_are_too_few_for_their_skew(sigma: float, n: int, least: float, most: float) -> None:
    """Log-normal targets whose interval falls short say so; normal ones (here sigma 0) do not. Of 200 data sets."""
    rng = np.random.default_rng(1)
    said = 0
    for _ in range(200):
        normal = rng.standard_normal(n)
        found = R2().estimate(records(np.exp(sigma * normal) if sigma else normal, rng.standard_normal(n)))
        said += found.reason.startswith("too few to rely on the interval")
    assert least <= said / 200 <= most


def test_r2_of_a_dozen_examples_says_so() -> None:
    rng = np.random.default_rng(2)
    found = R2().estimate(records(rng.standard_normal(12), rng.standard_normal(12)))
    assert found.reason == "too few to rely on the interval: 12"
    assert found.low is not None
