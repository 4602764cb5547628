"""The smallest size that reaches a value, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.api import HarnessError, Row, Status
from harness_capacity.comparisons.size_needed import SizeNeeded
from swept_rows import cells, row

ERRORS = {0: (9, 1, 1), 1: (9, 9, 1), 2: (9, 9, 1)}
ROWS = [row(w, e, seed) for seed, errors in ERRORS.items() for w, e in zip((4, 8, 16), errors, strict=True)]


def test_the_best_and_the_median_seed() -> None:
    (found,) = SizeNeeded("sup_error", at_most=1).rows(cells(ROWS))
    assert found.labels["model"] == "net (width for sup_error <= 1)"
    best, middle = found.estimates["width_best_seed"], found.estimates["width_median_seed"]
    assert (best.value, best.low, best.high) == (8, 4, 8)
    assert (middle.value, middle.low, middle.high) == (16, 8, 16)
    assert found.display == {"seeds": "3"}


def test_at_least_looks_for_large_values_and_the_smallest_size_has_no_lower_end() -> None:
    (found,) = SizeNeeded("sup_error", at_least=9).rows(cells(ROWS))
    best = found.estimates["width_best_seed"]
    assert (best.value, best.low, best.high) == (4, None, 4)


def test_never_reached_is_undefined_and_what_failed_is_counted() -> None:
    (found,) = SizeNeeded("sup_error", at_most=0.5).rows(cells([*ROWS, row(16, None, 3)]))
    estimate = found.estimates["width_best_seed"]
    assert (estimate.value, estimate.n_missing) == (None, 1)
    assert "not reached at sizes up to 16" in estimate.reason
    assert found.status is Status.OK


@pytest.mark.parametrize("how", [{}, {"at_most": 1.0, "at_least": 2.0}])
def test_one_of_the_two_must_be_given(how: dict[str, float]) -> None:
    with pytest.raises(HarnessError, match="one of `at_most` and `at_least`"):
        SizeNeeded("sup_error", **how)  # type: ignore[arg-type]


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(HarnessError, match="no row has a value of `accuracy`"):
        list(SizeNeeded("accuracy", at_least=1).rows(cells(ROWS)))


def test_parameters_for_each_example() -> None:
    """Of a network of w inner units, 3 w + 1 parameters, on 10 examples."""
    rows = [replace(each, n=10, facts={"cost": {"parameters": 3 * width_of(each) + 1}}) for each in ROWS]
    (found,) = SizeNeeded("sup_error", at_most=1, per_example=True).rows(cells(rows))
    estimate = found.estimates["parameters_per_example"]
    assert (estimate.value, estimate.low, estimate.high) == (4.9, 2.5, 4.9)


def test_parameters_that_are_not_known_are_not_divided() -> None:
    (found,) = SizeNeeded("sup_error", at_most=1, per_example=True).rows(cells(ROWS))
    assert found.estimates["parameters_per_example"].value is None
    assert "number of parameters is not known" in found.estimates["parameters_per_example"].reason


def width_of(one: Row) -> int:
    return int(one.components["model"]["parameters"]["width"])
