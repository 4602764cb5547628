"""Quantiles against SciPy, and effective numbers by hand."""

from __future__ import annotations

import pytest
from scipy import stats

from harness.statistics.quantiles import effective_number, normal_quantile, student_quantile


def test_quantiles_are_two_sided() -> None:
    assert normal_quantile(0.95) == pytest.approx(stats.norm.ppf(0.975))
    assert student_quantile(4) == pytest.approx(stats.t.ppf(0.975, 4))
    assert student_quantile(2.5, 0.9) == pytest.approx(stats.t.ppf(0.95, 2.5))


def test_equal_weights_count_and_unequal_ones_count_less() -> None:
    assert effective_number([5, 5, 5]) == 3
    assert effective_number([1000, 1, 1]) == pytest.approx(1, abs=0.01)
    assert effective_number([3, 1]) == pytest.approx(16 / 10)
    assert effective_number([0, 0]) == 0
