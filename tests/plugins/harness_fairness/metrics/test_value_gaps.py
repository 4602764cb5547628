"""Gaps of errors and of confidence: by hand, their coverage, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_fairness.metrics.value_gaps import CalibrationGap, RegressionError, RegressionErrorGap


def records(**columns: object) -> Records:
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    return Records.of(
        {"id": [str(i) for i in range(n)], **{k.replace("group_", "group."): v for k, v in columns.items()}}
    )


ERRORS = records(error=[1.0, -3.0, 2.0, 2.0, None, -1.0, 9.0], group_g=["a", "a", "b", "b", "b", "b", "lonely"])


def test_errors_by_hand() -> None:
    assert RegressionError().estimate(ERRORS).value == pytest.approx(18 / 6)
    assert RegressionError("squared").estimate(ERRORS).value == pytest.approx(100 / 6)
    assert RegressionError("signed").estimate(ERRORS).value == pytest.approx(10 / 6)
    assert RegressionError().estimate(ERRORS).n_missing == 1
    values = RegressionError("squared").per_example(ERRORS)
    assert np.nanmean(values) == pytest.approx(100 / 6)


@pytest.mark.parametrize(("measure", "value"), [("absolute", 2 - 5 / 3), ("squared", 5 - 3), ("signed", 1 - (-1))])
def test_gaps_by_hand_without_the_lonely(measure: str, value: float) -> None:
    estimate = RegressionErrorGap("g", measure).estimate(ERRORS)  # type: ignore[arg-type]
    assert estimate.value == pytest.approx(value)
    assert (estimate.n, estimate.n_missing) == (5, 1)
    assert estimate.reason == "too few for an interval: 5 examples; left out, too few: lonely (1)"


def test_too_few_to_compare() -> None:
    estimate = RegressionErrorGap("g").estimate(records(error=[1.0, 2.0, 3.0], group_g=["a", "a", "b"]))
    assert estimate.value is None
    assert estimate.reason == "1 groups have 2 examples that count; a gap needs 2"


def test_overconfidence_of_a_group() -> None:
    some = records(
        clean_confidence=[0.9, 0.9, 0.8, 0.8, 0.8],
        correct=[True, True, True, False, False],
        group_g=["a", "a", "b", "b", "b"],
    )
    # Group a: .9 - 1 = -.1; group b: .8 - 1/3.
    assert CalibrationGap("g").estimate(some).value == pytest.approx(0.8 - 1 / 3 + 0.1)


def test_scores_are_compared_with_labels() -> None:
    some = records(score=[0.2, 0.4, 0.9, 0.5, 0.7], label=["n", "y", "y", "n", None], group_g=["a", "a", "b", "b", "b"])
    # Group a: .2 and .4 - 1; group b: .9 - 1 and .5.
    estimate = CalibrationGap("g", positive="y").estimate(some)
    assert estimate.value == pytest.approx(0.2 + 0.2)
    assert estimate.n_missing == 1


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"2 scores are no probabilities, first 1\.5"):
        CalibrationGap("g").estimate(records(score=[0.1, 1.5, -2.0], label=[0, 1, 1], group_g=["a", "a", "b"]))
    assert not CalibrationGap("g").estimate(records(error=[1.0], group_g=["a"])).applies


def test_a_handful_that_is_all_right_does_not_have_a_known_calibration() -> None:
    """5 of 5 right at .9, 5 of 5 at .6: the sample shows no spread, but probabilities of .9 and .6 have some."""
    some = records(clean_confidence=[0.9] * 5 + [0.6] * 5, correct=[True] * 10, group_g=["a"] * 5 + ["b"] * 5)
    estimate = CalibrationGap("g").estimate(some)
    assert estimate.value == pytest.approx(0.3)
    assert estimate.low == 0.0
    assert estimate.high is not None
    assert estimate.high > 0.3 + 2 * ((0.09 + 0.24) / 5) ** 0.5
