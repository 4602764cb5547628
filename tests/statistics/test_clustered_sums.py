"""Ratios of sums over clusters: the jackknife by hand, and where there is no interval."""

from __future__ import annotations

from functools import partial

import pytest

from harness.api import ClusteredSums, ratio_of_sums

jackknife = partial(ratio_of_sums, interval="jackknife")


def test_two_documents_of_equal_length_by_hand() -> None:
    """1 and 3 nats per unit: the jackknife's error is that of the mean, 1, and t with one degree of freedom 12.706."""
    estimate = jackknife([10.0, 30.0], [10.0, 10.0])
    assert estimate.value == 2.0
    assert estimate.high == pytest.approx(2 + 12.7062, abs=1e-3)
    # Nats per byte are not negative.
    assert estimate.low == 0.0


def test_where_there_is_no_interval() -> None:
    for one in (
        jackknife([2.0], [4.0]),
        jackknife([2.0, 4.0], [1.0, 1.0], clusters=["a", "a"]),
        jackknife([2.0, 0.0], [1.0, 0.0]),
    ):
        assert one.value is not None
        assert (one.low, one.high) == (None, None)


def test_the_degrees_of_freedom_are_those_of_equal_clusters() -> None:
    assert ClusteredSums.of([1, 1, 1, 1], [5, 5, 5, 5], None).degrees_of_freedom() == pytest.approx(3)
    # One large document among small ones says as much as one.
    assert ClusteredSums.of([1, 1, 1], [1000, 1, 1], None).degrees_of_freedom() == 1


def test_both_intervals_are_of_the_same_ratio_and_say_what_they_rest_on() -> None:
    one = ratio_of_sums([1.0, 2.0, 3.0], [1.0, 1.0, 2.0], clusters=["a", "b", "b"])
    other = jackknife([1.0, 2.0, 3.0], [1.0, 1.0, 2.0], clusters=["a", "b", "b"])
    assert one.value == other.value == 1.5
    assert (one.method, other.method) == ("bootstrap over 2 clusters", "jackknife over 2 clusters")
    assert one.n == other.n == 3
