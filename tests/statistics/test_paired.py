"""Differences: what holds for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.estimates import Estimate
from harness.statistics.intervals import mean, proportion
from harness.statistics.paired import (
    Difference,
    binary_difference,
    bootstrap_difference,
    holm,
    independent_difference,
    paired_difference,
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
def test_anything_else_gets_the_bootstrap(a: list[float], b: list[float]) -> None:
    assert paired_difference(np.array(a), np.array(b), rng()).method == "paired bootstrap"


def test_an_example_that_does_not_count_has_no_weight() -> None:
    """Means of 2 and 2.5 over the examples that count on either side, whatever stands at the others."""
    a = np.array([1.0, 2.0, 3.0, NAN, NAN])
    b = np.array([NAN, 2.0, 3.0, NAN, 2.5])
    assert bootstrap_difference(a, b, rng()).value == pytest.approx(0.5)


def test_the_bootstrap_keeps_pairs_together() -> None:
    """A constant shift of noisy values is certain; if sides were drawn apart it would drown."""
    a = rng().normal(0, 10, 100)
    found = bootstrap_difference(a, a + 1.0, rng())
    assert ends(found) == pytest.approx((1.0, 1.0))
    assert found.p == pytest.approx(2.0**-99)


def test_few_examples_cannot_be_sure() -> None:
    found = bootstrap_difference(np.array([1.0, 2.0, NAN]), np.array([2.0, 3.0, 9.0]), rng())
    assert found.p == 0.5
    alone = bootstrap_difference(np.array([1.0, NAN]), np.array([2.0, NAN]), rng())
    assert (alone.value, alone.low, alone.p) == (1.0, None, None)
    with pytest.raises(ValueError, match="no example counts"):
        bootstrap_difference(np.array([NAN]), np.array([1.0]), rng())


def test_round_off_is_no_difference() -> None:
    a = np.full(50, 0.1)
    found = bootstrap_difference(a, a + 1e-9, rng())
    assert found.p == 1.0
    assert bootstrap_difference(a, a + 1e-5, rng()).p == pytest.approx(2.0**-49)


def test_the_same_seed_gives_the_same_draws_in_blocks_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = rng().random(50), rng().random(50) ** 2
    one = bootstrap_difference(a, b, np.random.default_rng(1))
    assert bootstrap_difference(a, b, np.random.default_rng(1)) == one
    monkeypatch.setattr("harness.statistics.paired._MAX_WEIGHTS_PER_BLOCK", 501)
    assert ends(bootstrap_difference(a, b, np.random.default_rng(1))) == pytest.approx(ends(one))


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
