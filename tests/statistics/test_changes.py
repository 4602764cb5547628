"""Steps of series with known noise; thresholds are worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import median

import pytest

from harness.statistics.changes import Point, difference_interval, distinct, find_steps, noises_of_others
from harness.statistics.intervals import proportion


def timing(values: Sequence[float], measurements: Sequence[str] = ()) -> list[Point]:
    """Points without interval, each a measurement of its own unless told otherwise."""
    own = measurements or [str(i) for i in range(len(values))]
    return [Point(f"r{i}", value, measurement=own[i]) for i, value in enumerate(values)]


def shares(successes: Sequence[int], n: int, measurements: Sequence[str] = ()) -> list[Point]:
    """Proportions with Wilson's interval."""
    own = measurements or [str(i) for i in range(len(successes))]
    found = [proportion(k, n) for k in successes]
    return [Point(f"r{i}", float(e.value or 0), e.low, e.high, n, own[i]) for i, e in enumerate(found)]


def steps(points: Sequence[Point]) -> list[tuple[str, str]]:
    return [(step.after.run, step.rule) for step in find_steps(points)]


def noise_of(differences: Sequence[float]) -> float | None:
    """The noise by these differences, which are the others of a last one."""
    return noises_of_others([*differences, 100.0])[-1]


def test_the_noise_of_one_measurement() -> None:
    assert noise_of([1.0, -2.0, 3.0, -4.0]) == pytest.approx(1.4826 * 2.5 / sqrt(2))
    assert noise_of([0.0] * 4) == 0.0
    assert noise_of([1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize("n", [5, 6, 11, 12])
def test_the_noise_by_all_others_is_the_median_without_each(n: int) -> None:
    import numpy as np

    differences = np.random.default_rng(n).integers(-5, 6, n).astype(float).tolist()
    others = [differences[:i] + differences[i + 1 :] for i in range(n)]
    expected = [1.4826 * median(map(abs, each)) / sqrt(2) for each in others]
    assert noises_of_others(differences) == pytest.approx(expected, rel=1e-15)


def test_the_noise_agrees_with_the_standard_deviation_of_normal_noise() -> None:
    import numpy as np

    drawn = np.random.default_rng(0).normal(5.0, 0.25, 20_000)
    assert noise_of(np.diff(drawn).tolist()) == pytest.approx(0.25, rel=0.02)


QUIET = [10.0, 11.0, 10.0, 11.0, 10.0]
"""Four differences of 1: the noise is 1.4826 / √2, and a step is more than 3 (1 + 7 / 4) 1.4826 = 12.231."""


@pytest.mark.parametrize(("last", "marked"), [(22.2, False), (22.3, True), (-2.2, False), (-2.3, True)])
def test_a_timing_steps_where_it_exceeds_its_noise(last: float, marked: bool) -> None:
    found = find_steps(timing([*QUIET, last]))
    assert [step.after.run for step in found] == (["r5"] if marked else [])
    if found:
        assert found[0].noise == pytest.approx(1.4826 / sqrt(2))
        assert found[0].change == pytest.approx(last - 10.0)


@pytest.mark.parametrize("n", [6, 10, 20, 60])
def test_normal_noise_is_seldom_marked(n: int) -> None:
    """3 known standard deviations would mark 0.27 % of differences; so does the rule, whatever the length."""
    import numpy as np

    rng = np.random.default_rng(n)
    series = 24_000 // n
    marked = sum(len(find_steps(timing(rng.normal(10.0, 1.0, n).tolist()))) for _ in range(series))
    assert 0.001 < marked / (series * (n - 1)) < 0.006


def test_three_other_differences_are_too_few_for_a_timing() -> None:
    assert steps(timing([*QUIET[:4], 1000.0])) == []
    assert steps(timing([*QUIET, 1000.0])) == [("r5", "noise")]


def test_the_difference_under_test_does_not_count_as_noise() -> None:
    """With the 100 among them the median of |1, 1, 3, 3, 100| would be 3; without, that of |1, 1, 3, 3| is 2."""
    (step,) = find_steps(timing([0.0, 1.0, 2.0, 5.0, 8.0, 108.0]))
    assert step.after.run == "r5"
    assert step.noise == pytest.approx(1.4826 * 2 / sqrt(2))


def test_an_earlier_step_hides_no_later_one() -> None:
    values = [10.0, 11.0, 10.0, 11.0, 50.0, 51.0, 50.0, 51.0, 90.0]  # 40 is more than 3 (1 + 7 / 7) 1.4826
    assert steps(timing(values)) == [("r4", "noise"), ("r8", "noise")]


def test_a_reused_cell_is_no_new_measurement() -> None:
    """Counted as measurements, the repetitions would be differences of 0: no noise, and everything a step."""
    values = [10.0, 10.0, 10.0, 11.0, 11.0, 11.0, 10.0, 10.0, 11.0, 11.0, 10.0, 12.0]
    measured = ["a", "a", "a", "b", "b", "b", "c", "c", "d", "d", "e", "f"]
    points = timing(values, measured)
    assert [point.run for point in distinct(points)] == ["r0", "r3", "r6", "r8", "r10", "r11"]
    assert steps(points) == []
    assert steps(timing(values)) != []


def test_the_same_number_measured_again_is_a_measurement() -> None:
    assert len(distinct(timing([1.0, 1.0, 1.0]))) == 3


def test_without_noise_every_change_is_a_step() -> None:
    assert steps(shares([50] * 5 + [51], 100)) == [("r5", "noise")]
    assert steps(timing([2.0] * 5 + [2.0 + 1e-9])) == [("r5", "noise")]
    assert steps(timing([2.0] * 5 + [2.0 + 1e-13])) == []
    assert steps(timing([2e6] * 5 + [2e6 + 1e-7])) == []


def test_the_square_and_add_interval_is_newcombes() -> None:
    """Newcombe 1998, table II, column (a), method 10: 56/70 - 48/80 has the interval 0.0524 to 0.3339."""
    before, after = shares([48], 80)[0], shares([56], 70)[0]
    interval = difference_interval(before, after)
    assert interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval(after, before) == pytest.approx((-0.3339, -0.0524), abs=5e-5)
    assert difference_interval(timing([1.0])[0], after) is None


def test_with_unknown_noise_the_intervals_decide() -> None:
    # 80/100 to 70/100: 0 lies within [-0.2167, 0.0202]; to 60/100: it does not lie within [-0.3185, -0.0731].
    assert steps(shares([80, 70], 100)) == []
    assert steps(shares([80, 60], 100)) == [("r1", "intervals")]
    assert steps(timing([80.0, 60.0])) == []


def test_the_same_records_scored_anew_step_whatever_the_noise() -> None:
    """The metric's code has changed; that is no noise either, so the small difference at the end is a step too."""
    points = shares([50, 50, 50, 52, 52, 52, 53], 1000, ["a", "b", "c", "c", "d", "e", "f"])
    assert steps(points) == [("r3", "scored anew"), ("r6", "noise")]
    assert find_steps(points)[0].noise is None


def test_nothing_and_one_point_have_no_step() -> None:
    assert find_steps([]) == []
    assert find_steps(timing([1.0])) == []
