"""Steps: changes in a series of measurements that exceed its noise, as `harness history` marks them.

A run that takes a cell from the store does not measure it again, so its point is no new measurement and says nothing
about noise. Between distinct measurements d_1, d_2, ... are the successive differences. The noise of one measurement is

    s_i = 1.4826 median{|d_j| : j ≠ i} / √2,

a robust standard deviation: 1.4826 makes the median absolute value agree with the standard deviation of a normal
distribution, √2 is there since a difference holds the noise of two measurements, and d_i itself is left out, since it
is what is judged. The median keeps an earlier step from hiding a later one.

- With m >= 4 other differences, d_i is a step if |d_i| > 3 (1 + 7 / m) √2 s_i. Deterministic results have no noise;
  then every difference beyond round-off (1e-12, relative to numbers above 1) is a step.
  With a bare 3, normal noise alone would mark 2.2 % of differences at m = 10 and 0.7 % at m = 50, since the noise is
  estimated from few of them. 1 + 7 / m brings that to the 0.3 % of 3 known standard deviations at every m (fitted to
  simulated quantiles for m from 4 to 100; see the tests).
- With fewer, the noise is not known. A metric whose intervals are [l, u] has a step from value a to value b if 0 lies
  outside the square-and-add interval of the difference (Newcombe 1998, method 10, for proportions with Wilson's),

      b - a - √((b - l_b)² + (u_a - a)²)  to  b - a + √((u_b - b)² + (a - l_a)²).

  It takes the two samples to be independent. Where they are the same examples it is too wide, so that small steps are
  missed rather than invented. Timings and costs have no interval and are not marked.
- If the value changed while the measurement is the same, the same records were scored by other code. That is a step
  whatever the noise, and it is left out of the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

from harness.statistics.intervals import square_and_add

Rule = Literal["noise", "intervals", "scored anew"]

MIN_DIFFERENCES = 4
"""Number of other differences from which the noise can be estimated."""
ROUND_OFF = 1e-12
_DEVIATIONS_PER_MEDIAN = 1.4826

NOTE = (
    "A step is a change of more than 3·(1 + 7/m)·√2 times the noise of one measurement, 1.4826·median|difference|/√2\n"
    "over the m other differences between measurements; without any noise, every change. With fewer than 4 other\n"
    "differences the noise is not known: then a metric has a step where the interval of the difference\n"
    "(square-and-add) leaves out 0, and timings and costs have none. A cell taken from the store is not measured\n"
    "again and counts once. Noise alone marks about 1 in 370 differences of a timing."
)


@dataclass(frozen=True)
class Point:
    """The value of one metric of one row in one run.

    Attributes:
        run: the id of the run.
        value, low, high: the number and its interval; without interval both ends are None.
        n: the number of records behind it, if known.
        measurement: equal for points that stem from the same measurement.
    """

    run: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    measurement: str = ""


@dataclass(frozen=True)
class Step:
    """A change that exceeds the noise.

    Attributes:
        before, after: the measurements on both sides; `after.run` is the run in which it appeared.
        rule: the rule that found it.
        noise: the standard deviation of one measurement; None where it is not known.
    """

    before: Point
    after: Point
    rule: Rule
    noise: float | None = None

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after.value - self.before.value


def distinct(points: Sequence[Point]) -> list[Point]:
    """Return the points without those that repeat the measurement and the value of the point before them."""
    measurements: list[Point] = []
    for point in points:
        if not measurements or point.measurement != measurements[-1].measurement or _differ(measurements[-1], point):
            measurements.append(point)
    return measurements


def noises_of_others(differences: Sequence[float]) -> list[float | None]:
    """For each difference of two measurements, the standard deviation of one by all others; None if they are too few.

    They are sorted once, not once for each.
    """
    count = len(differences) - 1
    if count < MIN_DIFFERENCES:
        return [None] * len(differences)
    order = sorted(range(len(differences)), key=lambda number: abs(differences[number]))
    sizes = [abs(differences[number]) for number in order]
    low, high = (count - 1) // 2, count // 2
    noises: list[float | None] = [None] * len(differences)
    for rank, number in enumerate(order):
        # Those from this rank on move up by one where it is left out.
        median = (sizes[low + (low >= rank)] + sizes[high + (high >= rank)]) / 2
        noises[number] = _DEVIATIONS_PER_MEDIAN * median / sqrt(2)
    return noises


def factor(n_others: int) -> float:
    """Return how many standard deviations of a difference make a step, estimated from `n_others` differences."""
    return 3.0 * (1.0 + 7.0 / n_others)


def difference_interval(before: Point, after: Point) -> tuple[float, float] | None:
    """The square-and-add interval of after minus before; None unless both have an interval."""
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return None
    below, above = square_and_add((after.value, after.low, after.high), (before.value, before.low, before.high))
    change = after.value - before.value
    return change - float(below), change + float(above)


def find_steps(points: Sequence[Point]) -> list[Step]:
    """Return the steps of a series, oldest first.

    Args:
        points: in the order of their runs; repeated measurements are collapsed here.
    """
    measurements = distinct(points)
    pairs = list(pairwise(measurements))
    differences = [after.value - before.value for before, after in pairs if before.measurement != after.measurement]
    noises = iter(noises_of_others(differences))
    steps: list[Step] = []
    for before, after in pairs:
        if before.measurement == after.measurement:
            steps.append(Step(before, after, "scored anew"))
            continue
        step = _step_between(before, after, next(noises), len(differences) - 1)
        steps += [step] if step else []
    return steps


def _step_between(before: Point, after: Point, noise: float | None, n_others: int) -> Step | None:
    if noise is None:
        interval = difference_interval(before, after)
        apart = interval is not None and (interval[0] > 0 or interval[1] < 0)
        return Step(before, after, "intervals") if apart else None
    exceeds = abs(after.value - before.value) > factor(n_others) * sqrt(2) * noise
    return Step(before, after, "noise", noise) if exceeds and _differ(before, after) else None


def _differ(before: Point, after: Point) -> bool:
    return abs(after.value - before.value) > ROUND_OFF * max(1.0, abs(before.value), abs(after.value))
