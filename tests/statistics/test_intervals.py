"""Estimates and intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.intervals import (
    bootstrap,
    drawn_out,
    mean,
    newcombe,
    normal_quantile,
    proportion,
    ratio_of_sums,
    square_and_add,
    wilson,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportion_lies_in_its_interval_and_the_interval_in_0_1(case: tuple[int, int]) -> None:
    successes, n = case
    estimate = proportion(successes, n)
    assert estimate.value == successes / n
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= successes / n <= estimate.high <= 1.0
    mirrored = proportion(n - successes, n)
    assert mirrored.low == pytest.approx(1 - estimate.high)


def test_wilson_by_hand() -> None:
    """8 of 10 at z = 1.96: centre (.8 + z^2/20) / (1 + z^2/10), half z sqrt(.16/10 + z^2/400) / (1 + z^2/10)."""
    estimate = proportion(8, 10)
    assert (estimate.low, estimate.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    # None of n: from 0 to z^2 / (n + z^2), here 3.841459 / 13.841459; all of n are the mirror image.
    assert (proportion(0, 10).low, proportion(0, 10).high) == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert (proportion(10, 10).low, proportion(10, 10).high) == pytest.approx((0.722467, 1.0), abs=1e-6)
    # At 90 % z is 1.644854.
    assert proportion(5, 10, level=0.9).low == pytest.approx(0.5 - 1.644854 / (2 * (10 + 1.644854**2) ** 0.5), abs=1e-6)


def test_student_by_hand() -> None:
    """1, 2, 3 have a deviation of 1, and t of 2 degrees of freedom is 4.302653: 2 -+ 4.302653 / sqrt 3."""
    estimate = mean([1.0, 2.0, 3.0])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-6)
    # Of 1 degree of freedom it is 6.313752 at 90 %; the deviation of 0 and 2 is sqrt 2, and half is t sqrt 2 / sqrt 2.
    estimate = mean([0.0, 2.0], level=0.9)
    assert (estimate.low, estimate.high) == pytest.approx((1 - 6.313752, 1 + 6.313752), abs=1e-6)


def test_a_ratio_of_sums_by_hand() -> None:
    estimate = ratio_of_sums([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)
    assert ratio_of_sums([1.0, 5.0], [3.0, 1.0]).value == 1.5


def test_an_empty_denominator_is_not_zero() -> None:
    for estimate in (proportion(0, 0), mean([]), ratio_of_sums([], []), ratio_of_sums([1.0], [0.0])):
        assert estimate.value is None
        assert estimate.reason


def test_impossible_counts_are_an_error() -> None:
    with pytest.raises(ValueError, match="5 successes of 3 trials"):
        proportion(5, 3)


def test_missing_records_are_counted() -> None:
    assert proportion(3, 4, n_missing=2).n_missing == 2
    assert mean([1.0, 2.0], n_missing=3).n_missing == 3


def test_a_single_value_has_no_interval() -> None:
    assert (mean([2.0]).value, mean([2.0]).low) == (2.0, None)
    assert ratio_of_sums([2.0], [4.0]).low is None
    assert bootstrap(lambda rows: 1.0, 1).low is None


def test_equal_values_are_not_certain() -> None:
    """Of 50 that are all 0, up to 1 - .05^(1 / 50) may be others, and those as large as there can be."""
    found = mean([0.0] * 50, least=0.0, most=2.0)
    assert (found.value, found.low, found.method) == (0.0, 0.0, "rule of three")
    assert found.high == pytest.approx(2 * (1 - 0.05**0.02))
    inside = mean([0.5] * 10, least=0.0, most=1.0)
    assert (inside.low, inside.high) == pytest.approx((0.5 * 0.05**0.1, 1 - 0.5 * 0.05**0.1))
    by_design = mean([35.0] * 3, fixed=True)
    assert (by_design.low, by_design.high) == (35.0, 35.0)
    # How large another loss may be is not known.
    unbounded = mean([0.0] * 50, least=0.0)
    assert (unbounded.value, unbounded.low, unbounded.high) == (0.0, None, None)
    assert unbounded.reason == "all values are equal, so that their spread is not known (50)"


def test_a_mean_stays_within_its_range() -> None:
    found = mean([1.0, 0.9, 0.2], least=0.0, most=1.0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_interval_of_a_mean_is_cut_at_the_least_value() -> None:
    assert mean([0.0, 1.0], least=0.0).low == 0.0
    assert mean([0.0, 1.0]).low is not None
    assert mean([0.0, 1.0]).low < 0  # type: ignore[operator]


def test_clusters_widen_the_interval() -> None:
    """Forty rows that are four authors' worth of information have the interval of four, not of forty."""
    tops = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    alone = ratio_of_sums(tops, np.ones(40))
    together = ratio_of_sums(tops, np.ones(40), clusters=np.repeat(list("abcd"), 10))
    assert alone.value == together.value == 2.5
    assert together.high - together.low > 2 * (alone.high - alone.low)  # type: ignore[operator]
    assert together.method == "jackknife over 4 clusters"


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    tops, bottoms, names = rng.random(30), 1 + rng.random(30), rng.choice(list("abcdef"), 30)
    order = rng.permutation(30)
    one = ratio_of_sums(tops, bottoms, clusters=names)
    two = ratio_of_sums(tops[order], bottoms[order], clusters=names[order])
    assert one.value == pytest.approx(two.value)
    assert one.low == pytest.approx(two.low)


def test_bootstrap_of_a_median() -> None:
    values = np.random.default_rng(1).normal(size=400)
    estimate = bootstrap(lambda rows: float(np.median(values[rows])), 400, draws=500)
    assert estimate.low is not None
    assert estimate.high is not None
    # The standard error of a median of n normals is 1.2533 / sqrt(n).
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * 1.2533 / 20, rel=0.25)


def test_quantiles_of_two_sided_intervals() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054)
    assert normal_quantile(0.99) == pytest.approx(2.5758293035489)


def test_wilsons_interval_by_hand() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3; at z = 2, 5 of 10: .5 -+ 1 / sqrt(14)."""
    low, high = wilson([81 / 263, 15 / 148], [263, 148], normal_quantile(0.95))
    assert low == pytest.approx([0.2553, 0.0624], abs=5e-5)
    assert high == pytest.approx([0.3662, 0.1605], abs=5e-5)
    assert [float(end) for end in wilson(0.5, 10, 2.0)] == pytest.approx([0.5 - 14**-0.5, 0.5 + 14**-0.5])
    assert wilson([0.0, 1.0], 5, 2.0)[0][0] == 0.0
    assert wilson([0.0, 1.0], 5, 2.0)[1][1] == 1.0


def test_newcombes_interval_for_many_pairs() -> None:
    """Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10."""
    low, high = newcombe([56, 9], [70, 10], [48, 3], [80, 10], normal_quantile(0.95))
    assert low == pytest.approx([0.0524, 0.1705], abs=5e-5)
    assert high == pytest.approx([0.3339, 0.8090], abs=5e-5)


def test_what_is_correlated_differs_less() -> None:
    first, second = (5.0, 2.0, 9.0), (1.0, -3.0, 4.0)
    assert [float(end) for end in square_and_add(first, second)] == pytest.approx([18**0.5, 32**0.5])
    assert [float(end) for end in square_and_add(first, second, 1.0)] == [0.0, 0.0]
    assert [float(end) for end in square_and_add(first, second, -1.0)] == [6.0, 8.0]


def test_an_interval_reaches_to_its_estimate() -> None:
    assert drawn_out(0.5, 0.6, 0.7) == (0.5, 0.7)
    assert drawn_out(0.8, 0.6, 0.7) == (0.6, 0.8)
    assert drawn_out(0.65, 0.6, 0.7) == (0.6, 0.7)
