"""Logistic curves over the logarithm of a size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from harness_language.growth_curve import GrowthCurves, fit_growth

SIZES = [8, 16, 32, 64, 128, 256]
X = np.log2(SIZES)


def test_a_curve_is_found_again() -> None:
    truth = [(0.1, 0.9, 5.3, 1.7), (0.0, 1.0, 6.0, 3.0), (0.2, 0.6, 4.2, 1.0)]
    values = [low + (high - low) * expit(slope * (X - middle)) for low, high, middle, slope in truth]
    found = fit_growth(SIZES, values)
    for i, (low, high, middle, _) in enumerate(truth):
        assert found.middle[i] == pytest.approx(middle, abs=0.05)
        assert (found.low[i], found.high[i]) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_noisy_values_are_fitted_as_well_as_by_scipy() -> None:
    rng = np.random.default_rng(0)

    def curve(x: object, low: float, high: float, middle: float, slope: float) -> object:
        return low + (high - low) * expit(slope * (x - middle))  # type: ignore[operator]

    for _ in range(10):
        y = np.clip(expit(1.5 * (X - 5.5)) + rng.normal(0, 0.03, len(X)), 0, 1)
        start, bounds = (0.0, 1.0, 5.5, 1.5), ([0, 0, 2, 0.2], [1, 1, 9, 9])
        best, _ = curve_fit(curve, X, y, start, bounds=bounds)
        found = fit_growth(SIZES, [y])
        missed = found.at(X[:, None])[:, 0] - y
        assert missed @ missed <= ((curve(X, *best) - y) ** 2).sum() + 2e-3  # type: ignore[operator]


def test_between_two_sizes_a_jump_is_put_in_the_middle() -> None:
    found = fit_growth(SIZES, [[0, 0, 0, 1, 1, 1]])
    assert found.log_size_at(0.5)[0] == pytest.approx(5.5, abs=0.05)


def test_a_value_that_is_never_or_always_reached() -> None:
    curves = GrowthCurves(np.array([0.2]), np.array([0.8]), np.array([5.0]), np.array([2.0]))
    assert curves.log_size_at(0.5)[0] == pytest.approx(5.0)
    assert curves.log_size_at(0.9)[0] == np.inf
    assert curves.log_size_at(0.1)[0] == -np.inf
    assert curves.at(curves.log_size_at(0.7))[0] == pytest.approx(0.7)


def test_constant_and_falling_values_give_a_flat_curve() -> None:
    found = fit_growth(SIZES, [[0.3] * 6, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]])
    assert found.high - found.low == pytest.approx([0, 0])
    assert found.low == pytest.approx([0.3, 0.35])
