"""False match and non-match rates: by hand, without any error, and only at a declared threshold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.api import InvalidOutput, Records, proportion
from harness_fairness.metrics.effective_trials import effective_trials
from harness_fairness.metrics.verification import FalseMatchRate, FalseMatchRatio, FalseNonMatchRate

GENUINE = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, None]
SCORE = [0.9, 0.5, 0.2, 0.1, 0.6, 0.5, 0.3, 0.7]


def records(threshold: float | None = None, **more: object) -> Records:
    columns = {"id": [str(i) for i in range(8)], "genuine": GENUINE, "score": SCORE, **more}
    return Records.of(columns, threshold=threshold)


def test_by_hand() -> None:
    """A score at the threshold is a match."""
    matches = FalseMatchRate(0.5).estimate(records())
    assert (matches.value, matches.n, matches.n_missing) == (0.5, 4, 1)
    assert (matches.low, matches.high) == (proportion(2, 4).low, proportion(2, 4).high)
    assert FalseNonMatchRate(0.5).estimate(records()).value == pytest.approx(1 / 3)
    values = FalseNonMatchRate(0.5).per_example(records())
    assert np.nansum(values) == 1
    assert np.isnan(values).sum() == 5


def test_distances_match_below() -> None:
    assert FalseMatchRate(0.5, "distance").estimate(records()).value == pytest.approx(3 / 4)


def test_no_error_at_all_follows_the_rule_of_three() -> None:
    n = 300
    some = Records.of({"id": [str(i) for i in range(n)], "genuine": [0] * n, "score": [0.1] * n})
    estimate = FalseMatchRate(0.5).estimate(some)
    assert (estimate.value, estimate.low, estimate.method) == (0.0, 0.0, "rule of three")
    assert estimate.high == pytest.approx(3 / n, rel=0.01)
    assert (1 - (estimate.high or 0)) ** n == pytest.approx(0.05)


def test_the_threshold_must_be_declared_once() -> None:
    with pytest.raises(InvalidOutput, match="no threshold is declared"):
        FalseMatchRate().estimate(records())
    assert FalseMatchRate().estimate(records(0.5)) == FalseMatchRate(0.5).estimate(records())
    with pytest.raises(InvalidOutput, match=r"the metric declares threshold 0\.4, the task 0\.5; one must hold"):
        FalseMatchRate(0.4).estimate(records(0.5))


def test_what_cannot_be_counted() -> None:
    some = Records.of({"id": ["a"], "genuine": [1], "score": [0.5]}, threshold=0.5)
    assert FalseMatchRate().estimate(some).reason == "there are no impostor pairs"
    with pytest.raises(InvalidOutput, match="'genuine' must hold 1 for a pair of one identity"):
        FalseMatchRate(0.5).estimate(Records.of({"id": ["a"], "genuine": [2], "score": [0.5]}))


def test_pairs_of_an_identity_count_together() -> None:
    identities = ["x", "y", "z", "x", "x", "y", "y", "z"]
    estimate = FalseMatchRate(0.5, clusters="identity").estimate(records(identity=identities))
    assert (estimate.value, estimate.method) == (0.5, "wilson over 2 identities")
    with pytest.raises(InvalidOutput, match="no column 'identity' with identities"):
        FalseMatchRate(0.5, clusters="identity").estimate(records())
    with pytest.raises(InvalidOutput, match="row 3 has no 'identity'"):
        FalseMatchRate(0.5, clusters="identity").estimate(records(identity=["x", "y", None, *identities[3:]]))
    with pytest.raises(ValueError, match="3 columns; a pair has two identities"):
        FalseMatchRate(0.5, clusters=["a", "b", "c"])


def test_trials_of_dyads_by_hand() -> None:
    """Residuals .5, -.5, .5, -.5 of pairs ab, ac, bd, cd.

    The sums of a, b, c, d are 0, 1, -1, 0; their squares less four times .25 leave 1. Without one of four there are two
    pairs: 1 / 4 times 3/4 is .1875. One trial has .25: 4 thirds, less what t takes.
    """
    errors = np.array([1.0, 0.0, 1.0, 0.0])
    first, second = np.array(list("aabc")), np.array(list("bcdd"))
    student = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 3)
    assert effective_trials(errors, [first, second]) == pytest.approx(4 / 3 * student**2)
    assert effective_trials(errors, [second, first]) == effective_trials(errors, [first, second])


def test_two_columns_that_are_equal_are_one() -> None:
    names, errors = np.array(list("aabbcc")), np.array([1.0, 1, 0, 0, 0, 1])
    assert effective_trials(errors, [names, names]) == effective_trials(errors, [names])


def test_the_ratio_of_two_groups() -> None:
    some = Records.of(
        {
            "id": [str(i) for i in range(4000)],
            "genuine": [0] * 4000,
            "score": [0.9] * 50 + [0.1] * 1950 + [0.9] * 10 + [0.1] * 1990,
            "group.region": ["east"] * 2000 + ["west"] * 2000,
        }
    )
    found = FalseMatchRatio("region", "east", "west", 0.5).estimate(some)
    assert found.value == pytest.approx(5)
    low, high = found.low or 0, found.high or 0
    # Katz's interval on the logarithmic scale (1978) is another; both reach about as far.
    error = np.sqrt(1 / 50 - 1 / 2000 + 1 / 10 - 1 / 2000)
    assert [low, high] == pytest.approx([5 * np.exp(-1.96 * error), 5 * np.exp(1.96 * error)], rel=0.1)
    nobody = FalseMatchRatio("region", "east", "west", 0.95).estimate(some)
    assert nobody.reason == "the rate of 'west' is 0, which nothing can be divided by"
    with pytest.raises(InvalidOutput, match="name two groups"):
        FalseMatchRatio("region", "east", "east")


def test_pairs_of_few_identities_without_errors_count_as_few() -> None:
    """100 pairs of 4 identities: with none wrong up to 1 - .05^(1/4) may be; with all wrong it is not certain."""
    names = [f"person {i % 4}" for i in range(100)]
    for score, low, high in ((0.1, 0.0, 1 - 0.05**0.25), (0.9, proportion(4, 4).low, 1.0)):
        some = Records.of(
            {"id": [str(i) for i in range(100)], "genuine": [0] * 100, "score": [score] * 100, "who": names}
        )
        estimate = FalseMatchRate(0.5, clusters="who").estimate(some)
        assert (estimate.low, estimate.high, estimate.n) == (low, pytest.approx(high), 100)
