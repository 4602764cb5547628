"""The corrected share and its interval."""

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.api import HarnessError
from harness_language.guardrails.correction import Quality, corrected


def test_value_by_hand() -> None:
    found = corrected(60, 100, Quality(45, 50, 40, 50))
    assert found.value == pytest.approx((0.6 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.low < found.value < found.high


def test_a_scorer_that_never_errs_leaves_the_interval_of_agresti_and_coull() -> None:
    sure = Quality(10**9, 10**9, 10**9, 10**9)
    found = corrected(30, 80, sure)
    low, high = proportion_confint(30, 80, method="agresti_coull")
    assert (found.value, found.low, found.high) == pytest.approx((0.375, low, high), abs=1e-6)


def test_fewer_labels_widen_the_interval() -> None:
    few, many = (corrected(60, 100, Quality(9 * k, 10 * k, 8 * k, 10 * k)) for k in (2, 200))
    assert few.high - few.low > 1.5 * (many.high - many.low)
    assert few.value == pytest.approx(many.value)


@pytest.mark.parametrize("quality", [Quality(5, 10, 5, 10), Quality(2, 10, 3, 10)])
def test_no_better_than_chance_is_undefined(quality: Quality) -> None:
    found = corrected(5, 10, quality)
    assert found.value is None
    assert "no better than chance: sensitivity" in found.reason


def test_what_cannot_be_is_cut_and_stays_inside_its_interval() -> None:
    """Fewer are found than the scorer finds among the innocent."""
    found = corrected(0, 1000, Quality(90, 100, 80, 100))
    assert found.value == 0.0
    assert found.low == 0.0
    found = corrected(1000, 1000, Quality(50, 100, 100, 100))
    assert found.value == found.high == 1.0


def test_no_answers() -> None:
    assert corrected(0, 0, Quality(1, 1, 1, 1)).value is None


@pytest.mark.parametrize("counts", [(2, 1, 1, 1), (0, 0, 1, 1), (1, 1, -1, 1), (1, 1, 0, 0)])
def test_impossible_counts(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(HarnessError, match="true positives, positives, true negatives, negatives"):
        Quality(*counts)
