"""Risk and coverage, and confident errors."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from harness.api import Records
from harness_uncertainty.metrics.selective import (
    AURC,
    AccuracyAtCoverage,
    ConfidentErrors,
    ExcessAURC,
    Ranked,
)


def records(confidence: object, correct: object, name: str = "confidence") -> Records:
    n = len(list(correct))  # type: ignore[call-overload]
    return Records.of({"id": [str(i) for i in range(n)], name: confidence, "correct": correct})


def in_order(correct: object) -> float:
    wrong = ~np.asarray(correct)
    return float((np.cumsum(wrong) / np.arange(1, len(wrong) + 1)).mean())


def test_by_hand() -> None:
    """Right, wrong, right, from sure to unsure: (0 + 1/2 + 1/3) / 3."""
    found = AURC().estimate(records([0.9, 0.8, 0.3], [True, False, True]))
    assert found.value == pytest.approx((1 / 2 + 1 / 3) / 3)
    found = AURC(excess=True).estimate(records([0.9, 0.8, 0.3], [True, False, True]))
    assert found.value == pytest.approx((1 / 2 + 1 / 3) / 3 - 1 / 9)
    found = AURC(excess=True).estimate(records([0.9, 0.8, 0.3], [True, True, False]))
    assert (found.value, found.low) == (pytest.approx(0), pytest.approx(0))


def test_ties_are_the_mean_over_all_orders() -> None:
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.2])
    correct = np.array([True, True, False, False, True, False])
    expected = np.mean(
        [in_order([correct[0], *(correct[i] for i in p), correct[5]]) for p in permutations(range(1, 5))]
    )
    for order in permutations(range(6)):
        chosen = list(order)
        area = Ranked.of(confidence[chosen], correct[chosen]).area()
        assert area == pytest.approx(expected)


def test_areas_without_one_answer_are_those_of_the_others() -> None:
    """With ties, also of the excess."""
    rng = np.random.default_rng(0)
    confidence, correct = rng.integers(0, 4, 12) / 4, rng.random(12) < 0.6
    ranked = Ranked.of(confidence, correct)
    areas, least = ranked.areas_without_one(), ranked.least_areas_without_one()
    for position, row in enumerate(ranked.order):
        rest = Ranked.of(np.delete(confidence, row), np.delete(correct, row))
        assert areas[position] == pytest.approx(rest.area())
        assert least[position] == pytest.approx(rest.least_area())


def test_few_errors_leave_the_area_open_upwards() -> None:
    """One error among a hundred: three or four more may come, as Wilson's interval of the accuracy says."""
    confidence = np.linspace(1, 0.5, 100)
    correct = np.arange(100) != 60
    found = AURC().estimate(records(confidence, correct))
    assert found.high > 3 * found.value  # type: ignore[operator]
    assert found.method == "jackknife"


def test_perfect_ranking_leaves_its_excess_open_upwards() -> None:
    found = ExcessAURC().estimate(records(np.linspace(1, 0.5, 50), np.arange(50) < 48))
    assert (found.value, found.low) == (pytest.approx(0), pytest.approx(0))
    assert found.high > 0.001  # type: ignore[operator]


def test_a_constant_confidence_has_the_error_rate() -> None:
    found = AURC().estimate(records([0.5] * 10, [True] * 7 + [False] * 3))
    assert found.value == pytest.approx(0.3)


def test_all_right_or_all_wrong_is_not_certain() -> None:
    """As many more answers may hold errors: the percentile bootstrap would say [0, 0] and [1, 1]."""
    for correct, value in ((True, 0.0), (False, 1.0)):
        given = records([0.9, 0.8, 0.7, 0.6], [correct] * 4)
        interval = stats.binomtest(0 if correct else 4, 4).proportion_ci(method="wilson")
        found = AURC().estimate(given)
        assert (found.value, found.low, found.high) == pytest.approx((value, interval.low, interval.high))
        assert "nothing to rank" in AURC(excess=True).estimate(given).reason


def test_confident_errors_are_a_share_of_the_confident() -> None:
    given = records([0.95, 0.9, 0.99, 0.89, None], [True, False, True, False, False])
    found = ConfidentErrors().estimate(given)
    interval = stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert (found.value, found.n, found.n_missing) == (pytest.approx(1 / 3), 3, 1)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    values = ConfidentErrors().per_example(given)
    assert values[:3].tolist() == [0, 1, 0]
    assert np.isnan(values[3:]).all()
    assert ConfidentErrors(threshold=0.8).estimate(given).value == pytest.approx(2 / 4)


def test_nobody_confident_is_undefined_not_zero() -> None:
    found = ConfidentErrors().estimate(records([0.5, 0.6], [True, False]))
    assert found.value is None
    assert "none of 2 answers" in found.reason


def test_without_confidences_they_do_not_apply() -> None:
    given = records(["a", "b"], [True, False], "other")
    for metric in (AURC(), ConfidentErrors()):
        assert not metric.estimate(given).applies
    assert np.isnan(ConfidentErrors().per_example(given)).all()


def test_excess_is_a_metric_of_its_own() -> None:
    given = records([0.9, 0.8, 0.3], [True, False, True])
    assert ExcessAURC().estimate(given) == AURC(excess=True).estimate(given)


def test_accuracy_of_the_most_confident() -> None:
    given = records([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, False])
    assert AccuracyAtCoverage(0.4).estimate(given).value == 1.0
    found = AccuracyAtCoverage(0.6).estimate(given)
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert AccuracyAtCoverage(1.0).estimate(given).value == pytest.approx(3 / 5)


def test_ties_at_the_edge_count_as_their_average_in_any_order() -> None:
    """One of 0.9 and one out of three at 0.5, of which one is right: (1 + 1/3) / 2."""
    confidence, correct = np.array([0.5, 0.9, 0.5, 0.5]), np.array([True, True, False, False])
    for order in permutations(range(4)):
        found = AccuracyAtCoverage(0.5).estimate(records(confidence[list(order)], correct[list(order)]))
        assert found.value == pytest.approx((1 + 1 / 3) / 2)
        assert found.low < found.value < found.high  # type: ignore[operator]


def test_nothing_to_answer_has_no_accuracy() -> None:
    found = AccuracyAtCoverage().estimate(records([0.9, None], [None, True]))
    assert (found.value, found.n_missing) == (None, 2)
