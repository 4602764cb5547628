"""Rates of a group, and their comparison with a reference: by hand, and undefined where there is no denominator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fairness_records import table
from harness.api import InvalidOutput, Records, newcombe, normal_quantile, proportion
from harness_fairness.metrics.confusion_counts import Rate
from harness_fairness.metrics.group_rates import GroupDifference, GroupRate, GroupRatio
from harness_fairness.metrics.intervals import fisher, ratio

SOME = table(a=(8, 2, 3, 7), b=(40, 10, 10, 20), c=(5, 0, 0, 0))


@pytest.mark.parametrize(
    ("rate", "successes", "n"), [("fpr", 2, 10), ("fnr", 3, 10), ("ppv", 7, 9), ("error", 5, 20), ("accuracy", 15, 20)]
)
def test_the_rate_of_a_group(rate: Rate, successes: int, n: int) -> None:
    assert GroupRate(rate, "g", "a").estimate(SOME) == proportion(successes, n)


def test_the_rate_of_all_and_by_example() -> None:
    metric = GroupRate("fpr")
    assert metric.estimate(SOME) == proportion(12, 65)
    values = metric.per_example(SOME)
    assert np.isnan(values).sum() == 40
    assert np.nanmean(values) == pytest.approx(12 / 65)


def test_an_empty_denominator_is_undefined_and_not_zero() -> None:
    estimate = GroupRate("fnr", "g", "c").estimate(SOME)
    assert estimate.value is None
    assert estimate.reason == "no example of 'c' whose label is positive: fnr is undefined"
    assert GroupRate("ppv", "g", "c").estimate(SOME).value is None
    assert GroupRate("fpr", "g", "c").estimate(SOME).value == 0.0


def test_a_group_with_one_member_has_a_rate_with_a_wide_interval() -> None:
    estimate = GroupRate("accuracy", "g", "lonely").estimate(table(lonely=(1, 0, 0, 0), rest=(5, 5, 5, 5)))
    assert (estimate.value, estimate.n, estimate.high) == (1.0, 1, 1.0)
    assert estimate.low == pytest.approx(0.2065, abs=1e-4)


def test_missing_predictions_are_counted() -> None:
    some = Records.of({"id": ["1", "2", "3"], "label": [0, 1, 1], "prediction": [0, None, 1], "group.g": list("xxy")})
    estimate = GroupRate("accuracy", "g", "x").estimate(some)
    assert (estimate.n, estimate.n_missing) == (1, 1)


def test_where_records_say_nothing_the_metric_does_not_apply() -> None:
    assert not GroupRate("fpr").estimate(Records.of({"id": ["1"], "error": [0.2]})).applies
    assert not GroupDifference("g", "a", "b").estimate(Records.of({"id": ["1"], "error": [0.2]})).applies


def test_a_difference_with_holm_over_the_groups() -> None:
    some = table(a=(60, 40, 5, 5), b=(90, 10, 5, 5), c=(80, 20, 5, 5))
    estimate = GroupDifference("g", "a", "b", "fpr").estimate(some)
    assert estimate.value == pytest.approx(0.3)
    assert estimate.n == 200
    assert estimate.p == pytest.approx(2 * fisher(40, 100, 10, 100))
    assert estimate.reason == "p by Fisher's exact test, Holm over 2 tests"
    other = GroupDifference("g", "c", "b", "fpr").estimate(some)
    assert other.p == pytest.approx(fisher(20, 100, 10, 100))


@pytest.mark.parametrize("metric", [GroupDifference, GroupRatio])
def test_the_interval_leaves_out_equal_rates_exactly_where_the_test_does(metric: Any) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        negative = rng.integers(8, 120, 4)
        wrong = rng.binomial(negative, rng.uniform(0.05, 0.6, 4)).clip(1)
        some = table(**{g: (n - w, w, 1, 1) for g, n, w in zip("abcd", negative, wrong, strict=True)})
        for member in "acd":
            estimate = metric("g", member, "b", "fpr").estimate(some)
            outside = not estimate.low <= metric.equal <= estimate.high
            assert outside is (estimate.p <= 0.05)
            assert estimate.low <= estimate.value <= estimate.high
            found.append(outside)
    assert 20 < sum(found) < 160


def test_the_interval_holds_for_all_groups_at_once() -> None:
    some = table(a=(60, 40, 5, 5), b=(90, 10, 5, 5), c=(80, 20, 5, 5))
    estimate = GroupDifference("g", "a", "b", "fpr").estimate(some)
    assert estimate.method == "newcombe, 2 at once"
    assert (estimate.low, estimate.high) == pytest.approx(newcombe(40, 100, 10, 100, normal_quantile(0.975)))
    ratio_of_a = GroupRatio("g", "a", "b", "fpr").estimate(some)
    assert (ratio_of_a.low, ratio_of_a.high) == pytest.approx(ratio(40, 100, 10, 100, level=0.975))
    two = table(a=(60, 40, 5, 5), b=(90, 10, 5, 5))
    alone = GroupDifference("g", "a", "b", "fpr").estimate(two)
    assert (alone.method, alone.low) == (
        "newcombe",
        pytest.approx(newcombe(40, 100, 10, 100, normal_quantile(0.95))[0]),
    )


def test_a_ratio_and_where_it_is_undefined() -> None:
    estimate = GroupRatio("g", "a", "b", "fnr").estimate(SOME)
    assert estimate.value == pytest.approx(0.3 / (1 / 3))
    nothing = GroupRatio("g", "a", "c", "fpr").estimate(SOME)
    assert nothing.value is None
    assert nothing.reason == "the fpr of 'c' is 0, which nothing can be divided by"
    assert GroupDifference("g", "a", "c", "fnr").estimate(SOME).value is None


def test_what_is_asked_wrongly() -> None:
    with pytest.raises(InvalidOutput, match="no group 'z'; it has 'a', 'b', 'c'"):
        GroupRate("fpr", "g", "z").estimate(SOME)
    with pytest.raises(InvalidOutput, match="a group needs a member"):
        GroupRate("fpr", "g")
    with pytest.raises(InvalidOutput, match="member and reference are both 'a'"):
        GroupDifference("g", "a", "a")
    assert not GroupDifference("g", "a", "b").estimate(table(a=(1, 1, 1, 1))).applies
