"""Coverage and size of prediction sets."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records, proportion
from harness_uncertainty.metrics.sets import ConformalCoverage, CoverageRange, SetSize


def test_coverage_beside_its_promise_and_size() -> None:
    given = Records.of(
        {"id": list("abcd"), "covered": [True, True, False, None], "set_size": [1, 2, 0, 4]}
        | {"nominal_coverage": [0.9] * 4}
    )
    found, wilson = ConformalCoverage().estimate(given), proportion(2, 3)
    assert (found.value, found.low, found.high) == (wilson.value, wilson.low, wilson.high)
    assert (found.null, found.n_missing) == (0.9, 1)
    assert SetSize().estimate(given).value == pytest.approx(7 / 4)
    assert SetSize().per_example(given).tolist() == [1, 2, 0, 4]
    assert ConformalCoverage().per_example(given)[:3].tolist() == [1, 1, 0]


def test_promises_that_differ_are_no_null() -> None:
    given = Records.of({"id": ["a", "b"], "covered": [True, False], "nominal_coverage": [0.9, 0.8]})
    assert ConformalCoverage().estimate(given).null is None


def test_the_range_that_calibration_allows_is_that_of_a_beta_distribution() -> None:
    """Angelopoulos & Bates 2023, section 3.2: with n = 1,000 at .9 the coverage is typically between .88 and .92."""
    given = Records.of({"id": ["a", "b"], "nominal_coverage": [0.9] * 2, "calibration_size": [1000] * 2})
    found = CoverageRange().estimate(given)
    assert (found.value, found.n) == (901 / 1001, 1000)
    assert found.low == pytest.approx(0.881, abs=0.001)
    assert found.high == pytest.approx(0.918, abs=0.001)
    drawn = np.sort(np.random.default_rng(0).random((4000, 40)), axis=1)[:, 36]
    small = CoverageRange().estimate(Records.of({"id": ["a"], "nominal_coverage": [0.9], "calibration_size": [40]}))
    assert np.quantile(drawn, [0.025, 0.975]).tolist() == pytest.approx([small.low, small.high], abs=0.01)


def test_sets_that_were_not_calibrated_have_no_range() -> None:
    given = Records.of({"id": ["a"], "nominal_coverage": [0.9], "calibration_size": [None]})
    assert CoverageRange().estimate(given).value is None
