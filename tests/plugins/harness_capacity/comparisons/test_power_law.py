"""Power laws with a floor, found again from their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_capacity.comparisons.power_law import fit_power_law

SIZES = [10, 20, 50, 100, 200, 500, 1000]


@settings(max_examples=25)
@given(st.floats(0.0, 0.2), st.floats(0.5, 3.0), st.floats(0.2, 1.5))
def test_a_curve_without_noise_is_found_again(floor: float, scale: float, exponent: float) -> None:
    errors = floor + scale * np.array(SIZES, dtype=float) ** -exponent
    found = fit_power_law(SIZES, errors)
    assert found.at(300)[0] == pytest.approx(floor + scale * 300.0**-exponent, rel=0.01)
    assert found.exponent[0] == pytest.approx(exponent, rel=0.02)


def test_many_rows_are_fitted_as_each_alone_would_be_under_the_same_weights() -> None:
    one = 0.05 + 2 * np.array(SIZES, dtype=float) ** -0.7
    found = fit_power_law(SIZES, [one, one])
    assert found.exponent[0] == found.exponent[1] == pytest.approx(0.7, rel=1e-3)


def test_the_size_for_an_error_by_hand() -> None:
    found = fit_power_law(SIZES, 2 / np.array(SIZES, dtype=float))
    assert found.floor[0] == pytest.approx(0, abs=1e-5)
    assert found.size_at(0.1)[0] == pytest.approx(20, rel=0.01)


def test_a_floor_is_never_passed_nor_negative() -> None:
    found = fit_power_law(SIZES, 0.3 + 1 / np.array(SIZES, dtype=float))
    assert np.isinf(found.size_at(0.25)[0])
    # Errors that fall faster at the end than a power law can: the best floor would be negative.
    falling = fit_power_law(SIZES, np.linspace(0.5, 0.01, 7))
    assert falling.floor[0] >= 0
    assert falling.scale[0] >= 0


def test_errors_that_do_not_fall_have_no_power_law_but_a_floor() -> None:
    found = fit_power_law(SIZES, np.full(7, 0.4))
    assert found.at(5000)[0] == pytest.approx(0.4)
