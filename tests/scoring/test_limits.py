"""Intervals of fractions stay between 0 and 1, those of differences and counts do not."""

from __future__ import annotations

import pytest

from harness.api import Estimate, InvalidOutput, Row, Status
from harness.contract.cells import Use
from harness.plugins import Catalog
from harness.scoring.in_process import InThisProcess
from harness.scoring.limits import checked, cut, inside_limits, limits_of


def estimate(value: float, low: float | None, high: float | None) -> Estimate:
    return Estimate(value, low, high, 0.95, "student-t", 3)


def test_a_mean_over_three_seeds_ends_at_one(catalog: Catalog) -> None:
    uses = [
        Use("metric", "harness_generative/mode_coverage", "mode_coverage", 1, {}),
        Use("metric", "harness_fairness/wer", "wer", 1, {}),
        Use("metric", "harness_fairness/group_difference", "difference", 1, {}),
        Use("metric", "harness_adversarial/queries", "queries", 1, {}),
    ]
    wide = estimate(0.933, 0.646, 1.220)
    below = estimate(0.1, -0.2, 0.4)
    estimates = {"mode_coverage": wide, "wer": wide, "difference": below, "queries": below, "unknown": wide}
    (row,) = inside_limits([Row("e", {}, 0, Status.OK, estimates=estimates)], uses, InThisProcess(catalog))
    assert row.estimates == {
        "mode_coverage": estimate(0.933, 0.646, 1.0),
        "wer": wide,
        "difference": below,
        "queries": estimate(0.1, 0.0, 0.4),
        "unknown": wide,
    }


def test_what_lies_outside_or_has_no_ends_is_left_as_it_is() -> None:
    for each in (estimate(1.2, 0.9, 1.5), estimate(0.5, None, None), Estimate.undefined("no examples")):
        assert cut(each, (0.0, 1.0)) is each
    assert cut(estimate(0.5, -0.1, None), (0.0, 1.0)) == estimate(0.5, 0.0, None)


class Share:
    unit = "fraction"


class Distance:
    unit = ""
    limits = (0.0, float("inf"))


def test_a_value_outside_what_the_metric_can_be_is_refused() -> None:
    with pytest.raises(InvalidOutput, match="the value 7 lies outside what a fraction can be, 0 to 1"):
        checked(estimate(7.0, 6.0, 8.0), Share())
    with pytest.raises(InvalidOutput, match="the value -2 lies outside what the metric can be, 0 to inf"):
        checked(estimate(-2.0, None, None), Distance())
    with pytest.raises(InvalidOutput, match="returned a float, not an Estimate"):
        checked(0.5, Share())
    wide = estimate(0.9, 0.7, 1.1)
    assert checked(wide, Share()) == wide
    assert checked(estimate(7.0, 6.0, 8.0), Distance()).value == 7.0
    assert checked(Estimate.undefined("no examples"), Share()).value is None


def test_limits_are_two_numbers() -> None:
    metric = Share()
    metric.limits = "many"  # type: ignore[attr-defined]
    with pytest.raises(InvalidOutput, match="its limits are 'many', not two numbers"):
        limits_of(metric)
