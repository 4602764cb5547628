"""Gaps in bins: variances and score ends by hand, and the interval of one bin against Wilson's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.api import Records
from harness_uncertainty.metrics.binned_gaps import BinnedGaps
from harness_uncertainty.metrics.calibration import ECE


def one_bin(right: int, n: int, confidence: float) -> BinnedGaps:
    return BinnedGaps.of((np.arange(n) < right).astype(float), np.full(n, confidence), np.zeros(n, dtype=np.int64))


@pytest.mark.parametrize(("right", "n", "confidence"), [(89, 90, 0.989), (80, 90, 0.95), (90, 90, 1.0), (3, 10, 0.2)])
def test_one_bin_has_wilsons_interval_of_the_accuracy(right: int, n: int, confidence: float) -> None:
    """Seen from the confidence: the error is how far the accuracy is from it."""
    low, high = stats.binomtest(right, n).proportion_ci(method="wilson")
    far = max(abs(low - confidence), abs(high - confidence))
    near = 0.0 if low <= confidence <= high else min(abs(low - confidence), abs(high - confidence))
    assert one_bin(right, n, confidence).interval() == pytest.approx((near, far))


def test_a_lucky_value_does_not_exclude_a_gap() -> None:
    """89 of 90 right at a confidence of .989 leaves an accuracy of .94 possible, and so an error of .049."""
    records = Records.of(
        {"id": [str(i) for i in range(90)], "confidence": [0.989] * 90, "correct": [True] * 89 + [False]}
    )
    found = ECE().estimate(records)
    assert found.value == pytest.approx(0.0001, abs=1e-4)
    assert (found.low, found.high) == (0.0, pytest.approx(0.0493, abs=1e-4))


def test_outcomes_that_happen_to_match_everywhere_do_not_exclude_gaps() -> None:
    """Ten bins of 20 whose accuracies are the confidences to the digit: an error of .05 is not excluded."""
    confidence = np.repeat(np.arange(0.05, 1, 0.1), 20)
    outcome = np.concatenate([np.arange(20) < round(20 * c) for c in np.arange(0.05, 1, 0.1)]).astype(float)
    low, high = BinnedGaps.of(outcome, confidence, np.repeat(np.arange(10), 20)).interval()
    assert low == pytest.approx(0, abs=1e-12)
    assert high > 0.05


def test_a_wide_bin_varies_by_more_than_its_mean_says() -> None:
    """Half the answers at .1 are all right, half at .9 all wrong: the excess is .9 or -.9, its variance .81."""
    outcome, probability = np.repeat([1.0, 0.0], 10), np.repeat([0.1, 0.9], 10)
    gaps = BinnedGaps.of(outcome, probability, np.zeros(20, dtype=np.int64))
    assert gaps.total == pytest.approx(0)
    assert gaps.errors(gaps.gap)[0] == pytest.approx((0.81 / 20) ** 0.5)


def test_bins_without_answers_do_not_count() -> None:
    gaps = BinnedGaps.of(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.8]), np.array([9, 2, 9]))
    assert gaps.n.tolist() == [1, 2]
    assert gaps.gap == pytest.approx([-0.2, 0.15])
    assert gaps.total == pytest.approx((0.2 + 2 * 0.15) / 3)
