"""Ratios of sums over clusters: the jackknife by hand, and where there is no interval."""

from __future__ import annotations

import math
from functools import partial

import pytest

from harness.api import ClusteredSums, ratio_of_sums

jackknife = partial(ratio_of_sums, interval="jackknife")


def test_three_documents_of_equal_length_by_hand() -> None:
    """1, 2 and 3 nats per unit: the error is that of the mean, 1 / sqrt(3); t with two degrees of freedom is 4.3027."""
    estimate = jackknife([10.0, 20.0, 30.0], [10.0, 10.0, 10.0])
    half = 4.3027 / 3**0.5
    assert estimate.value == 2.0
    # Nats per byte are not negative, and skewed: upwards the logarithm has the interval, as far as a factor e.
    assert estimate.low == 0.0
    assert half / 2 > 1
    assert estimate.high == pytest.approx(2 + half * (math.e - 1), abs=1e-3)


def test_the_upper_end_is_that_of_the_logarithm_and_of_signed_values_is_not() -> None:
    tops, bottoms = [10.0, 11.0, 9.0, 10.5, 9.5], [5.0] * 5
    found, error = jackknife(tops, bottoms), ClusteredSums.of(tops, bottoms, None).standard_error()
    half = 2.77645 * (error or 0.0)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 * math.exp(half / 2)), abs=1e-5)
    signed = jackknife([-10.0, 11.0, 9.0, 10.5, 9.5], bottoms)
    assert signed.high - signed.value == pytest.approx(signed.value - signed.low)  # type: ignore[operator]


def test_where_there_is_no_interval() -> None:
    for one in (
        jackknife([2.0], [4.0]),
        jackknife([2.0, 4.0], [1.0, 1.0], clusters=["a", "a"]),
        jackknife([2.0, 4.0], [1.0, 1.0]),
        jackknife([2.0, 0.0], [1.0, 0.0]),
    ):
        assert one.value is not None
        assert (one.low, one.high) == (None, None)
        assert one.reason.startswith("too few for an interval: ")


def test_the_degrees_of_freedom_are_those_of_equal_clusters() -> None:
    assert ClusteredSums.of([1, 1, 1, 1], [5, 5, 5, 5], None).degrees_of_freedom() == pytest.approx(3)
    # A spread that is that of one residual among ten is known as that of three.
    assert ClusteredSums.of([1] * 9 + [9], [1] * 10, None).degrees_of_freedom() == pytest.approx(3.2, abs=0.1)
    # One large document among small ones says as much as one.
    assert ClusteredSums.of([1, 1, 1], [1000, 1, 1], None).degrees_of_freedom() == 1


def test_both_intervals_are_of_the_same_ratio_and_say_what_they_rest_on() -> None:
    tops, bottoms, names = [1.0, 2.0, 3.0, 2.0], [1.0, 1.0, 2.0, 1.0], ["a", "b", "b", "c"]
    one = ratio_of_sums(tops, bottoms, clusters=names, interval="bootstrap")
    other = ratio_of_sums(tops, bottoms, clusters=names)
    assert one.value == other.value == 1.6
    assert (one.method, other.method) == ("bootstrap over 3 clusters", "jackknife over 3 clusters")
    assert one.n == other.n == 4
