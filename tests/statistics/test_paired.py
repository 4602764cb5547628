"""Differences: what holds for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_rel

from harness.contract.estimates import Estimate
from harness.statistics.intervals import mean, proportion
from harness.statistics.paired import (
    Difference,
    binary_difference,
    holm,
    independent_difference,
    influence_difference,
    newcombe_paired,
    paired_difference,
    studentised_difference,
)

NAN = float("nan")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def ends(difference: Difference) -> tuple[float, float]:
    assert difference.low is not None
    assert difference.high is not None
    return difference.low, difference.high


@given(st.lists(st.sampled_from([0.0, 1.0, 0.3, NAN]), min_size=1, max_size=30))
@settings(max_examples=60)
def test_identical_values_differ_by_exactly_nothing(values: list[float]) -> None:
    array = np.array([*values, 0.3])
    found = paired_difference(array, array.copy(), rng())
    assert (found.value, found.p) == (0.0, 1.0)
    low, high = ends(found)
    assert low <= 0.0 <= high


@given(
    st.integers(2, 30).flatmap(
        lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n) for _ in range(2)])
    )
)
@settings(max_examples=100)
def test_sides_may_be_swapped(sides: tuple[list[bool], list[bool]]) -> None:
    a, b = map(np.array, sides)
    there, back = binary_difference(a, b), binary_difference(b, a)
    assert there.value == -back.value
    assert there.p == back.p
    assert ends(there) == pytest.approx((-ends(back)[1], -ends(back)[0]))
    assert -1 <= ends(there)[0] <= there.value <= ends(there)[1] <= 1
    wilson_there = independent_difference(proportion(int(a.sum()), len(a)), proportion(int(b.sum()), len(b)))
    wilson_back = independent_difference(proportion(int(b.sum()), len(b)), proportion(int(a.sum()), len(a)))
    assert wilson_there.p == pytest.approx(wilson_back.p)
    assert ends(wilson_there) == pytest.approx((-ends(wilson_back)[1], -ends(wilson_back)[0]))


def test_truth_values_of_the_same_examples_get_mcnemar() -> None:
    a = np.array([1.0, 1, 1, 1, 1, 1, 1, 0, NAN])
    b = np.array([0.0, 0, 0, 0, 0, 0, 1, 1, NAN])
    found = paired_difference(a, b, rng())
    assert found.method == "exact McNemar, Newcombe paired"
    assert found.value == pytest.approx(-5 / 8)
    assert found.p == pytest.approx(2 * (1 + 7) / 2**7)  # 1 of 7 discordant pairs, or fewer


@pytest.mark.parametrize(
    ("a", "b"),
    [([1.0, 0.0, 1.0, NAN], [1.0, 0.0, NAN, 1.0]), ([1.0, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0])],
)
def test_anything_else_is_studentised(a: list[float], b: list[float]) -> None:
    many = np.repeat(a, 4) + rng().normal(size=16), np.repeat(b, 4)
    assert paired_difference(*many, rng()).method == "student-t, bootstrapped where skewed"


def test_an_interval_beside_an_unresolved_exact_test_reaches_no_difference() -> None:
    """Of five discordant pairs, all of one side, p = 2 / 2^5; Newcombe's interval alone would claim a difference."""
    a = np.array([True] * 45 + [False] * 5)
    found = binary_difference(a, np.ones(50, dtype=bool))
    assert found.p == pytest.approx(0.0625)
    assert ends(found)[0] == 0.0
    assert newcombe_paired(45, 5, 0, 0)[0] > 0


def test_an_example_that_does_not_count_has_no_weight() -> None:
    """Means of 2 and 2.5 over the examples that count on either side, whatever stands at the others."""
    a = np.array([1.0, 2.0, 3.0, NAN, NAN])
    b = np.array([NAN, 2.0, 3.0, NAN, 2.5])
    assert studentised_difference(a, b, rng()).value == pytest.approx(0.5)


def test_pairs_are_kept_together() -> None:
    """A constant shift of noisy values is certain; if sides were drawn apart it would drown."""
    a = rng().normal(0, 10, 100)
    found = studentised_difference(a, a + 1.0, rng())
    assert ends(found) == pytest.approx((1.0, 1.0))
    assert found.p == pytest.approx(2.0**-99)


def test_few_examples_cannot_be_sure() -> None:
    found = studentised_difference(np.array([1.0, 2.0, NAN]), np.array([2.0, 3.0, 9.0]), rng())
    assert (found.low, found.p, found.method) == (None, 0.25, "too few examples differ: 3")
    alone = studentised_difference(np.array([1.0, NAN]), np.array([2.0, NAN]), rng())
    assert (alone.value, alone.low, alone.p) == (1.0, None, 1.0)
    with pytest.raises(ValueError, match="no example counts"):
        studentised_difference(np.array([NAN]), np.array([1.0]), rng())


def test_few_differences_among_many_examples_cannot_be_sure() -> None:
    a, b = np.zeros(1000), np.zeros(1000)
    b[:5] = 1.5
    found = studentised_difference(a, b, rng())
    assert (found.value, found.low, found.p) == (pytest.approx(0.0075), None, 2.0**-4)
    b[5] = 1.5
    assert studentised_difference(a, b, rng()).p == pytest.approx(2.0**-5)


@given(st.integers(0, 10_000), st.integers(6, 40), st.floats(0.0, 1.5), st.floats(0.1, 1.5))
@settings(max_examples=60)
def test_the_interval_excludes_no_difference_where_the_test_does(seed: int, n: int, shift: float, skew: float) -> None:
    draws = np.random.default_rng(seed)
    a = draws.normal(size=n)
    b = a + shift * np.sign(draws.random() - 0.5) + draws.lognormal(0, skew, n) - np.exp(skew**2 / 2)
    found = studentised_difference(a, b, draws, draws=200)
    low, high = ends(found)
    assert found.p is not None
    assert (found.p < 0.05) == (low > 0 or high < 0)


def test_without_skewness_it_is_students_test() -> None:
    """Many examples are not resampled at all."""
    a = rng().normal(size=20_001)
    b = a + np.tile([0.01, -0.01, 0.003], 6667)
    found = studentised_difference(a, b, rng())
    student = ttest_rel(b, a)
    interval = student.confidence_interval()
    assert found.p == pytest.approx(student.pvalue, rel=1e-3)
    assert ends(found) == pytest.approx((interval.low, interval.high), rel=1e-3)


def test_round_off_is_no_difference() -> None:
    a = np.full(50, 0.1)
    found = studentised_difference(a, a + 1e-9, rng())
    assert found.p == 1.0
    assert studentised_difference(a, a + 1e-5, rng()).p == pytest.approx(2.0**-49)


def test_the_same_seed_gives_the_same_draws_in_blocks_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = rng().random(50), rng().random(50) ** 2
    one = studentised_difference(a, b, np.random.default_rng(1))
    assert studentised_difference(a, b, np.random.default_rng(1)) == one
    monkeypatch.setattr("harness.statistics.studentised._MAX_WEIGHTS_PER_BLOCK", 501)
    assert ends(studentised_difference(a, b, np.random.default_rng(1))) == pytest.approx(ends(one))


def test_contributions_that_are_shared_cancel() -> None:
    """By hand: the records add variance 2 * .03^2 = .0018 of their differences, the reference cancels."""
    a = {"records": np.array([0.1, -0.1]), "reference": np.array([0.5, -0.5])}
    b = {"records": np.array([0.13, -0.13]), "reference": np.array([0.5, -0.5])}
    found = influence_difference(0.1, a, b)
    assert found is not None
    reach = 1.959964 * 0.0018**0.5
    assert ends(found) == pytest.approx((0.1 - reach, 0.1 + reach))
    assert found.p == pytest.approx(0.018422, rel=1e-4)
    wider = influence_difference(0.1, a, b, freedom=19)
    assert wider is not None
    assert wider.p == pytest.approx(2 * t.sf(0.1 / 0.0018**0.5, 19))
    assert ends(wider)[0] == pytest.approx(0.1 - t.ppf(0.975, 19) * 0.0018**0.5)


def test_contributions_of_other_data_or_none_give_no_test() -> None:
    a = {"records": np.array([0.1, -0.1])}
    assert influence_difference(0.1, a, {"records": np.array([0.1, -0.1, 0.0])}) is None
    assert influence_difference(0.1, a, {"reference": np.array([0.1, -0.1])}) is None
    assert influence_difference(0.1, a, a) is None
    same = influence_difference(0.0, a, a)
    assert same is not None
    assert (same.low, same.high, same.p) == (0.0, 0.0, 1.0)


def test_estimates_without_interval_give_no_test() -> None:
    found = independent_difference(mean([1.0]), mean([3.0, 4.0]))
    assert (found.value, found.low, found.high, found.p) == (2.5, None, None, None)
    with pytest.raises(ValueError, match="no value"):
        independent_difference(Estimate.undefined("nobody knows"), mean([3.0, 4.0]))


def test_equal_estimates_differ_by_exactly_nothing() -> None:
    for estimate in (proportion(0, 5), proportion(3, 7), mean([1.0, 2.0, 4.0])):
        found = independent_difference(estimate, estimate)
        assert (found.value, found.p) == (0.0, 1.0)


def test_constant_values_do_not_make_two_examples_certain() -> None:
    one, other = (Estimate(value, value, value, 0.95, "student-t", 2) for value in (1.0, 2.0))
    assert independent_difference(one, other).p == 0.5


def test_a_wilson_interval_that_is_none_is_taken_as_it_is() -> None:
    """A plugin may call any interval so; what does not follow from value and n is not computed again."""
    odd = Estimate(0.5, 0.4, 0.6, 0.95, "wilson", 10_000)
    found = independent_difference(odd, Estimate(0.7, 0.6, 0.8, 0.95, "wilson", 10_000))
    assert ends(found) == pytest.approx((0.2 - 0.1 * 2**0.5, 0.2 + 0.1 * 2**0.5))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def test_tests_that_are_not_made_count_as_the_largest() -> None:
    assert holm([0.03, 0.001, 1.0], 4) == holm([0.03, 0.001, 1.0, *[1.0] * 4])[:3]
    # Adjusted for a number of pairs of which no list could be made.
    assert holm([1e-20], 10**15) == pytest.approx([1e-20 * (10**15 + 1)])
