"""Points of quality and cost made of rows: what is merged, what stays apart, what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import Estimate, Row, Status
from harness_capacity.comparisons.merged_points import cost_of, merged_points


def row(model: str, value: float | None, seed: int = 0, attack: str = "", data: str = "digits", **other: Any) -> Row:
    estimate = Estimate.undefined("no") if value is None else Estimate(value, value - 0.1, value + 0.1, 0.95, "w", 9)
    return Row(
        **{
            "experiment": "e",
            "labels": {"model": model, "data": data, **({"attack": attack} if attack else {})},
            "seed": seed,
            "status": Status.OK,
            "estimates": {"accuracy": estimate},
            "comparability": {"data": data, "threat": attack},
            "cost": {"passes": 3.0},
            "facts": {"cost": {"parameters": 100, "training_seconds": 1.0 + seed}},
            **other,
        }
    )


def test_seeds_are_one_point_with_the_interval_of_their_mean() -> None:
    points = merged_points([row("net", value, seed) for seed, value in enumerate((0.7, 0.8, 0.9))], "accuracy")
    (point,) = points["digits"]
    assert point.value == pytest.approx(0.8)
    # t of 2 degrees of freedom at 95 % is 4.303.
    assert point.quality.low == pytest.approx(0.8 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert point.cost("training_seconds") == 2.0
    assert point.cost("parameters") == 100.0


def test_two_seeds_have_no_interval_and_one_has_its_own() -> None:
    (two,) = merged_points([row("net", 0.7), row("net", 0.9, 1)], "accuracy")["digits"]
    assert (two.quality.low, two.quality.high) == (None, None)
    (one,) = merged_points([row("net", 0.7)], "accuracy")["digits"]
    assert one.quality.low == pytest.approx(0.6)


def test_a_cost_that_a_seed_does_not_know_is_not_known() -> None:
    (point,) = merged_points([row("net", 0.7), row("net", 0.9, 1, facts={})], "accuracy")["digits"]
    assert point.cost("parameters") is None


def test_treatments_and_data_are_apart_unless_they_change_nothing() -> None:
    rows = [row("net", 0.9, attack="a"), row("net", 0.9, attack="b"), row("net", 0.8, data="mnist", attack="a")]
    assert list(merged_points(rows, "accuracy")) == ["digits", "mnist / a"]
    rows[1] = row("net", 0.5, attack="b")
    assert list(merged_points(rows, "accuracy")) == ["digits / a", "digits / b", "mnist / a"]


def test_what_may_not_be_compared_is_apart() -> None:
    other = row("net", 0.7, comparability={"data": "fewer digits"})
    first, second = merged_points([row("net", 0.9), other], "accuracy")
    assert first == "digits"
    assert second == f"digits (key {other.key[:8]})"


def test_rows_without_a_number_are_left_out() -> None:
    rows = [
        row("a", None),
        row("b", 0.5, status=Status.FAILED),
        row("c", 0.5, derived="over_seeds"),
        row("d", 0.5, estimates={}),
    ]
    assert merged_points(rows, "accuracy") == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("parameters", 100.0), ("flops", None), ("flops_call", None), ("passes", 3.0), ("accuracy", 0.5), ("price", None)],
)
def test_a_cost_is_a_number_of_the_block_an_effort_or_a_metric(name: str, expected: float | None) -> None:
    assert cost_of(row("net", 0.5), name) == expected
