"""Gaps between groups: exact against enumeration, and never an interval that says one thing and a p another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from harness.contract.errors import InvalidOutput
from harness.statistics import gaps_of_means
from harness.statistics.gaps import gap_estimate, gap_of_groups
from harness.statistics.gaps_of_means import gap_of_ratios
from harness.statistics.gaps_of_rates import gap_of_rates, largest_difference, range_quantile
from harness.statistics.intervals import newcombe, normal_quantile
from harness.statistics.partition import Partition
from harness.statistics.permutation import PERMUTATIONS, GapTest, can_be_found

Floats = npt.NDArray[np.float64]
COMPAS = [1795, 23, 1488, 405, 8, 244]


def tied(test: GapTest) -> bool:
    return (test.low > 0) == (test.p <= 0.05)


@st.composite
def counts(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    trials = draw(st.lists(st.sampled_from([1, 2, 5, 9, 40, 300]), min_size=2, max_size=6))
    return [draw(st.integers(0, n)) for n in trials], trials


@settings(max_examples=60, deadline=None)
@given(st.lists(counts(), min_size=1, max_size=2))
def test_rates_have_an_interval_above_0_exactly_where_p_is_small(rates: list[tuple[list[int], list[int]]]) -> None:
    test = gap_of_rates([(np.array(s), np.array(n)) for s, n in rates])
    assert tied(test)
    assert 0 <= test.low <= test.gap <= test.high <= 1
    assert 0 < test.p <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([2, 3, 7, 30]), min_size=2, max_size=5),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]),
    st.booleans(),
    st.booleans(),
)
def test_means_and_ratios_have_one_too(sizes: list[int], seed: int, shift: float, whole: bool, ratio: bool) -> None:
    rng, group = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    values = rng.normal(size=len(group)) * (1 + group) + shift * (group == 0)
    values = np.round(values) if whole else values
    weights = rng.integers(1, 9, len(group)).astype(float) if ratio else np.ones(len(group))
    test = gap_of_ratios(values * weights, weights, group, len(sizes))
    assert tied(test)
    assert 0 <= test.low <= test.gap + 1e-12
    assert test.gap <= test.high + 1e-12


def welch(values: Floats, group: npt.NDArray[np.intp]) -> float:
    """Student's t of two groups, by hand."""
    one, other = values[group == 0], values[group == 1]
    error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return float(abs(one.mean() - other.mean()) / error)


def test_two_means_against_all_permutations() -> None:
    """The statistic orders permutations as Welch's t over its quantile does."""
    rng, group = np.random.default_rng(4), np.repeat([0, 1], 4)
    values = rng.normal(size=8) + 1.5 * group
    splits = [np.isin(np.arange(8), some).astype(int) for some in itertools.combinations(range(8), 4)]
    statistics, gaps = [], []
    for split in splits:
        statistics.append(welch_over_quantile(values, split))
        gaps.append(abs(values[split == 0].mean() - values[split == 1].mean()))
    observed = welch_over_quantile(values, group)
    # Neither the permutations nor Welch's test alone may find what the other does not.
    welchs = float(ttest_ind(values[group == 0], values[group == 1], equal_var=False).pvalue)
    expected = max(float(np.mean(np.array(statistics) >= observed * (1 - 1e-9))), welchs)
    test = gap_of_ratios(values, np.ones(8), group, 2)
    error = 4 * math.sqrt(expected * (1 - expected) / PERMUTATIONS) + 1 / PERMUTATIONS
    assert test.p == pytest.approx(expected, abs=error)
    assert test.null == pytest.approx(np.mean(gaps), rel=0.05)


def welch_over_quantile(values: Floats, group: npt.NDArray[np.int_]) -> float:
    """Welch's t over its quantile."""
    from scipy.stats import t as student

    one, other = values[group == 0], values[group == 1]
    a, b = one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)
    freedom = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(other) - 1))
    return welch(values, group) / float(student.ppf(0.975, freedom))


def test_two_rates_agree_with_fisher() -> None:
    """With two groups of equal size the test is Fisher's."""
    from scipy.stats import fisher_exact

    test = gap_of_rates([(np.array([14, 7]), np.array([20, 20]))])
    expected = fisher_exact([[14, 6], [7, 13]])[1]
    assert test.p == pytest.approx(expected, abs=4 * math.sqrt(expected / PERMUTATIONS))


def test_the_difference_by_hand() -> None:
    # Rates 3/10 and 9/30, 20/40: pooled 32/80 = .4; the largest is .2 / sqrt(.24 (1/30 + 1/40)).
    expected = 0.2 / math.sqrt(0.24 * (1 / 30 + 1 / 40))
    assert largest_difference([3, 9, 20], [10, 30, 40]) == pytest.approx(expected)
    every = [abs(a - b) / math.sqrt(1 / n + 1 / m) for (a, n), (b, m) in itertools.combinations(RATES, 2)]
    successes, sizes = [round(p * n) for p, n in RATES], [n for _, n in RATES]
    pooled = sum(successes) / sum(sizes)
    assert largest_difference(successes, sizes) == pytest.approx(max(every) / math.sqrt(pooled * (1 - pooled)))


RATES = [(0.5, 10), (0.9, 10), (0.3, 10), (0.4, 50), (0.8, 5), (0.2, 5)]


def test_the_lower_end_is_the_difference_that_a_score_test_just_does_not_reject() -> None:
    """(p_i - p_j)(1 - u) is as many standard errors, of rates a share u on their way, as the critical value."""
    s, n = np.array([60, 40, 50]), np.array([100, 110, 400])
    test = gap_of_rates([(s, n)])
    share, pooled = s / n, s.sum() / n.sum()
    u = test.low / (share[0] - share[2])
    on_the_way = pooled + u * (share - pooled)
    error = math.sqrt(sum(on_the_way[i] * (1 - on_the_way[i]) / n[i] for i in (0, 2)))
    other = test.low / (share[0] - share[1])
    assert 0 < u < 1
    candidates = [(share[0] - share[2]) * (1 - u) / error]
    on_the_way = pooled + other * (share - pooled)
    error = math.sqrt(sum(on_the_way[i] * (1 - on_the_way[i]) / n[i] for i in (0, 1)))
    candidates.append((share[0] - share[1]) * (1 - other) / error)
    # The permuted quantile of three groups is near Tukey's.
    assert min(abs(each - range_quantile(3, 0.95) / math.sqrt(2)) for each in candidates) < 0.15


def test_the_upper_end_of_two_rates_is_newcombes() -> None:
    _, high = newcombe(56, 70, 48, 80, normal_quantile(0.95))
    assert gap_of_rates([(np.array([48, 56]), np.array([80, 70]))]).high == pytest.approx(float(high))
    low, high = newcombe(50, 100, 52, 100, normal_quantile(0.95))
    test = gap_of_rates([(np.array([50, 52]), np.array([100, 100]))])
    assert test.low == 0.0
    assert test.high == pytest.approx(max(-float(low), float(high)))


def test_two_means_have_welchs_interval() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(0, 1, 60), rng.normal(3, 2, 90)
    interval = ttest_ind(other, one, equal_var=False).confidence_interval()
    test = gap_of_ratios(np.concatenate([one, other]), np.ones(150), np.repeat([0, 1], [60, 90]), 2)
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high), abs=0.05)


def test_the_smallest_p_counts_the_observation() -> None:
    values, group = np.repeat([1.0, 0.0], 200), np.repeat([0, 1], 200)
    test = gap_of_groups(values, np.ones(400), group, 2)
    assert (test.gap, test.p) == (1.0, 1 / (PERMUTATIONS + 1))


@pytest.mark.parametrize("value", [1.0, 0.5])
def test_no_difference_at_all(value: float) -> None:
    test = gap_of_groups(np.full(30, value), np.ones(30), np.repeat([0, 1, 2], 10), 3)
    assert (test.gap, test.low, test.null, test.p) == (0.0, 0.0, 0.0, 1.0)


def test_equal_values_of_a_few_do_not_show_that_there_is_no_spread() -> None:
    test = gap_of_groups(np.array([1.0, 1, 3, 3, 2, 2]), np.ones(6), np.repeat([0, 1, 2], 2), 3)
    assert (test.gap, test.low) == (2.0, 0.0)
    assert test.p > 0.05
    assert test.high > 3
    assert gap_of_groups(np.repeat([1.0, 3, 2], 8), np.ones(24), np.repeat([0, 1, 2], 8), 3).low > 1


def test_handfuls_do_not_hide_what_large_groups_show() -> None:
    """The raw range of these would be decided by the groups of 8 and 23; by race its p is above .05."""
    test = gap_of_rates([(np.array([539, 5, 342, 93, 2, 56]), np.array(COMPAS))])
    assert test.p < 0.005
    assert test.low > 0.02
    rng, sizes = np.random.default_rng(0), [2] * 8 + [2000, 2000]
    group = np.repeat(np.arange(10), sizes)
    assert gap_of_ratios(rng.normal(size=4016) + 0.25 * (group == 9), np.ones(4016), group, 10).p < 0.05


def test_a_wider_spread_of_a_small_group_is_no_gap() -> None:
    """10 values of standard deviation 3 beside 500 of 1: the raw gap is called significant in nearly half of draws."""
    rng, group = np.random.default_rng(0), np.repeat([0, 1], [10, 500])
    spread = np.where(group == 0, 3.0, 1.0)
    alarms = sum(gap_of_ratios(spread * rng.normal(size=510), np.ones(510), group, 2).p <= 0.05 for _ in range(25))
    assert alarms <= 4


def test_shifting_or_ordering_rows_changes_nothing() -> None:
    rng, group = np.random.default_rng(1), np.repeat([0, 1, 2], [5, 9, 30])
    values = rng.exponential(size=44)
    one = gap_of_ratios(values, np.ones(44), group, 3)
    far = gap_of_ratios(values + 1e6, np.ones(44), group, 3)
    assert far.p == pytest.approx(one.p, rel=1e-6)
    assert far.gap == pytest.approx(one.gap, abs=1e-8)
    order = rng.permutation(44)
    other = gap_of_ratios(values[order], np.ones(44), group[order], 3)
    assert other.gap == pytest.approx(one.gap)
    assert other.low == pytest.approx(one.low, abs=0.1)
    assert other.p == pytest.approx(one.p, abs=0.06)


def test_many_rows_have_the_same_answer_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where large groups are taken for normal, p and interval are near those of permuting all rows."""
    rng, sizes = np.random.default_rng(3), [40, 1500, 3000]
    group = np.repeat(np.arange(3), sizes)
    values = rng.exponential(size=sum(sizes)) + 0.09 * (group == 1)
    all_rows = gap_of_ratios(values, np.ones(len(values)), group, 3)
    monkeypatch.setattr(gaps_of_means, "_MAX_PERMUTED", 500)
    some = gap_of_ratios(values, np.ones(len(values)), group, 3)
    assert some.method == f"simultaneous welch by {PERMUTATIONS} permutations, large groups normal"
    assert "normal" not in all_rows.method
    assert some.p == pytest.approx(all_rows.p, abs=0.03)
    assert some.null == pytest.approx(all_rows.null, rel=0.1)
    assert (some.low, some.high) == pytest.approx((all_rows.low, all_rows.high), rel=0.1, abs=0.02)


def test_words_heard_in_silence_are_errors() -> None:
    """Rows without a denominator count in the numerator: 16 of 31 against 4 of 27."""
    tops, bottoms = np.array([1.0, 2, 7, 6, 3, 0, 1, 0]), np.array([10.0, 0, 12, 9, 10, 0, 9, 8])
    test = gap_of_groups(tops, bottoms, np.repeat([0, 1], 4), 2)
    assert test.gap == pytest.approx(16 / 31 - 4 / 27)
    assert math.isfinite(test.high)


PARTITION = Partition("sex", ("f", "m", "x"), np.array([0] * 6 + [1] * 6 + [2]))


def test_an_estimate_lists_what_is_left_out() -> None:
    values = np.array([1.0, 0, 1, 1, 1, 1, 0, 0, 1, 0, np.nan, 0, 1])
    estimate = gap_estimate(values, np.ones(13), PARTITION, n_missing=1)
    assert estimate.value == pytest.approx(5 / 6 - 1 / 5)
    assert (estimate.n, estimate.n_missing, estimate.reason) == (11, 1, "left out, too few: x (1)")
    few = gap_estimate(values, np.ones(13), PARTITION, least=7)
    assert (few.value, few.reason) == (None, "0 groups have 7 examples that count; a gap needs 2")
    assert gap_estimate(values, np.ones(13), PARTITION, most=0.7).high == 0.7


def test_clusters_are_permuted_as_a_whole() -> None:
    """Six rows of one group are two speakers who are alike in themselves: nothing can be found between so few."""
    values = np.array([1.0] * 6 + [0.0] * 6 + [1.0])
    who = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4])
    alone = gap_estimate(values, np.ones(13), PARTITION)
    together = gap_estimate(values, np.ones(13), PARTITION, clusters=who, units="speakers")
    assert (alone.value, together.value) == (1.0, 1.0)
    assert alone.p is not None
    assert alone.p < 0.01
    assert (together.low, together.high, together.p) == (None, None, None)
    assert (together.n, together.reason) == (12, "too few for an interval: 4 speakers; left out, too few: x (1)")
    assert together.method == "too few for an interval: 4 speakers"
    pairs = gap_estimate(values, np.ones(13), PARTITION, clusters=np.arange(13) // 2, units="pairs")
    assert pairs.method == "too few for an interval: 6 pairs"
    rows = gap_estimate(values, np.ones(13), PARTITION, clusters=np.arange(13), units="rows")
    assert rows.method.endswith("permutations of rows")
    with pytest.raises(InvalidOutput, match="of the speakers, one belongs to several groups of 'sex': f and m"):
        gap_estimate(values, np.ones(13), PARTITION, clusters=np.zeros(13, dtype=np.intp), units="speakers")


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        *(([3, 3], False), ([3, 4], True), ([2, 4], False), ([2, 5], True)),
        *(([1, 19], True), ([1, 18], False), ([2, 2, 2], False), ([2, 2, 3], True)),
    ],
)
def test_permutations_enough_for_a_small_p(sizes: list[int], found: bool) -> None:
    """The ways to divide all members, counted one by one; the groups of one size may be exchanged."""
    members = np.repeat(np.arange(len(sizes)), sizes)
    ways = (
        {
            tuple(sorted(tuple(i for i, g in enumerate(order) if g == k) for k in range(len(sizes))))
            for order in itertools.permutations(members.tolist())
        }
        if len(members) < 9
        else range(sum(sizes))
    )
    assert (1 / len(ways) <= 0.05 + 1e-12) is found
    assert can_be_found([sizes], 0.95) is found
    if not found:
        assert can_be_found([sizes, [5, 5]], 0.95), "of two rates at once, each is permuted by itself"


def test_the_range_of_two_normals() -> None:
    assert range_quantile(2, 0.95) == pytest.approx(1.959964 * math.sqrt(2), abs=1e-5)
