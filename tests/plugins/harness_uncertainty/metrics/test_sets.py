"""Coverage and size of prediction sets."""

from __future__ import annotations

import pytest

from harness.api import Records, proportion
from harness_uncertainty.metrics.sets import ConformalCoverage, SetSize


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
