"""Robustness metrics on records written out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import Records, proportion
from harness_adversarial.metrics.accuracy import AttackSuccessRate, MeanDistance, Queries, RobustAccuracy


def records(threat: dict[str, Any] | None = None, **changes: Any) -> Records:
    """Five examples: one wrong from the start, two fooled, two robust."""
    columns = {
        "id": list("abcde"),
        "success": [None, True, True, False, False],
        "robust": [False, False, False, True, True],
        "linf": [0.0, 0.1, 0.3, 0.2, 0.2],
        "l2": [0.0, 1.0, 2.0, 3.0, 3.0],
        "l1": [0.0, 1.0, 1.0, 1.0, 1.0],
        "l0": [0.0, 4.0, 4.0, 4.0, 4.0],
        "forward_passes": [0.0, 2.0, 4.0, 6.0, 8.0],
        "backward_passes": [0.0, 1.0, 3.0, 5.0, 7.0],
        **changes,
    }
    return Records.of(columns, threat=threat or {"norm": "linf", "eps": 0.3, "targeted": False, "minimal": False})


def test_robust_accuracy_counts_all_examples() -> None:
    assert RobustAccuracy().estimate(records()) == proportion(2, 5)


def test_robust_accuracy_counts_what_is_missing() -> None:
    estimate = RobustAccuracy().estimate(records(robust=[False, None, False, True, True]))
    assert (estimate.value, estimate.n, estimate.n_missing) == (0.5, 4, 1)


def test_an_attack_without_budget_has_no_robust_accuracy() -> None:
    estimate = RobustAccuracy().estimate(records({"norm": "l2", "eps": None}))
    assert estimate.value is None
    assert "no budget" in estimate.reason
    assert RobustAccuracy().estimate(records({"norm": None, "eps": None})).value == 0.4


def test_success_rate_counts_attacked_examples() -> None:
    assert AttackSuccessRate().estimate(records()) == proportion(2, 4)
    nothing = AttackSuccessRate().estimate(records(success=[None] * 5))
    assert nothing.value is None


def test_mean_distance_is_over_fooled_examples_in_the_norm_of_the_threat() -> None:
    assert MeanDistance().estimate(records()).value == pytest.approx(0.2)
    assert MeanDistance().estimate(records({"norm": "l2", "eps": None})).value == pytest.approx(1.5)
    assert MeanDistance().estimate(records()).n == 2
    assert MeanDistance().estimate(records({"norm": None, "eps": None})).value is None
    assert (
        MeanDistance().estimate(records(success=[None, False, False, False, False])).reason == "no example was fooled"
    )


def test_queries_are_passes_per_attacked_example() -> None:
    estimate = Queries().estimate(records())
    assert estimate.value == pytest.approx((3 + 7 + 11 + 15) / 4)
    assert estimate.n == 4
